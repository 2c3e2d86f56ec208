"""Reads docs/operations.md, so that the guest is set up with exactly what the page tells its readers to do."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "operations.md")
FENCED = r"^```\w*\n(.*?)^```$"
INDENTED = r"(?:^    .*\n)+"


def read_page():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def section(title):
    """Returns the text of a section, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", read_page(), re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE} has no section \"{title}\""
    return found[1]


def fenced_blocks(text):
    return re.findall(FENCED, text, re.MULTILINE | re.DOTALL)


def indented_blocks(text):
    """Returns the indented blocks of a text, without their indentation."""
    without_fenced = re.sub(FENCED, "", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in re.findall(INDENTED, without_fenced, re.MULTILINE)]


def commands(title):
    """Returns the commands of a section, without their comments."""
    lines = "".join(indented_blocks(section(title))).splitlines()
    return [re.sub(r"\s{2,}#.*", "", line) for line in lines]


def content_of(path):
    """Returns the content that the page shows for a file. The first line of such a block is a comment with the path."""
    page = read_page()
    found = [block for block in fenced_blocks(page) + indented_blocks(page) if re.match(rf"# {re.escape(path)}\b", block)]
    assert len(found) == 1, f"{PAGE} shows {path} {len(found)} times"
    return found[0].split("\n", 1)[1]


def quoted_after(words):
    """Returns the first text in code quotes after these words."""
    found = re.search(re.escape(words) + r"\s+`([^`]+)`", read_page())
    assert found, f"{PAGE} does not say \"{words}\" before a text in code quotes"
    return found[1]
