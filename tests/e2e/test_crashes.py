"""Checks that a fault in nDPI costs little: it is reported, and the next start knows it. tests/support/ndpi_fault.cc makes the
faults, when nDPI reads a packet that names one."""
import glob
import os
import re
import signal
import time

import pytest

from support import build, pcap_file
from support.captures import capture, capture_names
from support.compare import assert_equal
from support.installation import unit_settings
from support.links import inside
from support.program import Running, spanflowd
from support.records import parse_csv, records_of
from support.waiting import wait_until

pytestmark = pytest.mark.release_only  # the sanitizers have handlers of their own for these signals

REPORTS = "crashes"


def environment():
    return os.environ | {"LD_PRELOAD": os.path.join(build.folder, "tests", "ndpi_fault.so")}


def request(kind):
    return f"GET / HTTP/1.1\r\nHost: www.example.org\r\nX-Fault: {kind}\r\n\r\n".encode()


def faulty(path, *kinds, first_port=40001):
    """Writes a capture with one HTTP request per kind of fault, of which each has a flow of its own."""
    return pcap_file.write(path, [
        pcap_file.Frame(1_700_000_000 + n, 0, pcap_file.tcp("10.0.0.1", "10.0.0.2", (first_port + n, 80), request(kind)))
        for n, kind in enumerate(kinds)])


def run(path, *settings, code=0):
    words = [word for setting in (f"crash_folder={REPORTS}", *settings) for word in ("-s", setting)]
    return spanflowd("-r", path, "-w", "csv:-", "--quiet", *words, code=code, env=environment())


def reports():
    return sorted(glob.glob(f"{REPORTS}/crash-*.txt"))


def lines_of(report):
    with open(report, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file)


def applications(done):
    return [record["application_name"] for record in parse_csv(done.stdout)]


@pytest.mark.parametrize("kind, fatal", [("segv", signal.SIGSEGV), ("abort", signal.SIGABRT), ("stack", signal.SIGSEGV)])
def test_a_crash_in_ndpi_leaves_a_report_and_its_packet(kind, fatal):
    run(faulty("a.pcap", "none", kind), code=-fatal)
    (report,) = reports()
    lines = lines_of(report)
    assert_equal((lines["signal"], lines["thread"], lines["packets.received"]), (str(int(fatal)), "worker 0", "2"))
    assert abs(int(lines["time"]) - time.time()) < 60
    (frame,) = pcap_file.read(report.replace(".txt", ".pcap"))
    assert_equal(frame.data, pcap_file.read("a.pcap")[1].data[14:])
    assert_equal(os.stat(report).st_mode & 0o777, 0o640)
    # The packet alone is a capture that spanflowd reads.
    records, _ = records_of(report.replace(".txt", ".pcap"))
    assert_equal([record["src_port"] for record in records], ["40002"])


def test_after_two_crashes_ndpi_does_not_get_the_flow_again():
    faulty("a.pcap", "none", "segv", "none")
    run("a.pcap", code=-signal.SIGSEGV)
    second = run("a.pcap", code=-signal.SIGSEGV)
    assert re.search(r"warning: the last crash: signal 11 \(SEGV\) in the thread worker 0, in nDPI, in the flow of "
                     r"10.0.0.1:40002 and 10.0.0.2:80, protocol 6; see crashes/crash-\d+-\d+.txt", second.stderr), second.stderr
    third = run("a.pcap")
    assert "nDPI has crashed twice in the flow of 10.0.0.1:40002" in third.stderr, third.stderr
    assert_equal(applications(third), ["HTTP"] * 3)  # the second one by its port
    assert_equal((third.summary["dpi"]["quarantined"], third.summary["dpi"]["calls"]), (1, 2))
    assert_equal(len(reports()), 2)


