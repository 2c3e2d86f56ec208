"""Captures from a veth pair between two network namespaces, and from DPDK devices. Needs root."""
import os
import re
import signal
import time

import pytest

from support import pcap_file
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.library import build_shared_object, set_metrics, write_file
from support.links import check_run, command, inside, send_and_stop
from support.program import lost_packets, spanflowd
from support.records import read_csv
from support.waiting import wait_until


@pytest.mark.parametrize("name", ["tls12_instagram.pcap", "http.pcap", "dns.pcap", "tls13_web.pcap"])
def test_every_packet_sent_is_received(name, wire):
    with wire.sensor_running() as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture(name))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    read = {r["application_name"] for r in records_of_file(name)}
    assert_equal({r["application_name"] for r in records}, read, "labels, live and from the file")


def records_of_file(name):
    spanflowd("-r", capture(name), "--quiet", "-w", "csv:read.csv")
    return read_csv("read.csv")


def test_records_have_the_time_of_the_wall_clock(wire):
    with wire.sensor_running() as running:
        before = time.time_ns()
        wire.send("--pps=2000", capture("http.pcap"))
        after = time.time_ns()
        running.wait_until_received(58)
        running.finish(signal.SIGTERM, within=3)
    records = read_csv("flows.csv")
    assert records
    for record in records:
        assert before - 10**9 < int(record["start_time_ns"]) <= int(record["end_time_ns"]) < after + 10**9, record
        assert record["timestamp_source"] in ("kernel", "tsc"), record


@pytest.mark.alone
def test_two_workers(wire):
    with wire.sensor_running("--workers", "2") as running:
        path = pcap_file.write("many.pcap", pcap_file.between_many_hosts())
        run, sent = send_and_stop(wire, running, "--pps=5000", path)
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    assert_equal({record["worker"] for record in records}, {"0", "1"})
    assert_equal([(record["src_to_dst_pkts"], record["dst_to_src_pkts"]) for record in records], [("3", "2")] * 64)


@pytest.mark.alone
def test_interrupt_ends_it_too(wire):
    with wire.sensor_running() as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture("http.pcap"), stop=signal.SIGINT)
    check_run(run, sent, read_csv("flows.csv"))


@pytest.mark.alone
def test_nothing_sent(wire):
    with wire.sensor_running() as running:
        run = running.finish(signal.SIGTERM, within=3)
    check_run(run, 0, read_csv("flows.csv"))


@pytest.mark.alone
def test_duration_ends_it(wire):
    with wire.sensor_running("--duration", "2s") as running:
        run = running.finish(within=6)
    assert 1.9 < run.summary["seconds"] < 4, run.summary["seconds"]


@pytest.mark.alone
def test_inactive_flow_leaves_a_quiet_link(wire):
    timeout = 1.0
    with wire.sensor_running("-s", "flow.inactive_timeout=1s", "-s", "flow.active_timeout=60s") as running:
        wire.send("--pps=5000", capture("dns.pcap"))
        last_packet = time.time()
        wait_until(lambda: len(read_csv("flows.csv.part")) >= 8, timeout + 3, "records of the ended flows")
        late = time.time() - last_packet - timeout
        running.finish(signal.SIGTERM, within=3)
    assert late < patience(1), f"exported {late:.1f} s after the timeout"
    assert {record["end_reason"] for record in read_csv("flows.csv")} <= {"inactive", "closed"}


@pytest.mark.alone
def test_top_speed_loses_nothing_uncounted(wire):
    with wire.sensor_running("--workers", "2") as running:
        sent = wire.send("--topspeed", "--preload-pcap", "--loop=200", capture("tls13_web.pcap"))
        delivered = sent - wire.statistic(wire.sender, "wire", "tx_dropped")
        running.wait_until_received(delivered)
        run = running.finish(signal.SIGTERM, within=5)
    packets = run.summary["packets"]
    assert_equal(packets["received"] + lost_packets(run.summary), delivered, f"{packets}")
    assert_sums(read_csv("flows.csv"), run.summary)


def test_vlan_tags_arrive(wire):
    with wire.sensor_running() as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture("vlan.pcap"))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    assert_equal({(record["vlan_id"], record["vlan_outer_id"]) for record in records}, {("100", ""), ("30", "200")})


def test_fragments_arrive_as_they_are_on_the_wire(wire):
    name = "fragments.pcap"
    with wire.sensor_running() as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture(name))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    in_file = records_of_file(name)
    for column in ("ip_protocol", "ip_src", "src_port", "src_to_dst_pkts", "src_to_dst_bytes", "dst_to_src_pkts", "dst_to_src_bytes"):
        assert_equal(sorted(record[column] for record in records), sorted(record[column] for record in in_file), column)


