"""Checks how runs stop: the records of all metered packets are written, the ledgers balance, and a pipe that nobody
reads does not delay the stop."""
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

from support import pcap_file
from support.build import binary, patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.pcap_file import many_flows
from support.program import Running
from support.records import read_csv
from support.waiting import wait_until


def octets_in(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.alone
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stop_while_a_pipe_stays_open(stop):
    with open(capture("http.pcap"), "rb") as file:
        content = file.read()
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        running.process.stdin.write(content)
        running.process.stdin.flush()
        running.wait_until_received(58)
        run = running.finish(stop, within=3)
    assert_equal(run.summary["packets"]["received"], 58)
    assert_sums(read_csv("flows.csv"), run.summary)


@pytest.mark.alone
def test_stop_while_a_pipe_says_nothing_at_all():
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        running.wait_until_started()
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(timeout=patience(3))
    assert code in (0, 1), code


def test_records_come_out_of_a_quiet_pipe_without_waiting_for_its_end():
    frames = pcap_file.read(capture("http.pcap"))
    # Two packets are needed, because the clock does not accept the time of a single packet that is far ahead.
    pcap_file.write("first.pcap", frames + [frames[-1].at(frames[-1].seconds + 60)] * 2)
    with open("first.pcap", "rb") as file:
        content = file.read()
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        running.process.stdin.write(content)
        running.process.stdin.flush()
        wait_until(lambda: os.path.exists("flows.csv.part") and len(read_csv("flows.csv.part")) >= 4, 3, "closed flows in the file")
        running.finish(signal.SIGTERM, within=3)


def test_packets_in_pieces_through_a_pipe():
    with open(capture("mixed.pcap"), "rb") as file:
        content = file.read()
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        for at in range(0, len(content), 9973):
            running.process.stdin.write(content[at:at + 9973])
            running.process.stdin.flush()
            time.sleep(0.005)  # so that spanflowd reads the capture in pieces
        running.process.stdin.close()
        run = running.finish(within=10)
    assert_equal(run.summary["packets"]["received"], len(pcap_file.read(capture("mixed.pcap"))))
    assert_sums(read_csv("flows.csv"), run.summary)


def test_second_signal_while_stopping_changes_nothing():
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        running.wait_until_started()
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=patience(3)) in (0, 1)


@pytest.mark.alone
def test_duration_ends_a_pipe_that_stays_open():
    with open(capture("http.pcap"), "rb") as file:
        content = file.read()
    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", "--duration", "1s", stdin=subprocess.PIPE) as running:
        running.process.stdin.write(content)
        running.process.stdin.flush()
        run = running.finish(within=4)
    assert_equal(run.summary["packets"]["received"], 58)
    assert run.summary["seconds"] >= 1


@pytest.mark.alone
def test_pipe_nobody_reads_does_not_hang_the_stop():
    """Standard output is a pipe that nobody reads. It is full before the stop."""
    many_flows("many.pcap", 20_000)
    read_end, write_end = os.pipe()
    with Running("-r", "many.pcap", "--quiet", "-w", "jsonl:-", stdout=write_end) as running:
        os.close(write_end)
        wait_until(lambda: octets_in(read_end) > 60_000, 10, "a pipe that is full")
        assert running.process.poll() is None, "the pipe must be too small for all records"
        run = running.finish(signal.SIGTERM, within=3, code=1)
    os.close(read_end)
    sink = run.summary["records"]["sinks"][0]
    assert sink["dropped"]["stopped"] + sink["dropped"]["write_failed"] > 0, sink


@pytest.mark.alone
@pytest.mark.parametrize("how", ["opened by nobody", "opened, but not read"])
def test_named_pipe(how):
    """Checks that the pipe does not delay the stop, that its records are counted as dropped, and that the other sink
    gets all records."""
    many_flows("many.pcap", 5_000)
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK) if how.startswith("opened, ") else None
    with Running("-r", "-", "--quiet", "-w", "jsonl:pipe", "-w", "csv:flows.csv", stdin=subprocess.PIPE) as running:
        with open("many.pcap", "rb") as file:
            feeder = threading.Thread(target=feed, args=(running.process.stdin, file.read()))
        feeder.start()
        running.wait_until_received(5_000)
        run = running.finish(signal.SIGTERM, within=3, code=1)
        feeder.join(timeout=5)
    if reader is not None:
        os.close(reader)
    stuck, file_sink = run.summary["records"]["sinks"]
    assert sum(stuck["dropped"].values()) > 0, stuck
    assert_equal(file_sink["delivered"], file_sink["handed"])
    assert_equal(len(read_csv("flows.csv")), file_sink["handed"])
    assert_sums(read_csv("flows.csv"), run.summary)


def feed(pipe, content):
    try:
        pipe.write(content)
        pipe.flush()
    except (BrokenPipeError, ValueError):
        pass


def test_named_pipe_with_a_reader_gets_everything():
    many_flows("many.pcap", 5_000)
    os.mkfifo("pipe")
    received = []
    reader = threading.Thread(target=lambda: received.append(open("pipe", "rb").read()))
    reader.start()
    with Running("-r", "many.pcap", "--quiet", "-w", "jsonl:pipe") as running:
        run = running.finish(within=10)
    reader.join(timeout=5)
    assert_equal(received[0].count(b"\n"), run.summary["records"]["exported"])


# --- On a terminal ---


def on_a_terminal(*arguments):
    """Runs spanflowd with standard error on a terminal, and returns the terminal's output."""
    main, side = pty.openpty()
    process = subprocess.Popen([binary(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=side)
    os.close(side)
    shown = b""
    end = time.monotonic() + patience(20)
    while time.monotonic() < end:
        if not select.select([main], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(main, 65536)
        except OSError:  # the process has closed its end of the terminal
            break
        if not part:
            break
        shown += part
    os.close(main)
    assert_equal(process.wait(timeout=10), 0)
    return shown.decode()


def test_progress_bar_and_summary_on_a_terminal():
    many_flows("many.pcap", 300_000)
    shown = on_a_terminal("-r", "many.pcap", "-w", "csv:flows.csv")
    assert "packets/s" in shown and "flows" in shown and " %" in shown, shown[:500]
    assert "\r" in shown and "[" in shown, "the terminal shows no progress bar"
    assert "300,000 received = 300,000 metered" in shown, shown[-800:]


def test_quiet_on_a_terminal_shows_nothing():
    assert_equal(on_a_terminal("-r", capture("http.pcap"), "-w", "csv:flows.csv", "--quiet"), "")


def test_no_progress_bar_where_there_is_no_terminal():
    many_flows("many.pcap", 100_000)
    done = subprocess.run([binary(), "-r", "many.pcap", "-w", "csv:flows.csv"], stderr=subprocess.PIPE, check=True)
    assert b"\r" not in done.stderr and b"\x1b" not in done.stderr, done.stderr
