"""docs/analysis.md: every command runs and prints what the page says."""
import os
import re
import subprocess

from harness import ROOT, Skip, assert_equal, binary

PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
BLOCK = re.compile(r"```(sh|python)\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def output_of(kind, code):
    os.environ["PATH"] = os.path.dirname(binary()) + ":" + os.environ["PATH"]
    command = ["bash", "-ec", code] if kind == "sh" else [PYTHON, "-c", code]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr.decode()}"
    return done.stdout.decode()


def test_every_command_prints_what_the_page_says():
    if not os.path.exists(PYTHON):
        raise Skip("no .venv with pandas, polars and duckdb; see .ci/dependencies")
    os.symlink(os.path.join(ROOT, "tests"), "tests")
    with open(os.path.join(ROOT, "docs", "analysis.md"), encoding="utf-8") as page:
        blocks = BLOCK.findall(page.read())
    assert len(blocks) > 8
    for kind, code, printed in blocks:
        assert_equal(output_of(kind, code).splitlines(), printed.splitlines(), code)
