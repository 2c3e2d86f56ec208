"""Checks the installed files with systemd, man and bash."""
import glob
import os
import re
import subprocess

import pytest

from support.build import ROOT, binary, build_options
from support.cases import named
from support.compare import assert_equal
from support.installation import below_prefix, installation, read_text, unit_file, unit_settings
from support.program import need, spanflowd

pytestmark = pytest.mark.release_only

UNITS = ("spanflowd.service", "spanflowd@.service")
PAGES = (("spanflowd.8", "spanflowd", "--man"), ("spanflow.yaml.5", "spanflowd", "--list-options", "man"),
         ("spanflowctl.1", "spanflowctl", "--man"))


def output(*words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    return done.returncode, done.stdout.decode()


# --- Installation ---


def files_below(folder):
    return {os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names}


def soname_version(version):
    """Returns the version in the soname, as docs/versioning.md defines it."""
    major, minor, _ = version.split(".")
    return major if major != "0" else f"0.{minor}"


def test_installation_holds_these_files_and_no_other():
    options, version = build_options(), spanflowd("--version").stdout.split()[1]
    library = options["libdir"]
    expected = {
        "sbin/spanflowd", "bin/spanflowctl", "share/spanflow/flow.proto",
        *(f"include/spanflow/{header}" for header in ("export.h", "metric.h", "record.h", "streamer.h")),
        *(f"{library}/libspanflow.{end}" for end in ("a", "so", "so." + soname_version(version), "so." + version)),
        f"{library}/pkgconfig/spanflow.pc",
        *(f"lib/systemd/system/{unit}" for unit in UNITS),
        "lib/sysusers.d/spanflow.conf", "lib/tmpfiles.d/spanflow.conf", "lib/udev/rules.d/70-spanflow.rules",
        *(f"share/man/man{page[-1]}/{page}" for page, *_ in PAGES),
        *(f"share/bash-completion/completions/{program}" for program in ("spanflowd", "spanflowctl")),
        *(f"share/doc/spanflow/{name}" for name in ("README.md", "CHANGELOG.md", "LICENSE")),
        *(f"share/doc/spanflow/config/{name}" for name in files_below(os.path.join(ROOT, "config"))),
        *(f"share/doc/spanflow/docs/{name}" for name in files_below(os.path.join(ROOT, "docs")) - {"regenerate"}),
    }
    prefix = options["prefix"].lstrip("/")
    installed = {path for path in files_below(installation()) if "-packages/" not in path}
    assert_equal(sorted(installed), sorted(os.path.join(prefix, path) for path in expected))


def test_installation_has_the_whole_python_package():
    modules = {path for path in files_below(os.path.join(ROOT, "lib", "python", "spanflow")) if path.endswith((".py", ".pyi", "py.typed"))}
    installed = {path.split("-packages/spanflow/")[1] for path in files_below(installation())
                 if "-packages/" in path and "__pycache__" not in path}
    assert_equal(sorted(path for path in installed if not path.startswith("_core.") or path.endswith(".pyi")), sorted(modules))
    assert_equal(len(installed), len(modules) + 1)


def test_links_between_installed_pages_lead_somewhere():
    pages = glob.glob(below_prefix("share", "doc", "spanflow", "docs", "*.md"))
    assert pages
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)[)#]", read_text(page))]
    source = ("lib/", "bench/", "tests/")  # these folders are not installed
    missing = [f"{os.path.basename(page)}: {link}" for page, link in links
               if not link.removeprefix("../").startswith(source)
               and not os.path.exists(os.path.join(os.path.dirname(page), link))]
    assert not missing, missing


# --- Units ---


def test_both_units_are_the_same_but_for_the_instance():
    plain, template = (read_text(unit_file(unit)) for unit in UNITS)
    assert_equal(plain.replace("/spanflow.yaml", "/%i.yaml").replace("spanflow/spanflow", "spanflow/%i").splitlines(),
                 template.splitlines())


