"""Checks the library's interface for programs: the symbols that libspanflow.so exports, and its headers."""
import glob
import os
import re
import subprocess

import pytest

from support import build
from support.build import ROOT
from support.compare import assert_equal
from support.program import need

HEADERS = sorted(os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "lib", "spanflow", "*.h")))
EXPORTED = """
spanflow::FlowMetadata::after(unsigned long) const
spanflow::FlowMetadata::find(spanflow::Metadata, unsigned long) const
spanflow::FlowMetadata::note_keys()
spanflow::FlowMetadata::number(spanflow::Metadata) const
spanflow::FlowMetadata::text(spanflow::Metadata) const
spanflow::FlowMetadata::value_at(unsigned long) const
spanflow::Streamer::Iterator::operator++()
spanflow::Streamer::Streamer(spanflow::Streamer&&)
spanflow::Streamer::Streamer(spanflow::StreamerOptions const&)
spanflow::Streamer::begin()
spanflow::Streamer::operator=(spanflow::Streamer&&)
spanflow::Streamer::~Streamer()
spanflow::export_reason(spanflow::EndReason)
spanflow::flow_end_reason(spanflow::EndReason)
spanflow::operator<<(std::ostream&, spanflow::FlowRecord const&)
spanflow::to_string[abi:cxx11](spanflow::IpAddress const&, unsigned int)
""".strip().splitlines()


def output(*words):
    need(words[0])
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def library():
    return os.path.join(build.folder, "lib", "libspanflow.so")


def test_library_exports_what_the_headers_mark_and_nothing_else():
    lines = output("nm", "--dynamic", "--defined-only", "--demangle", library()).splitlines()
    assert_equal(sorted({line.split(maxsplit=2)[2] for line in lines}), EXPORTED)


def test_soname_has_the_minor_version_until_1_0():
    major, minor, _ = output(build.binary(), "--version").split()[1].split(".")
    soname = re.search(r"SONAME.*\[(.*)\]", output("readelf", "--dynamic", library()))[1]
    assert_equal(soname, f"libspanflow.so.{major}" if major != "0" else f"libspanflow.so.0.{minor}")


@pytest.mark.release_only
@pytest.mark.parametrize("compiler", ("g++", "clang++"))
@pytest.mark.parametrize("header", HEADERS)
def test_header_compiles_alone(compiler, header):
    with open("alone.cc", "w", encoding="utf-8") as file:
        file.write(f"#include <spanflow/{header}>\n")
    said = output(compiler, "-std=c++20", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I",
                  os.path.join(ROOT, "lib"), "alone.cc")
    assert_equal(said, "")
