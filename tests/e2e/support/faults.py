"""Makes calls of spanflowd fail or last longer, with the library of tests/support/faults.cc."""
import collections
import errno
import os
import re

import pytest

from support import build

LIBRARY = "faults.so"
Report = collections.namedtuple("Report", "counted affected")


def library():
    path = os.path.join(build.folder, "tests", LIBRARY)
    if build.sanitizers():
        pytest.skip("the sanitizers' runtime must be the first library")
    return path


def plan(call, at=0, count=1, error=errno.EIO, report="faults", **more):
    """Returns the variables for the calls `at` to `at + count - 1` of the kind `call`. With at=0, calls are only counted.
    `more` may have delay (ms), path and round, see tests/support/faults.cc."""
    variables = {"FAULTS_CALL": call, "FAULTS_AT": at, "FAULTS_COUNT": count, "FAULTS_ERRNO": error,
                 "FAULTS_REPORT": os.path.abspath(report)}
    names = {"delay": "FAULTS_DELAY", "path": "FAULTS_PATH", "round": "FAULTS_ROUND"}
    variables |= {names[name]: value for name, value in more.items()}
    return {"LD_PRELOAD": library(), **{name: str(value) for name, value in variables.items()}}


def begin_round(path, number, at):
    """Makes the calls of the process count from 1 again, and the call `at` fail."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(f"{number} {at}\n")
    os.rename(f"{path}.new", path)


def environment(call, **how):
    return {**os.environ, **plan(call, **how)}


def prefix(call, **how):
    """Returns a prefix of a command. Unlike environment(), it leaves alone the programs of an earlier prefix."""
    return ("env", *(f"{name}={value}" for name, value in plan(call, **how).items()))


def read_report(path="faults"):
    """Returns the number of counted calls, of the last round if there are several, and what the file says about the
    affected call: its thread and its stack. None: the process has ended without a report."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    counted = re.findall(r"^counted (\d+)$", text, re.MULTILINE)
    affected = re.findall(r"^affected .*\n(?:(?!counted).*\n)*", text, re.MULTILINE)
    return Report(int(counted[-1]) if counted else None, affected[-1] if affected else None)
