"""Checks that the programs of bench/ do the work that their arguments ask for. Otherwise nobody would notice a
benchmark of the wrong work."""
import json
import os
import subprocess

import pytest

from support import pcap_file
from support.build import bench_program, patience
from support.captures import capture
from support.compare import assert_equal
from support.records import records_of

pytestmark = pytest.mark.release_only


def program(name):
    path = bench_program(name)
    if not os.access(path, os.X_OK):
        pytest.skip(f"{name} was not built: meson option -Dbench=true")
    return path


def run(name, *arguments):
    done = subprocess.run([program(name), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=patience(60), check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def traffic(path, *arguments):
    run("bench_traffic", *arguments, "-o", path)
    with open(path, "rb") as file:
        return file.read()


KINDS = [("mixed", 200, 5000), ("flows", 300, 4000), ("zipf", 300, 5000), ("syn_flood", 3000, 3000), ("elephant", 1, 2000)]


@pytest.mark.parametrize("kind, flows, packets", KINDS)
def test_same_seed_gives_the_same_octets(kind, flows, packets):
    arguments = ("--kind", kind, "--flows", flows, "--packets", packets)
    first = traffic("a.pcap", *arguments, "--seed", 7)
    assert first == traffic("b.pcap", *arguments, "--seed", 7)
    assert first != traffic("c.pcap", *arguments, "--seed", 8)


@pytest.mark.parametrize("kind, flows, packets", KINDS)
def test_capture_has_the_flows_and_packets_asked_for(kind, flows, packets):
    traffic("a.pcap", "--kind", kind, "--flows", flows, "--packets", packets)
    records, summary = records_of("a.pcap")
    assert_equal((summary["packets"]["received"], summary["packets"]["metered"], len(records)), (packets, packets, flows))
    assert_equal({record["end_reason"] for record in records}, {"capture_end"})


def test_a_trace_has_the_packets_new_flows_and_lengths_asked_for():
    arguments = ("--kind", "trace", "--packets", 200_000, "--rate", 100_000, "--idle", 10)
    first = traffic("a.pcap", *arguments, "--seed", 7)
    assert first == traffic("b.pcap", *arguments, "--seed", 7)
    frames = pcap_file.read("a.pcap")
    times = [(frame.seconds, frame.fraction) for frame in frames]
    assert_equal(times, sorted(times))
    start = times[0][0]  # the window begins 10 s later and has 2 s
    in_window = sum(frame.seconds >= start + 10 for frame in frames)
    assert 180_000 < in_window < 220_000, in_window
    records, _ = records_of("a.pcap", settings=("flow.inactive_timeout=60s", "dpi.enabled=false"))
    began = [record for record in records if int(record["start_time_ns"]) >= (start + 10) * 10**9]
    assert 0.85 < len(began) / (2 * 100_000 / 77.2) < 1.15, len(began)
    single = sum(int(record["src_to_dst_pkts"]) + int(record["dst_to_src_pkts"]) == 1 for record in began) / len(began)
    assert 0.44 < single < 0.54, f"{single:.3f} of the flows have one packet; 0.478 in the trace"


def test_workers_share_the_traffic():
    arguments = ("--kind", "trace", "--packets", 100_000, "--rate", 100_000, "--idle", 10)
    one, two = (json.loads(run("bench_meter", *arguments, "--workers", workers)) for workers in (1, 2))
    for what in ("packets", "flows", "open_flows", "records"):
        assert 0.9 < two[what] / one[what] < 1.1, what
    assert one["flows"] > one["open_flows"] > 10_000


def test_new_flows_come_at_the_rate_asked_for():
    traffic("a.pcap", "--kind", "mixed", "--flows", 100, "--packets", 20_000, "--rate", 1000, "--new-flows", 50)
    records, _ = records_of("a.pcap", settings=("flow.inactive_timeout=1s",))
    assert_equal(len(records), 100 + 20 * 50 - 5)  # the last 5 new flows would begin after the last packet


def test_zipf_has_a_few_flows_with_most_of_the_packets():
    traffic("a.pcap", "--kind", "zipf", "--flows", 1000, "--packets", 50_000)
    packets = sorted((int(r["src_to_dst_pkts"]) + int(r["dst_to_src_pkts"]) for r in records_of("a.pcap")[0]), reverse=True)
    assert sum(packets[:100]) > sum(packets[100:]), packets[:10]


def meter(*arguments):
    return json.loads(run("bench_meter", *arguments))


def test_worker_over_generated_traffic_gets_every_packet_and_record():
    result = meter("--flows", 500, "--packets", 20_000, "--rate", 10_000, "--new-flows", 1000)
    assert_equal(result["packets"], 20_000)
    assert 500 < result["records"] == result["flows"], result
    assert result["mpps"] > 0 and result["resident_mb"] > 0, result


def test_worker_over_recorded_conversations():
    result = meter("--flows", 400, "--packets", 20_000, "--captures", capture("mixed.pcap"), "-s", "features.statistics=true")
    assert_equal((result["packets"], result["flows"], result["records"]), (20_000, 400, 400))


def test_option_that_does_not_exist_is_refused():
    done = subprocess.run([program("bench_meter"), "-s", "flow.capcity=1"], stderr=subprocess.PIPE, check=False)
    assert_equal((done.returncode, b"flow.capacity" in done.stderr), (1, True))


def test_micro_benchmarks_run():
    said = run("bench_micro", "--benchmark_filter=decode|hash_key|classify|records|flow_table/.*/1000$",
               "--benchmark_min_time=0.001", "--benchmark_format=json")
    results = json.loads(said)["benchmarks"]
    assert len(results) > 20, said
    assert not any(result.get("error_occurred") for result in results), said
