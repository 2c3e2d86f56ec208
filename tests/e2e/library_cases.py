"""The installed library: the complete programs of the documentation compile against it and run."""
import glob
import json
import os
import re
import shlex
import subprocess
import tempfile

import harness
from harness import ROOT, assert_equal, capture, each, need

PAGES = ("README.md", "docs/tutorial.md", "docs/metrics.md")
PROGRAM = re.compile(r"```cpp\n(.*?)```", re.DOTALL)

prefix = None  # of the installation, made once


def installation():
    """Installs the build into a folder of its own, once, and gives that folder."""
    global prefix
    if prefix is None:
        need("meson")
        prefix = tempfile.TemporaryDirectory(prefix="spanflow-prefix-")
        subprocess.run(["meson", "install", "-C", harness.build_dir, "--no-rebuild", "--quiet", "--destdir", prefix.name],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    return prefix.name


def installed():
    """The environment in which pkg-config and the loader find the installation."""
    need("pkg-config", "g++")
    root = installation()
    pc = glob.glob(os.path.join(root, "**", "spanflow.pc"), recursive=True)
    assert len(pc) == 1, pc
    library = os.path.dirname(os.path.dirname(pc[0]))
    return {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(pc[0]), "PKG_CONFIG_SYSROOT_DIR": root,
            "LD_LIBRARY_PATH": library}


def build_options():
    with open(os.path.join(harness.build_dir, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as file:
        return {option["name"]: option["value"] for option in json.load(file)}


def sanitizers():
    chosen = build_options().get("b_sanitize", "none")
    return [] if chosen == "none" else [f"-fsanitize={chosen}"]


def compile_program(source, environment):
    with open("program.cc", "w", encoding="utf-8") as file:
        file.write(source)
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "spanflow"], env=environment, check=True,
                                       stdout=subprocess.PIPE).stdout.decode())
    done = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", *sanitizers(), "program.cc", *flags, "-o", "program"],
                          env=environment, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


def run_program(environment, *arguments):
    program = os.path.abspath("program")
    done = subprocess.run([program, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=harness.patience(30), check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    return done.stdout.decode()


def programs():
    found = []
    for page in PAGES:
        path = os.path.join(ROOT, page)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        blocks = [(match.start(), match[1]) for match in PROGRAM.finditer(text) if "int main" in match[1]]
        for start, source in blocks:
            found.append((f"{page}, line {text.count(chr(10), 0, start) + 1}", source))
    return found


@each(*programs())
def test_program_of(value):
    _, source = value
    environment = installed()
    compile_program(source, environment)
    assert run_program(environment), "the program printed nothing"


def test_there_are_programs_in_the_documentation():
    assert len(programs()) >= 2, programs()


TEN_LINES = """
#include <spanflow/streamer.h>
#include <iostream>
int main(int, char** argv) {
  spanflow::Streamer streamer{{.source = argv[1]}};
  for (const spanflow::FlowRecord& flow : streamer) std::cout << flow << '\\n';
}
"""


def test_library_says_what_the_daemon_says():
    environment = installed()
    compile_program(TEN_LINES, environment)
    for name in ("mixed.pcap", "tunnels.pcap", "vlan.pcap"):
        daemon = harness.spanflowd("-r", capture(name), "--quiet").stdout
        assert_equal(run_program(environment, capture(name)).splitlines(), daemon.splitlines(), name)


FAILING = """
#include <spanflow/streamer.h>
#include <iostream>
int main(int, char** argv) try {
  spanflow::Streamer streamer{{.source = argv[1], .settings = {"flow.capacity=10"}}};
  for (const spanflow::FlowRecord& flow : streamer) std::cout << flow << '\\n';
} catch (const std::runtime_error& error) {
  std::cout << error.what() << '\\n';
}
"""


def test_errors_of_the_library_are_those_of_the_daemon():
    environment = installed()
    compile_program(FAILING, environment)
    assert_equal(run_program(environment, "LICENSE"), "LICENSE: no capture: unknown file format\n")


EARLY = """
#include <spanflow/streamer.h>
#include <iostream>
int main(int, char** argv) {
  spanflow::Streamer streamer{{.source = argv[1]}};
  for (const spanflow::FlowRecord& flow : streamer) {
    std::cout << int{flow.ip_version} << '\\n';
    break;
  }
}
"""


def test_leaving_the_loop_early_ends_the_capture():
    environment = installed()
    compile_program(EARLY, environment)
    assert run_program(environment, capture("mixed.pcap")) in ("4\n", "6\n")
