"""Makes each call of a kind fail once: the N-th call in the N-th run, or in the N-th reload. Whatever fails, the run ends
in time and in order: with exit code 0 or 1, an error line if it is 1, ledgers that balance, and files that have all
delivered records in complete lines. The next run completes what is left and recovers the spool."""
import collections
import contextlib
import errno
import glob
import json
import os
import shutil
import signal
import subprocess

import pytest

from support import build, faults
from support.build import binary, patience
from support.captures import capture
from support.ledgers import assert_balanced
from support.links import inside
from support.pcap_file import many_flows
from support.program import Running, command_line, read_summary
from support.waiting import wait_until

FLOWS = 1500
CONFIGURATION = """
sinks:
  - {type: csv, path: "out/flows-%H%M%S.csv", rotate_size: 64KiB, fields: [ip_src, sequence]}
  - {type: jsonl, path: out/flows.jsonl.zst}
  - {type: kafka, brokers: "127.0.0.1:1", topic: flows, flush_timeout: 0s, spool: {path: spool}}
output: {fields: [ip_src, sequence]}
control: {socket: control.sock}
workers: 2
"""
# The kinds of calls, the errors that they give, and how many calls fail in the short form of a sweep.
KINDS = {
    "open": (errno.EMFILE, 6), "read": (errno.ESTALE, 6), "write": (errno.EIO, 8), "sync": (errno.EIO, 4),
    "truncate": (errno.EIO, 1), "rename": (errno.EIO, 3), "unlink": (errno.EROFS, 2), "mkdir": (errno.EROFS, 1),
    "mmap": (errno.ENOMEM, 6), "thread": (errno.EAGAIN, 12), "malloc": (errno.ENOMEM, 12),
}
LIBRARIES_THAT_ABORT = ("librdkafka.so",)
LONG = 400  # most runs of a sweep in its long form; only malloc has more calls