def with_staged_programs(unit):
    """Writes a copy of the unit that starts the program in the installation folder, for systemd-analyze."""
    program = unit_settings(unit)["ExecStart"][0]
    staged = installation() + program
    assert os.access(staged, os.X_OK), staged
    with open(unit, "w", encoding="utf-8") as file:
        file.write(read_text(unit_file(unit)).replace(f"ExecStart={program} ", f"ExecStart={staged} "))
    return os.path.abspath(unit)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with(unit):
    need("systemd-analyze", "man")
    manual = os.path.join(installation(), build_options()["prefix"].lstrip("/"), "share", "man")
    assert_equal(output("systemd-analyze", "verify", with_staged_programs(unit), env={**os.environ, "MANPATH": manual}),
                 (0, ""))


@pytest.mark.parametrize("unit", UNITS)
def test_exposure_is_at_most_3_of(unit):
    need("systemd-analyze")
    code, said = output("systemd-analyze", "security", "--offline=yes", "--threshold=30", with_staged_programs(unit))
    assert code == 0, said


def test_user_of_the_service_is_made_and_owns_what_is_its():
    need("systemd-sysusers")
    sysusers = below_prefix("lib", "sysusers.d", "spanflow.conf")
    code, said = output("systemd-sysusers", "--dry-run", f"--root={os.getcwd()}", sysusers)
    assert code == 0 and "user 'spanflow'" in said, said
    names = set(unit_settings(UNITS[0])["User"] + unit_settings(UNITS[0])["Group"])
    names |= set(re.findall(r'GROUP="(\w+)"', read_text(below_prefix("lib", "udev", "rules.d", "70-spanflow.rules"))))
    lines = [line.split() for line in read_text(below_prefix("lib", "tmpfiles.d", "spanflow.conf")).splitlines() if line[0] != "#"]
    assert_equal(lines, [["d", "/etc/spanflow", "0750", "root", "spanflow"]])
    assert_equal(names, {"spanflow"})


def test_service_may_write_where_the_example_does_and_starts_with_it():
    example = below_prefix("share", "doc", "spanflow", "config", "examples", "span-port.yaml")
    spanflowd("-c", example, "--check-config")
    logs = os.path.join("/var/log", unit_settings("spanflowd.service")["LogsDirectory"][0])
    folders = {os.path.dirname(path) for path in re.findall(r' path: "?([^"\n]+)', read_text(example))}
    assert_equal(folders, {logs})


# --- Manual pages ---


@pytest.mark.parametrize("name, program, arguments", [
    pytest.param(name, program, words, id=name) for name, program, *words in PAGES])
def test_page_is_what_the_program_prints_and_clean(name, program, arguments):
    need("mandoc")
    page = below_prefix("share", "man", "man" + name[-1], name)
    assert_equal((0, read_text(page)), output(binary(program), *arguments))
    warnings = output("mandoc", "-T", "lint", "-W", "warning", page)[1].splitlines()
    # The generated page has no date, because a date would make the pages of two builds different.
    found = [line for line in warnings if "missing date" not in line]
    assert not found, found


def rendered(name):
    """Returns a page as a terminal shows it, without the backspaces that make text bold."""
    need("mandoc")
    page = below_prefix("share", "man", "man" + name[-1], name)
    return re.sub(".\b", "", output("mandoc", "-T", "utf8", "-O", "width=100", page)[1])


def test_manual_of_the_program_has_every_argument():
    page = rendered("spanflowd.8")
    names = re.findall(r"^ +(?:-\w,)?(--[\w-]+)", spanflowd("--help").stdout, re.MULTILINE)
    assert len(names) > 10, names
    missing = [name for name in names if not re.search(rf"^ +(-\w, )?{name}\b", page, re.MULTILINE)]
    assert not missing, missing