def test_after_many_crashes_within_an_hour_a_run_is_without_ndpi():
    for n in range(3):
        run(faulty("a.pcap", "segv", first_port=40001 + n), "dpi.most_crashes=3", code=-signal.SIGSEGV)
    path = faulty("a.pcap", "segv", first_port=50000)
    done = run(path, "dpi.most_crashes=3")
    assert "error: nDPI has crashed 3 times within an hour: this run is without nDPI" in done.stderr, done.stderr
    assert_equal(applications(done), [""])
    run(path, "dpi.most_crashes=0", code=-signal.SIGSEGV)
    # Reports that are older than an hour do not count.
    for report in reports():
        with open(report, encoding="utf-8") as file:
            text = file.read()
        with open(report, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^time \d+$", f"time {int(time.time()) - 3700}", text))
    run(path, "dpi.most_crashes=3", code=-signal.SIGSEGV)


def test_a_file_that_is_no_report_is_left_out():
    os.mkdir(REPORTS)
    for name, text in (("crash-1-1.txt", "signal eleven\n"), ("crash-1-2.txt", "\0\0\0"), ("crash-1-3.txt", ""),
                       ("crash-1-4.txt", "signal 11\ntime 1\nflow_key 00\n"), ("notes.txt", "signal 11\ntime 1\n")):
        with open(os.path.join(REPORTS, name), "w", encoding="utf-8") as file:
            file.write(text)
    done = run(faulty("a.pcap", "none"))
    assert_equal((applications(done), done.stderr), (["HTTP"], ""))


def test_a_folder_that_cannot_be_made_is_named():
    done = spanflowd("-r", faulty("a.pcap", "none"), "-w", "csv:-", "-s", "crash_folder=missing/folder", code=1)
    assert "error: crash_folder: missing/folder: No such file or directory" in done.stderr, done.stderr


def test_ndpi_hangs_and_the_watchdog_ends_the_run():
    with Running("-r", faulty("a.pcap", "none", "hang"), "-w", "csv:flows.csv", "-s", f"crash_folder={REPORTS}",
                 env=environment()) as running:
        running.wait_for(lambda summary: summary["dpi"]["calls"] == 2, 10, "nDPI with the packet")
        running.process.send_signal(signal.SIGABRT)  # as the service manager does
        wait_until(lambda: running.process.poll() is not None, 10, "the end")
    assert_equal(running.process.returncode, -signal.SIGABRT)
    assert "flow_key" in lines_of(reports()[0])
    assert os.path.exists(reports()[0].replace(".txt", ".pcap"))


def test_a_flow_with_a_slow_packet_is_given_up():
    done = run(faulty("a.pcap", "none", "slow", "none"))
    assert_equal((done.summary["dpi"]["too_slow"], applications(done)), (1, ["HTTP"] * 3))
    assert_equal(run("a.pcap", "dpi.time_budget=0").summary["dpi"]["too_slow"], 0)


def test_a_read_behind_the_packet_ends_a_guarded_run():
    path = faulty("a.pcap", "read")
    assert_equal(applications(run(path)), ["HTTP"])
    run(path, "dpi.guard=true", code=-signal.SIGSEGV)


@pytest.mark.parametrize("name", capture_names())
def test_guarded_and_unguarded_runs_give_the_same_records(name):
    """nDPI reads nothing behind the packets of these captures."""
    guarded, _ = records_of(capture(name), settings=["dpi.guard=true"])
    unguarded, _ = records_of(capture(name))
    assert_equal(guarded, unguarded)


def test_the_service_runs_again_within_5_seconds(wire):
    """The service manager waits RestartSec, and starts the process again."""
    arguments = ("-i", "tap", "--quiet", "-w", "csv:flows.csv", "-s", f"crash_folder={REPORTS}")
    path = faulty("a.pcap", "segv")
    for _ in range(2):
        with Running(*arguments, prefix=inside(wire.sensor), env=environment()) as running:
            running.wait_until_polling()
            wire.send("--pps=100", path)
            wait_until(lambda process=running.process: process.poll() is not None, 10, "the crash")
            assert_equal(running.process.returncode, -signal.SIGSEGV)
    begin = time.monotonic()
    with Running(*arguments, prefix=inside(wire.sensor), env=environment()) as running:
        running.wait_until_polling()
        (pause,) = unit_settings("spanflowd.service")["RestartSec"]
        assert time.monotonic() - begin + float(pause) < build.patience(5)
        running.wait_until_received(wire.send("--pps=100", path))
        done = running.finish(signal.SIGTERM)
    assert_equal((done.summary["dpi"]["quarantined"], done.summary["records"]["exported"]), (1, 1))
