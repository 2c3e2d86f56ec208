#!/usr/bin/env python3
"""Runs the end-to-end cases: every function test_* of every *_cases.py in this folder, each in a folder of its own.

    harness.py --build-dir build-tests              all of them
    harness.py --build-dir build-tests live goldens  those of live_cases.py and goldens_cases.py
    harness.py --build-dir build-tests -k truncated  those with the word in their name
    harness.py --list                                their names

Prints a line per case, "ok", "FAIL" or "skip" first; exits 1 if any failed. A case fails by an exception, and is
skipped by Skip with what is missing. What cases need is here too: run spanflowd, read its records, check its ledgers.
"""
import argparse
import csv
import glob
import importlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CAPTURES = os.path.join(ROOT, "tests", "captures")
CASE_FILES = "_cases.py"

build_dir = os.path.join(ROOT, "build-tests")
slow = False  # a build with sanitizers: time limits are longer


class Skip(Exception):
    """What is missing for this case."""


def each(*values):
    """Makes one case of each value, which the function gets as its argument."""
    def mark(function):
        function.values = values
        return function
    return mark


# --- Running spanflowd ---


def binary(name="spanflowd"):
    return os.path.join(build_dir, "daemon", name)


def command_line(summary_file, arguments):
    """A live run listens only where a case says so: others may be there at the same time."""
    words = [str(each) for each in arguments]
    quiet = {"-i", "-d"} & set(words) and not any("telemetry.listen" in word for word in words)
    return [binary(), "--summary", summary_file, *(["-s", "telemetry.listen=off"] if quiet else []), *words]


def patience(seconds):
    """A time limit, longer where the program is slower."""
    return seconds * 5 if slow else seconds


class Run:
    """What came of a run; summary is None where it wrote none."""

    def __init__(self, code, stdout, stderr, summary):
        self.code, self.stdout, self.stderr, self.summary = code, stdout, stderr, summary


def read_summary(path):
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def spanflowd(*arguments, code=0, stdin=None, timeout=60, **options):
    """Runs to the end, expects the exit code, and checks the ledgers of every run that got as far as having any."""
    with tempfile.TemporaryDirectory() as folder:
        summary_file = os.path.join(folder, "summary.json")
        command = command_line(summary_file, arguments)
        done = subprocess.run(command, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                              timeout=patience(timeout), check=False, **options)
        run = Run(done.returncode, text(done.stdout), text(done.stderr), read_summary(summary_file))
    assert run.code == code, f"exit code {run.code}, expected {code}: {' '.join(command)}\n{run.stderr}"
    if run.summary is not None:
        assert_balanced(run.summary)
    return run


def text(output):
    return "" if output is None else output.decode("utf-8")