def test_manual_of_the_configuration_has_every_option_and_key_of_a_sink():
    page = rendered("spanflow.yaml.5")
    names = re.findall(r"^\| `([\w.]+)`", spanflowd("--list-options").stdout, re.MULTILINE)
    assert len(names) > 40, names
    names += ["type", "rotate_every", "brokers", "password_file", "max_bytes", "when", "plugin"]
    missing = [name for name in names if not re.search(rf"^ +{re.escape(name)}(:| |$)", page, re.MULTILINE)]
    assert not missing, missing
    assert re.search(r"^ +flow.capacity: 128000$", page, re.MULTILINE), page
    assert re.search(r"^ +rotate_every: off \(jsonl, csv\)$", page, re.MULTILINE), page


def test_example_of_the_manual_is_a_configuration():
    page = rendered("spanflow.yaml.5")
    example = re.search(r"^ +input:\n.*?rotate_every: 5m$", page, re.MULTILINE | re.DOTALL)[0]
    with open("example.yaml", "w", encoding="utf-8") as file:
        file.write(example)
    run = spanflowd("-c", "example.yaml", "--check-config")
    assert_equal(run.stderr, "")


# --- Completion ---

COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { printf '%s\\n' "${@:2}"; }  # bash allows compopt only during a completion; this replacement prints its arguments
"_$(basename "$1")" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(*words, program="spanflowd"):
    need("bash")
    script = below_prefix("share", "bash-completion", "completions", program)
    code, said = output("bash", "-u", "-c", COMPLETE, "bash", script, binary(program), *words)
    assert code == 0, said
    return said.split()


COMPLETIONS = (
    ("an argument", ("--dump",), ["--dump-config"]),
    ("arguments behind a flag", ("--quiet", "--list-f"), ["--list-fields"]),
    ("a configuration", ("-c", "som"), ["filenames", "some.yaml"]),
    ("the second file", ("-r", "one.pcap", "t"), ["filenames", "two.pcap"]),
    ("an argument behind files", ("-r", "one.pcap", "--wri"), ["--write"]),
    ("a type of sink", ("-w", ""), ["nospace", "jsonl:", "csv:", "ipfix:", "kafka:"]),
    ("a target's file", ("-w", "csv", ":", "som"), ["filenames", "some.yaml"]),
    ("an option", ("-s", "flow.cap"), ["nospace", "flow.capacity="]),
    ("options by section", ("--set", "overload."), ["nospace", "overload.enabled=", "overload.max_sampling="]),
    ("a word of an option", ("-s", "flow.accounting", "=", "t"), ["transport"]),
    ("all words of an option", ("-s", "flow.vlan_key", "="), ["none", "outer", "inner", "both"]),
    ("yes or no", ("-s", "dpi.enabled", "=", ""), ["true", "false"]),
    ("nothing where any number may stand", ("-s", "flow.capacity", "=", ""), []),
    ("forms of a list", ("--list-options", ""), ["markdown", "schema", "man"]),
)


@pytest.mark.parametrize("words, expected", named(*COMPLETIONS))
def test_completes(words, expected):
    for name in ("some.yaml", "one.pcap", "two.pcap"):
        with open(name, "w", encoding="utf-8"):
            pass
    assert_equal(completions(*words), expected)


CONTROL_COMPLETIONS = (
    ("its commands", ("",), ["status", "reload", "log-level"]),
    ("an argument of a command", ("--json", "status", "--wa"), ["--watch"]),
    ("an argument before the command", ("--so",), ["--socket"]),
    ("levels", ("log-level", "d"), ["debug"]),
    ("a socket", ("--socket", "som"), ["filenames", "some.sock"]),
)


@pytest.mark.parametrize("words, expected", named(*CONTROL_COMPLETIONS))
def test_control_tool_completes(words, expected):
    with open("some.sock", "w", encoding="utf-8"):
        pass
    assert_equal(completions(*words, program="spanflowctl"), expected)


def test_manual_of_the_control_tool_has_every_command():
    page = rendered("spanflowctl.1")
    for word in ("status", "reload", "log-level", "--watch, -w", "LEVEL", "--instance", "--json"):
        assert word in page or word.replace("--watch, -w", "-w, --watch") in page, (word, page)


def test_completes_interfaces():
    assert_equal(sorted(completions("-i", "")), sorted(os.listdir("/sys/class/net")))