def chosen(calls, short):
    """Returns the numbers of the calls that fail: all, or evenly spread ones."""
    runs = min(calls, LONG if build.thorough else short)
    return [1 + (2 * at + 1) * calls // (2 * runs) for at in range(runs)]


def of_own_files(kind):
    """Restricts calls with a descriptor to files in this folder, because librdkafka uses pipes of its own all the time."""
    return {"path": os.getcwd()} if kind in ("read", "write", "sync", "truncate") else {}


class Outcome:
    """A run of a capture with an affected call, and the files that it left."""

    def __init__(self, kind, at, **how):
        for folder in ("out", "spool"):
            shutil.rmtree(folder, ignore_errors=True)
        os.mkdir("out")
        for name in ("faults", "summary"):
            if os.path.exists(name):
                os.unlink(name)
        self.name = f"{kind} {at}"
        done = run(env=faults.environment(kind, at=at, error=KINDS[kind][0], **how))
        self.code, self.stderr, self.summary = done.returncode, done.stderr.decode(), read_summary("summary")

    def described(self):
        return f"{self.name}: exit code {self.code}\n{self.stderr}{faults.read_report().affected or ''}"


def run(**options):
    return subprocess.run(command_line("summary", ["-c", "c.yaml", "-r", "many.pcap", "--quiet"]),
                          stderr=subprocess.PIPE, timeout=patience(20), check=False, **options)


def csv_lines(path, fields="ip_src,sequence"):
    with open(path, encoding="utf-8") as file:
        header, *lines = file.read().split("\n")
    assert header == fields and lines.pop() == "", f"{path} has an incomplete line"
    return lines


def json_lines(path):
    text = subprocess.run(["zstd", "-dqc", path], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert text == "" or text.endswith("\n"), f"{path} has an incomplete line"
    return [json.loads(line)["sequence"] for line in text.splitlines()]


def is_abort_of_a_library():
    """True if the affected call was in a library that ends the process with SIGABRT when there is no memory.

    The caller may have called malloc through libc, as with strdup().
    """
    stack = (faults.read_report().affected or "").splitlines()[1:]
    caller = next((line for line in stack if faults.LIBRARY not in line and "/libc.so" not in line), "")
    return any(library in caller for library in LIBRARIES_THAT_ABORT)


def assert_code(code, what):
    assert code in (0, 1) or (code == -signal.SIGABRT and is_abort_of_a_library()), what


def assert_in_order(outcome):
    if outcome.stderr == f"spanflowd: error: c.yaml: cannot be read: {os.strerror(errno.ESTALE)}\n":
        assert outcome.code == 2, outcome.described()  # as for every error of the configuration
        return
    assert_code(outcome.code, outcome.described())
    if outcome.code == 1:
        assert "spanflowd: error: " in outcome.stderr, outcome.described()
    if outcome.summary is None:
        assert outcome.code != 0, outcome.described()
    else:
        assert_balanced(outcome.summary)


def assert_next_run_completes(outcome):
    """Checks that a run without a fault completes the files of this run, and finds its records in the spool."""
    if os.path.exists("out/flows.jsonl.zst"):
        os.rename("out/flows.jsonl.zst", "out/before.jsonl.zst")  # the next run would replace it
    done = run()
    assert done.returncode == 0, f"{done.stderr.decode()}after {outcome.described()}"
    assert not glob.glob("out/*.part"), os.listdir("out")
    records = ([line.split(",")[1] for path in glob.glob("out/*.csv") for line in csv_lines(path)],
               [line for path in glob.glob("out/*.jsonl.zst") for line in json_lines(path)])
    if outcome.summary is None:
        return
    sinks = outcome.summary["records"]["sinks"]
    for sink, found in zip(sinks, records):
        assert len(found) >= sink["delivered"] + FLOWS, f"{len(found)} records, {sink}: {outcome.described()}"
        assert max(collections.Counter(found).values()) <= 2, f"records in two files: {outcome.described()}"
    recovered = read_summary("summary")["records"]["sinks"][2]["recovered"]
    assert recovered >= sinks[2]["spooled"], f"{recovered} recovered, {sinks[2]}: {outcome.described()}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_ends_in_order_whichever_call_fails(kind):
    many_flows("many.pcap", FLOWS)
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION)
    how = of_own_files(kind)
    undisturbed = Outcome(kind, 0, **how)
    assert undisturbed.code == 0, undisturbed.described()
    calls = faults.read_report().counted
    assert calls > 0
    for at in chosen(calls, KINDS[kind][1]):
        outcome = Outcome(kind, at, **how)
        assert_in_order(outcome)
        assert_next_run_completes(outcome)


# --- Live ---

LIVE = ("-c", "c.yaml", "--quiet", "-s", "control.socket=control.sock", "-s", "workers=1")
# The kinds of calls that a live run makes at its start, in a reload and at its stop, and how many fail in the short form.
LIVE_KINDS = {"open": 3, "write": 2, "rename": 1, "mmap": 2, "thread": 4, "malloc": 4}


def write_configuration(number=0):
    with open("new.yaml", "w", encoding="utf-8") as file:
        file.write("input: {interface: tap}\noutput: {fields: [sequence]}\nflow: {inactive_timeout: 300ms}\nsinks:\n"
                   f"  - {{type: csv, path: flows.csv}}\n  - {{type: csv, path: changing{number}.csv}}\n"
                   f"  - {{type: kafka, brokers: '127.0.0.1:1', topic: flows, flush_timeout: 0s, spool: {{path: spool{number}}}}}\n")
    os.rename("new.yaml", "c.yaml")


def live(wire, kind):
    """Starts a live run whose calls of this kind are counted, or fail, while the file `round` exists."""
    for name in ("faults", *glob.glob("*.csv*")):
        if os.path.exists(name):
            os.unlink(name)
    affected = faults.prefix(kind, error=KINDS[kind][0], round=os.path.abspath("round"), **of_own_files(kind))
    return Running(*LIVE, prefix=(*inside(wire.sensor), *affected))


def end_round():
    if os.path.exists("round"):
        os.unlink("round")


def meter_something(wire, running):
    before = running.summary()["packets"]
    sent = before["received"] + wire.send("--pps=5000", capture("http.pcap"))
    running.wait_until_received(sent)


def check_files(run, kind):
    """Checks that flows.csv, which is the same sink all the time, has all its delivered records."""
    if run.summary is None:
        assert run.code != 0, run.stderr
        return
    sink = run.summary["records"]["sinks"][0]
    lines = sum(len(csv_lines(path, "sequence")) for path in glob.glob("flows*.csv*"))
    assert lines >= sink["delivered"], f"{kind}: {lines} lines, {sink}\n{run.stderr}"


def check_end(running, kind, at, stop=signal.SIGTERM):
    run = running.finish(stop, within=10, code=None)
    what = f"{kind} {at}: exit code {run.code}\n{run.stderr}{faults.read_report().affected or ''}"
    assert_code(run.code, what)
    assert run.code != 1 or "spanflowd: error: " in run.stderr, what
    check_files(run, kind)


def started(running):
    """Waits until the run has started, or has ended. Returns true if it has started."""
    def known():
        if running.process.poll() is not None:
            return "ended"
        with contextlib.suppress(AssertionError):
            summary = running.summary()
            if summary is not None and all(worker["worker"]["polls"] > 0 for worker in summary["per_worker"]):
                return "started"
        return None
    return wait_until(known, 20, "a run that has started or ended") == "started"


def start_once(wire, kind, at):
    faults.begin_round("round", 1, at)
    with live(wire, kind) as running:
        if started(running):
            end_round()
            if kind != "malloc":  # a run that lacked memory has started but ends at once
                meter_something(wire, running)
            check_end(running, kind, at)
        else:
            check_end(running, kind, at, stop=None)


def stop_once(wire, kind, at):
    with live(wire, kind) as running:
        running.wait_until_started()
        running.wait_until_polling()
        meter_something(wire, running)
        faults.begin_round("round", 1, at)
        check_end(running, kind, at)
        end_round()


@pytest.mark.root
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("kind", LIVE_KINDS)
@pytest.mark.parametrize("phase", [start_once, stop_once], ids=["start", "stop"])
def test_a_live_run_ends_in_order_whichever_call_fails(phase, kind, wire):
    write_configuration()
    phase(wire, kind, 0)
    calls = faults.read_report().counted
    assert calls is not None, "the process has left no report"
    for at in chosen(calls, LIVE_KINDS[kind]) if calls else ():
        phase(wire, kind, at)


def reload(number, at):
    """Reloads with another file and another spool, while the call `at` fails. Returns what spanflowctl says."""
    write_configuration(number)
    faults.begin_round("round", number, at)
    done = subprocess.run([binary("spanflowctl"), "--socket", "control.sock", "reload"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=patience(20), check=False)
    end_round()
    return done.returncode, done.stderr.decode()


@pytest.mark.root
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["open", "write", "rename", "thread"])
def test_a_reload_is_done_or_changes_nothing_whichever_call_fails(kind, wire):
    write_configuration()
    with live(wire, kind) as running:
        running.wait_until_started()
        running.wait_until_polling()
        assert reload(1, 0) == (0, "")
        assert reload(2, 0) == (0, "")  # the count of the first reload is known when the second one begins
        calls = faults.read_report().counted
        for number, at in enumerate(range(1, calls + 1), start=3):
            code, said = reload(number, at)
            assert code == 0 or said.startswith("spanflowctl: "), f"{kind} {at}: {said}"
            running.assert_alive()
            meter_something(wire, running)
        assert reload(1000, 0) == (0, "")
        meter_something(wire, running)
        check_end(running, kind, "of each reload")
