"""Stops and continues the process, and starts a second one on the same resource. A killed process is in
tests/e2e/test_files.py and tests/e2e/test_kafka.py; a second process on an interface, a file or a control socket is in
tests/e2e/test_service.py, test_files.py and test_control.py."""
import signal
import subprocess
import time

import pytest

from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.program import Running, lost_packets, spanflowd
from support.records import read_csv

SPOOL = "sinks=[{type: kafka, brokers: '127.0.0.1:1', topic: flows, flush_timeout: 0s, spool: {path: spool}}]"


@pytest.mark.root
@pytest.mark.network
def test_a_process_that_was_stopped_goes_on(wire):
    with wire.sensor_running("-s", "flow.inactive_timeout=300ms") as running:
        sent = wire.send("--pps=5000", capture("mixed.pcap"))
        running.wait_until_received(sent)
        running.process.send_signal(signal.SIGSTOP)
        sent += wire.send("--pps=5000", capture("mixed.pcap"))
        time.sleep(1)  # longer than the inactive timeout
        running.process.send_signal(signal.SIGCONT)
        running.wait_until_received(sent)
        sent += wire.send("--pps=5000", capture("mixed.pcap"))
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(run.summary["packets"]["received"] + lost_packets(run.summary), sent)
    assert_sums(read_csv("flows.csv"), run.summary)


def test_a_second_process_does_not_use_the_spool_of_the_first():
    with Running("-r", "-", "--quiet", "-s", SPOOL, stdin=subprocess.PIPE) as running:
        running.wait_until_started()
        run = spanflowd("-r", capture("dns.pcap"), "--quiet", "-s", SPOOL, code=1)
        assert_equal(run.stderr, "spanflowd: error: spool: cannot be locked: another process uses this spool\n")
        with open(capture("dns.pcap"), "rb") as file:
            running.process.stdin.write(file.read())
        running.process.stdin.close()
        first = running.finish(within=10)
    assert_equal(first.summary["records"]["sinks"][0]["spooled"], first.summary["records"]["exported"])