def test_fragments_of_an_incomplete_datagram_are_counted(wire):
    later = [frame for frame in pcap_file.read(capture("fragments.pcap")) if is_later_fragment(frame.data)]
    path = pcap_file.write("later.pcap", later)
    with wire.sensor_running() as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", path)
    assert_equal(sent, len(later))
    check_run(run, sent, read_csv("flows.csv"))


def is_later_fragment(data):
    return data[12:14] == b"\x08\x00" and int.from_bytes(data[20:22], "big") & 0x1fff != 0


def test_filter(wire):
    with wire.sensor_running("-s", "input.filter=udp port 53") as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture("dns.pcap"))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    assert run.summary["packets"]["ignored"]["filtered"] > 0
    assert_equal({record["ip_protocol"] for record in records}, {"17"})


def test_merging_offload_is_warned_of(wire):
    command(*inside(wire.sensor), "ethtool", "-K", "tap", "gro", "on", check=False)
    if not re.search(r"generic-receive-offload: on", command(*inside(wire.sensor), "ethtool", "-k", "tap")):
        pytest.skip("this interface has no gro to switch on")
    with wire.sensor_running() as running:
        run = running.finish(signal.SIGTERM, within=3)
    assert "tap: gro merges frames" in run.stderr, run.stderr


def test_interface_that_is_down_is_warned_of(wire):
    command("ip", "-n", wire.sensor, "link", "set", "tap", "down")
    with wire.sensor_running() as running:
        run = running.finish(signal.SIGTERM, within=3)
    assert "tap: the interface is down" in run.stderr, run.stderr


def test_interface_is_left_as_it_was(wire):
    before = flags(wire)
    with wire.sensor_running() as running:
        running.finish(signal.SIGTERM, within=3)
    assert_equal(flags(wire), before)


def flags(wire):
    return re.search(r"<(.*?)>", command("ip", "-n", wire.sensor, "link", "show", "tap"))[1]


def test_interface_that_goes_away_does_not_hang_the_stop(wire):
    with wire.sensor_running() as running:
        sent = wire.send("--pps=2000", capture("http.pcap"))
        running.wait_until_received(sent)
        command("ip", "-n", wire.sensor, "link", "del", "tap")
        time.sleep(0.5)  # spanflowd may notice in this time that the interface is gone, and end
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(timeout=patience(5))
        assert code in (0, 1), f"exit code {code}:\n{running.stderr()}"
    records = read_csv("flows.csv")
    assert_equal(sum(int(r["src_to_dst_pkts"]) + int(r["dst_to_src_pkts"]) for r in records), sent - not_ip("http.pcap"))


def not_ip(name):
    return sum(frame.data[12:14] not in (b"\x08\0", b"\x86\xdd") for frame in pcap_file.read(capture(name)))


def test_unknown_interface():
    run = spanflowd("-i", "absent0", "--quiet", code=1)
    assert_equal(run.stderr, "spanflowd: error: absent0: no such network interface\n")


# --- Overload ---

SLOW = """
#include <chrono>
#include <spanflow/metric.h>
struct Slow {
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{20};
    while (std::chrono::steady_clock::now() < until) continue;
  }
  double value() const { return 1; }
};
SPANFLOW_METRIC(slow, Slow);
"""
OVERLOAD_LEVELS = ("level 0: everything is metered in full again", "level 1: names of new flows are not read",
                   "level 2: nDPI gets fewer packets of each flow", "level 3: new flows get no features",
                   "level 4: only some of the new flows are metered")


