"""Checks records of captures whose times go back, and of live runs whose clock is set."""
import glob
import os
import re
import signal

import pytest

from support import build, pcap_file
from support.captures import capture
from support.compare import assert_equal
from support.links import inside
from support.pcap_file import Frame
from support.program import Running
from support.records import read_csv, records_of, sorted_records
from support.waiting import wait_until

START = 1_700_000_000
WORKERS = (1, 3) if build.slow else (1, 2, 3, 8)


def conversation(start, packets=300, source="10.0.0.1", gap=0.001):
    """Packets of one UDP flow, in both directions."""
    ways = [pcap_file.udp(source, "10.0.0.2", (1111, 2222)), pcap_file.udp("10.0.0.2", source, (2222, 1111))]
    times = [start + n * gap for n in range(packets)]
    return [Frame(int(time), round((time - int(time)) * 1e6), ways[n % 2]) for n, time in enumerate(times)]


def others(start, count):
    return [Frame(int(start + n * 0.01), int(n * 0.01 % 1 * 1e6), pcap_file.udp(f"10.1.0.{n % 250}", "10.0.0.9"))
            for n in range(count)]


def merged(*lists, run=1):
    """Takes `run` frames from each list in turn."""
    rest, out = [list(frames) for frames in lists], []
    while any(rest):
        for frames in rest:
            out += frames[:run]
            del frames[:run]
    return out


CAPTURES = {
    "two packets an hour ahead": others(START + 4000, 2) + conversation(START),
    "back by more than a timeout": others(START + 200, 100) + conversation(START),
    "back by less than a timeout": others(START + 100, 100) + conversation(START),
    "back by a year": others(START + 31_536_000, 100) + conversation(START),
    "back by 2^32 ms": others(START + 4_294_968, 100) + conversation(START),
    "back twice": others(START + 900, 50) + others(START + 500, 50) + conversation(START),
    "back and forward again": others(START + 500, 50) + conversation(START) + others(START + 500.5, 50),
    "one packet a day ahead": conversation(START, 150) + others(START + 86_400, 1) + conversation(START + 0.15, 150),
    "packets of two clocks in turn": merged(others(START + 300, 300), conversation(START)),
    "packets of two clocks in runs": merged(others(START + 300, 300), conversation(START), run=7),
    "a clock of years, in runs": merged(others(START + 99_999_999, 300), conversation(START), run=3),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_time_that_goes_back_cuts_no_flow(name):
    pcap_file.write("a.pcap", CAPTURES[name])
    of_one_worker = None
    for workers in WORKERS:
        found, _ = records_of("a.pcap", arguments=("--workers", workers))
        talk = [record for record in found if "2222" in (record["src_port"], record["dst_port"])]
        assert_equal([int(record["src_to_dst_pkts"]) + int(record["dst_to_src_pkts"]) for record in talk], [300])
        of_one_worker = of_one_worker or sorted_records(found)
        assert_equal(sorted_records(found), of_one_worker, f"{workers} workers")


@pytest.mark.parametrize("back", [5, 50, 119])
def test_a_flow_goes_on_when_its_own_time_goes_back_by_less_than_a_timeout(back):
    pcap_file.write("a.pcap", conversation(START + back, 150) + conversation(START, 150))
    for workers in WORKERS:
        found, summary = records_of("a.pcap", arguments=("--workers", workers))
        assert_equal([record["segment"] for record in found], ["0"])
        assert_equal(summary["time"]["stepped"], 1)


def test_a_flow_still_ends_when_the_time_after_the_step_says_so():
    frames = others(START + 5000, 10) + conversation(START, 10) + others(START + 150, 20) + conversation(START + 160, 10)
    pcap_file.write("a.pcap", frames)
    for workers in WORKERS:
        found, summary = records_of("a.pcap", arguments=("--workers", workers))
        talk = [record for record in found if "2222" in (record["src_port"], record["dst_port"])]
        assert_equal([record["src_to_dst_pkts"] for record in sorted_records(talk)], ["5", "5"])
        assert summary["flows"]["exported"]["inactive"] > 0


@pytest.mark.parametrize("dense", [1, 6])
def test_a_capture_with_few_packets_ends_no_flow_early(dense):
    few = [frame.at(START + 30 * n) for n, frame in enumerate(conversation(START, 8))]
    frames = conversation(START, dense) + few[1:]
    pcap_file.write("a.pcap", frames)
    for workers in WORKERS:
        found, _ = records_of("a.pcap", arguments=("--workers", workers))
        assert_equal([(record["segment"], record["end_reason"]) for record in sorted_records(found)],
                     [("0", "active"), ("1", "capture_end")])


def test_files_in_the_wrong_order_are_one_capture():
    pcap_file.write("late.pcap", conversation(START + 300, 100))
    pcap_file.write("early.pcap", conversation(START, 100))
    for workers in WORKERS:
        found, _ = records_of("late.pcap", "early.pcap", arguments=("--workers", workers))
        assert_equal([record["src_to_dst_pkts"] for record in found], ["50", "50"])


# --- Live ---


@pytest.fixture(name="clock")
def clock_that_can_be_set(own_folder):
    """Returns the environment of a process whose wall clock is set by writing to the file `clock`."""
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not library:
        pytest.skip("not installed: libfaketime")
    set_clock("+0")
    return {**os.environ, "LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": os.path.abspath("clock"),
            "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def set_clock(text):
    with open("clock", "w", encoding="utf-8") as file:
        file.write(text + "\n")


@pytest.mark.release_only  # the sanitizers' runtime must be the first library
@pytest.mark.parametrize("step", ["-3600", "+3600"])
def test_flows_end_although_the_clock_is_set(step, wire, clock):
    arguments = ("-i", "tap", "--quiet", "-w", "csv:flows.csv", "-s", "flow.inactive_timeout=1s", "-s", "flow.tcp_linger=500ms")
    with Running(*arguments, prefix=inside(wire.sensor), env=clock) as running:
        running.wait_until_started()
        running.wait_until_polling()
        set_clock(step)
        wait_until(lambda: "clock was set" in running.stderr(), 10, "a warning about the clock")
        sent = wire.send("--pps=2000", capture("mixed.pcap"))
        running.wait_until_received(sent)
        running.wait_for(lambda summary: summary["flows"]["open"] == 0, 10, "no open flows")
        run = running.finish(signal.SIGTERM, within=3)
    assert re.search(rf"warning: the system's clock was set {'back' if step[0] == '-' else 'forward'} by 3600\.\d+ s", run.stderr), run.stderr
    assert_equal(run.summary["time"]["stepped"], 1)
    ended = {record["end_reason"] for record in read_csv("flows.csv")}
    assert ended <= {"inactive", "closed", "active"}, ended
    lasted = [int(record["end_time_ns"]) - int(record["start_time_ns"]) for record in read_csv("flows.csv")]
    assert max(lasted) < 60_000_000_000, max(lasted)
    now = os.stat("flows.csv").st_mtime + int(step)
    assert all(abs(int(record["start_time_ns"]) / 1e9 - now) < 120 for record in read_csv("flows.csv"))
