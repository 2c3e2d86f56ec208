"""Checks the installed library: the complete programs in the documentation compile with it and run."""
import os
import re

import pytest

from support.build import ROOT
from support.captures import capture
from support.cases import named
from support.compare import assert_equal
from support.library import compile_program, run_program
from support.program import spanflowd

PAGES = ("README.md", "docs/tutorial.md", "docs/metrics.md")
PROGRAM = re.compile(r"```cpp\n(.*?)```", re.DOTALL)


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


@pytest.mark.parametrize("source", named(*programs()))
def test_program_of(source):
    compile_program(source)
    assert run_program(), "the program printed nothing"


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
    compile_program(TEN_LINES)
    for name in ("mixed.pcap", "tunnels.pcap", "vlan.pcap"):
        daemon = spanflowd("-r", capture(name), "--quiet").stdout
        assert_equal(run_program(capture(name)).splitlines(), daemon.splitlines(), name)


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
    compile_program(FAILING)
    assert_equal(run_program("LICENSE"), "LICENSE: not a capture: unknown file format\n")


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
    compile_program(EARLY)
    assert run_program(capture("mixed.pcap")) in ("4\n", "6\n")