@pytest.mark.alone
def test_worker_that_falls_behind_leaves_something_out_says_so_and_recovers(wire):
    build_shared_object(write_file("slow.cc", SLOW), "slow.so")
    with wire.sensor_running(*set_metrics("{name: slow, plugin: ./slow.so}"), "-s", "features.statistics=true",
                                             "-s", "overload.max_sampling=4") as running:
        sent = wire.send("--topspeed", "--preload-pcap", "--unique-ip", "--loop=3000", capture("http.pcap"))
        wait_until(lambda: "metered in full again" in running.stderr(), 15, "recovery")
        sent += wire.send("--pps=2000", capture("dns.pcap"))
        delivered = sent - wire.statistic(wire.sender, "wire", "tx_dropped")
        running.wait_until_received(delivered)
        run = running.finish(signal.SIGTERM, within=5)
    records, packets, overload = read_csv("flows.csv"), run.summary["packets"], run.summary["overload"]
    assert_equal(packets["received"] + lost_packets(run.summary), delivered, f"{packets}")
    assert_sums(records, run.summary)
    assert packets["ignored"]["sampled_out"] > 0, packets
    assert_equal((overload["level"], overload["raised"] >= 5), (0, True), f"{overload}")
    for counter, word in (("names_stopped", "names"), ("dpi_lowered", "dpi"), ("features_stopped", "features"), ("sampled", "flows")):
        assert_equal(overload[counter], sum(word in record["overload"] for record in records), counter)
    assert overload["features_stopped"] > 0 and overload["sampled"] > 0, overload
    for record in records:
        assert_equal(record["bidirectional_mean_ps"] == "", "features" in record["overload"], f"{record}")
        assert_equal(record["sampling_rate"] in ("2", "4"), "flows" in record["overload"], f"{record}")
    last = records_of_file("dns.pcap")
    assert_equal({(record["sampling_rate"], record["overload"]) for record in records if record["dst_port"] == "53"},
                 {("1", "")})
    assert_equal(sum(record["dst_port"] == "53" for record in records), sum(record["dst_port"] == "53" for record in last))
    said = set(re.findall(r"overload, (.*?)(?: \(.* more within .*\))?$", run.stderr, re.MULTILINE))
    assert len(said) >= 2 and OVERLOAD_LEVELS[0] in said and said <= set(OVERLOAD_LEVELS), said


@pytest.mark.alone
def test_overload_can_be_switched_off():
    run = spanflowd("-d", f"net_pcap0,rx_pcap={capture('http.pcap')},infinite_rx=1", "--quiet", "-w", "csv:flows.csv",
                    "--duration", "1s", "-s", "flow.tcp_close=false", "-s", "overload.enabled=false")
    assert_equal((run.summary["overload"]["raised"], run.stderr), (0, ""))
    assert_equal({(record["sampling_rate"], record["overload"]) for record in read_csv("flows.csv")}, {("1", "")})


# --- Hugepages ---

NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages"


def reserved(count):
    with open(NR_HUGEPAGES, "w", encoding="ascii") as file:
        file.write(str(count))
    with open(NR_HUGEPAGES, encoding="ascii") as file:
        return int(file.read())


@pytest.mark.alone
def test_with_hugepages(wire):
    if os.geteuid() != 0 or not os.access(NR_HUGEPAGES, os.W_OK):
        pytest.skip("hugepages cannot be reserved")
    with open(NR_HUGEPAGES, encoding="ascii") as file:
        before = int(file.read())
    wanted = before + 48
    try:
        if reserved(wanted) < wanted:
            pytest.skip("the kernel has no memory for hugepages")
        with wire.sensor_running("-s", "input.memory=64MiB", "-s", "log.level=debug") as running:
            run, sent = send_and_stop(wire, running, "--pps=2000", capture("http.pcap"))
    finally:
        reserved(before)
    check_run(run, sent, read_csv("flows.csv"))


# --- DPDK devices ---


def test_dpdk_device_that_reads_a_capture():
    start = time.monotonic()
    run = spanflowd("-d", f"net_pcap0,rx_pcap={capture('http.pcap')}", "--quiet", "-w", "csv:flows.csv", "--duration", "2s")
    assert time.monotonic() - start >= 2
    assert_equal(run.summary["packets"]["received"], 58)
    assert_sums(read_csv("flows.csv"), run.summary)
    assert_equal({r["application_name"] for r in read_csv("flows.csv")}, {r["application_name"] for r in records_of_file("http.pcap")})


def test_two_dpdk_devices_and_two_workers():
    run = spanflowd("-d", f"net_pcap0,rx_pcap={capture('http.pcap')}", "-d", f"net_pcap1,rx_pcap={capture('dns.pcap')}",
                    "--quiet", "-w", "csv:flows.csv", "--duration", "2s", "--workers", "2")
    assert_equal(run.summary["packets"]["received"],
                 len(pcap_file.read(capture("http.pcap"))) + len(pcap_file.read(capture("dns.pcap"))))
    assert_sums(read_csv("flows.csv"), run.summary)


@pytest.mark.alone
def test_endless_dpdk_device():
    run = spanflowd("-d", f"net_pcap0,rx_pcap={capture('http.pcap')},infinite_rx=1", "--quiet", "-w", "csv:flows.csv",
                    "--duration", "1s", "-s", "flow.tcp_close=false")
    assert run.summary["packets"]["received"] > 100_000, run.summary["packets"]
    assert_sums(read_csv("flows.csv"), run.summary)


def test_dpdk_device_that_does_not_exist():
    run = spanflowd("-d", "net_absent0", "--quiet", code=1)
    assert len(run.stderr.splitlines()) == 1 and "net_absent0" in run.stderr, run.stderr