class Running:
    """spanflowd in the background: with it, signal it, finish() it. Killed at the end of the block if need be."""

    def __init__(self, *arguments, prefix=(), **options):
        self.folder = tempfile.TemporaryDirectory()
        self.summary_file = os.path.join(self.folder.name, "summary.json")
        self.stderr_file = open(os.path.join(self.folder.name, "stderr"), "w+b")
        self.process = subprocess.Popen(
            [*prefix, *command_line(self.summary_file, arguments)],
            stdin=options.pop("stdin", subprocess.DEVNULL), stdout=options.pop("stdout", subprocess.DEVNULL),
            stderr=self.stderr_file, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stderr_file.close()
        self.folder.cleanup()

    def stderr(self):
        self.stderr_file.flush()
        with open(self.stderr_file.name, "rb") as file:
            return text(file.read())

    def finish(self, stop_signal=None, within=10, code=0):
        """Sends the signal, if any; the run must end in that many seconds. Gives the Run, with its .seconds to stop."""
        start = time.monotonic()
        if stop_signal is not None:
            self.process.send_signal(stop_signal)
        try:
            returned = self.process.wait(timeout=patience(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {patience(within)} s after it should end:\n{self.stderr()}") from None
        run = Run(returned, "", self.stderr(), read_summary(self.summary_file))
        run.seconds = time.monotonic() - start
        assert run.code == code, f"exit code {run.code}, expected {code}:\n{run.stderr}"
        if run.summary is not None:
            assert_balanced(run.summary)
        return run


def wait_until(condition, within, what):
    """Polls until the condition gives something true, which is returned."""
    end = time.monotonic() + patience(within)
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {patience(within)} s: {what}")


# --- Reading what it wrote ---


def parse_csv(content):
    return list(csv.DictReader(content.splitlines()))


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def record_order(record):
    return (int(record["start_time_ns"]), record["flow_id"], int(record["segment"]))


def sorted_records(records, without=("worker", "sequence")):
    """In an order that does not depend on when records were passed on, without the fields that may differ."""
    return [{name: value for name, value in record.items() if name not in without}
            for record in sorted(records, key=record_order)]


def fields_with(feature):
    """Names of the fields that only a run with this option has."""
    rows = (line.split("|") for line in spanflowd("--list-fields").stdout.splitlines()[2:])
    return tuple(row[1].strip(" `") for row in rows if f"with {feature}" in row[3])


def records_of(*captures, settings=(), arguments=(), **options):
    """The records of captures, and the run's summary, with the sums of both compared."""
    command = ["--quiet", *arguments, "-w", "csv:-"]
    for setting in settings:
        command += ["-s", setting]
    run = spanflowd("-r", *captures, *command, **options)
    records = parse_csv(run.stdout)
    assert_sums(records, run.summary)
    return records, run.summary


def capture(name):
    path = os.path.join(CAPTURES, name)
    if not os.path.exists(path):
        raise Skip(f"no {os.path.relpath(path, ROOT)}")
    return path


def capture_names():
    """All captures that hold packets of their own: compressed copies are left out."""
    return sorted(name for name in os.listdir(CAPTURES) if name.endswith((".pcap", ".pcapng")))


# --- Ledgers ---


def total(counts):
    return sum(counts.values())


def assert_balanced(summary):
    """Every packet, segment and record is in exactly one counter."""
    packets, flows, records = summary["packets"], summary["flows"], summary["records"]
    accounted = packets["metered"] + total(packets["ignored"]) + total(packets["malformed"])
    assert packets["received"] == accounted, f"packets: {packets['received']} received, {accounted} accounted for"
    ended = total(flows["exported"])
    assert flows["opened"] == flows["open"] + ended, f"flows: {flows}"
    assert flows["open"] == 0, f"flows still open after the end: {flows['open']}"
    assert records["exported"] == ended, f"records: {records['exported']} exported of {ended} segments"
    for sink in records["sinks"]:
        if "added" not in sink and "removed" not in sink:
            assert sink["handed"] == records["exported"] - records["ring_dropped"], f"sink: {sink}, records: {records}"
        assert sink["handed"] + sink["recovered"] == sink["delivered"] + sink["queued"] + sink["spooled"] + total(sink["dropped"]), sink
        assert sink["queued"] == 0, f"queued after the end: {sink}"


def assert_sums(records, summary):
    """The records add up to what was metered."""
    packets = sum(int(r["src_to_dst_pkts"]) + int(r["dst_to_src_pkts"]) for r in records)
    assert packets == summary["packets"]["metered"], f"{packets} packets in records, {summary['packets']} metered"
    assert len(records) == summary["records"]["exported"], f"{len(records)} records, {summary['records']}"
    if records and "src_to_dst_link_bytes" in records[0]:
        octets = sum(int(r["src_to_dst_link_bytes"]) + int(r["dst_to_src_link_bytes"]) for r in records)
        assert octets == summary["octets"]["metered"], f"{octets} octets in records, {summary['octets']} metered"


def assert_equal(got, expected, what=""):
    """As ==, but says in one line where two lists or two records differ."""
    if got == expected:
        return
    if isinstance(got, list) and isinstance(expected, list):
        for at, (one, other) in enumerate(zip(got, expected)):
            if one != other:
                assert_equal(one, other, f"{what}[{at}]")
        raise AssertionError(f"{what}: {len(got)} items, expected {len(expected)}")
    if isinstance(got, dict) and isinstance(expected, dict):
        names = [name for name in {**got, **expected} if got.get(name) != expected.get(name)]
        raise AssertionError(f"{what}: " + ", ".join(f"{n} is {got.get(n)!r}, expected {expected.get(n)!r}"
                                                     for n in names))
    raise AssertionError(f"{what}: got {got!r}, expected {expected!r}" if what else f"got {got!r}, expected {expected!r}")


def need(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise Skip("not installed: " + ", ".join(missing))


# --- Discovery and the run ---


def title(function, value):
    name = function.__name__[len("test_"):].replace("_", " ")
    return name if value is None else f"{name}: {getattr(value, '__name__', value)}"


def cases(module):
    for name, function in list(vars(module).items()):
        if name.startswith("test_") and inspect.isfunction(function):
            for value in getattr(function, "values", (None,)):
                shown = value[0] if isinstance(value, tuple) else value
                yield title(function, shown), (lambda f=function, v=value: f() if v is None else f(v))


def run_case(name, function):
    with tempfile.TemporaryDirectory(prefix="spanflow-e2e-") as folder:
        os.chdir(folder)
        start = time.monotonic()
        try:
            function()
            outcome, detail = "ok", f"({time.monotonic() - start:.2f} s)"
        except Skip as skip:
            outcome, detail = "skip", f"({skip})"
        except Exception as error:  # a failing case must not end the run
            where = traceback.extract_tb(error.__traceback__)
            at = next((frame for frame in reversed(where) if frame.filename.endswith(CASE_FILES)), where[-1])
            message = str(error) or f"{type(error).__name__}: {at.line}"
            outcome, detail = "FAIL", f"\n     {os.path.basename(at.filename)}:{at.lineno}: " + message.replace("\n", "\n     ")
        finally:
            os.chdir(ROOT)
    print(f"{outcome:4} e2e {name} {detail}", flush=True)
    return outcome


def main():
    global build_dir, slow
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default=build_dir)
    parser.add_argument("-k", dest="word", default="", help="only cases with this in their name")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("files", nargs="*", help="case files, by the word before _cases.py")
    arguments = parser.parse_args()
    build_dir = os.path.abspath(arguments.build_dir)
    found = sorted(os.path.basename(path) for path in glob.glob(os.path.join(HERE, "*" + CASE_FILES)))
    names = [name[:-len(CASE_FILES)] for name in found]
    for wanted in arguments.files:
        if wanted not in names:
            parser.error(f"no case file {wanted}; there are {' '.join(names)}")
    if not arguments.list and not os.access(binary(), os.X_OK):
        parser.error(f"{binary()} is missing: build it, or name the folder with --build-dir")
    slow = "SPANFLOW_SLOW_TESTS" in os.environ
    failed = False
    for name in arguments.files or names:
        for case, function in cases(importlib.import_module(name + CASE_FILES[:-len(".py")])):
            full_name = f"{name}: {case}"
            if arguments.word not in full_name:
                continue
            if arguments.list:
                print(full_name)
            else:
                failed |= run_case(full_name, function) == "FAIL"
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    import harness  # the module that the cases import, not a second copy of it

    sys.exit(harness.main())
