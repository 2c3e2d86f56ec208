"""Checks disks that fail for a while, are slow, or cannot be written at all. A disk that is full is in
tests/e2e/test_files.py and tests/e2e/test_kafka.py."""
import contextlib
import errno
import glob
import os
import signal
import subprocess
import time

import pytest

from support import faults
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.pcap_file import many_flows
from support.program import Running, spanflowd
from support.records import read_csv
from support.waiting import wait_until

FLOWS = 5000
SETTINGS = ("flow.inactive_timeout=200ms", "dpi.enabled=false", "overload.enabled=false")


def live(*arguments, **options):
    """Starts a live run that replays a capture of FLOWS flows, which end soon after."""
    many_flows("many.pcap", FLOWS)
    return Running("-d", "net_pcap0,rx_pcap=many.pcap", "--quiet", *(f"-s{setting}" for setting in SETTINGS), *arguments,
                   **options)


def all_delivered(summary):
    return all(sink["delivered"] == FLOWS for sink in summary["records"]["sinks"])


@pytest.mark.parametrize("kind", ["write", "sync", "rename"])
@pytest.mark.parametrize("error", [errno.EROFS, errno.ESTALE, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_file_that_fails_for_a_while_loses_nothing(kind, error):
    os.mkdir("out")
    faults.begin_round("round", 1, 1)
    folder = {"path": "out" if kind == "rename" else os.path.abspath("out")}
    broken = faults.environment(kind, count=0, error=error, round=os.path.abspath("round"), **folder)
    with live("-s", "sinks=[{type: csv, path: 'out/flows.csv', rotate_size: 100KiB}, {type: csv, path: beside.csv}]",
              env=broken) as running:
        wait_until(lambda: os.strerror(error) in running.stderr(), 20, "an error about the file")
        running.wait_for(lambda summary: summary["records"]["sinks"][1]["delivered"] == FLOWS, 10, "the other sink's records")
        os.unlink("round")
        running.wait_for(all_delivered, 10, "all records")
        run = running.finish(signal.SIGTERM, within=5)
    assert "spanflowd: error: out/flows" in run.stderr, run.stderr
    assert_equal(run.stderr.count(os.strerror(error)), 1, run.stderr)
    assert_equal(sum(len(read_csv(path)) for path in glob.glob("out/flows*.csv")), FLOWS)
    assert_equal(len(read_csv("beside.csv")), FLOWS)
    assert not glob.glob("out/*.part")


@pytest.mark.parametrize("error", [errno.EROFS, errno.ESTALE, errno.EIO], ids=errno.errorcode.get)
def test_a_file_that_fails_until_the_end_costs_what_is_counted(error):
    os.mkdir("out")
    broken = faults.environment("write", at=2, count=0, error=error, path=os.path.abspath("out"))
    with live("-w", "csv:out/flows.csv", "-w", "csv:beside.csv", env=broken) as running:
        running.wait_for(lambda summary: summary["records"]["sinks"][1]["delivered"] == FLOWS, 20, "the other sink's records")
        run = running.finish(signal.SIGTERM, within=5, code=1)
    failed, beside = run.summary["records"]["sinks"]
    assert_equal((failed["delivered"] + failed["dropped"]["write_failed"], beside["delivered"]), (FLOWS, FLOWS))
    assert f"error: out/flows.csv: cannot be written: {os.strerror(error)}" in run.stderr, run.stderr
    spanflowd("-r", capture("dns.pcap"), "--quiet", "-w", "csv:out/flows.csv")  # completes what is left
    assert not glob.glob("out/*.part")
    assert all(len(read_csv(path)) >= failed["delivered"] for path in glob.glob("out/flows.1.csv"))


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_slow_disk_delays_only_its_own_sink(kind):
    os.mkdir("out")
    slow = faults.environment(kind, at=1, count=0, delay=400, path=os.path.abspath("out"))
    with live("-s", "sinks=[{type: csv, path: 'out/flows.csv', rotate_size: 100KiB}, {type: csv, path: beside.csv}]",
              env=slow) as running:
        running.wait_for(lambda summary: summary["records"]["sinks"][1]["delivered"] == FLOWS, 20, "the other sink's records")
        start = time.monotonic()
        assert running.summary() is not None
        assert time.monotonic() - start < patience(0.5), "the control socket waits for the disk"
        run = running.finish(signal.SIGTERM, within=10, code=None)
    slow_sink, beside = run.summary["records"]["sinks"]
    assert_equal(beside["delivered"], FLOWS)
    dropped = sum(slow_sink["dropped"].values())
    assert_equal((run.code, slow_sink["delivered"] + dropped), (1 if dropped else 0, FLOWS))
    assert_equal(sum(len(read_csv(path)) for path in glob.glob("out/flows*.csv")), slow_sink["delivered"])


# --- A spool ---


SPOOL = "sinks=[{type: kafka, brokers: '127.0.0.1:1', topic: flows, flush_timeout: 0s, spool: {path: spool, sync: always}}]"


@pytest.mark.parametrize("kind, error, dropped", [
    ("write", errno.EROFS, FLOWS), ("write", errno.ESTALE, FLOWS), ("sync", errno.EIO, 0), ("open", errno.EMFILE, FLOWS)],
    ids=["EROFS", "ESTALE", "sync", "open"])
def test_a_spool_that_cannot_be_written_is_counted(kind, error, dropped):
    many_flows("many.pcap", FLOWS)
    os.mkdir("spool")
    how = {"path": "0"} if kind == "open" else {"path": os.path.abspath("spool") + "/0"}
    broken = faults.environment(kind, at=1, count=0, error=error, **how)
    run = spanflowd("-r", "many.pcap", "--quiet", "-s", SPOOL, env=broken, code=1 if dropped else 0)
    sink = run.summary["records"]["sinks"][0]
    assert_equal((sink["dropped"]["write_failed"], sink["spooled"]), (dropped, FLOWS - dropped), run.stderr)
    assert f"warning: spool: {'records are dropped' if dropped else 'cannot be synced'}: {os.strerror(error)}" in run.stderr, run.stderr
    lost = f"error: kafka:127.0.0.1:1/flows: {FLOWS} records were lost, because spool could not be written"
    assert_equal(lost in run.stderr, dropped > 0, run.stderr)


# --- A file system that is read-only ---


@contextlib.contextmanager
def read_only_disk():
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    os.mkdir("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", "disk"], stderr=subprocess.PIPE, check=False)
    if made.returncode != 0:
        pytest.skip("no mounts here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", "disk"], check=False)


@pytest.mark.root
@pytest.mark.parametrize("arguments, what", [
    (("-w", "csv:disk/flows.csv"), "disk/flows.csv: cannot be written"),
    (("-s", SPOOL.replace("path: spool", "path: disk/spool")), "disk/spool: cannot be made as a spool"),
    (("-w", "csv:flows.csv", "-s", "control.socket=disk/control.sock"), "control.socket: disk/control.sock")],
    ids=["file", "spool", "control socket"])
def test_a_read_only_file_system_is_named_at_the_start(arguments, what):
    with read_only_disk():
        run = spanflowd("-r", capture("dns.pcap"), "--quiet", *arguments, code=1)
    assert_equal(run.stderr, f"spanflowd: error: {what}: Read-only file system\n")
