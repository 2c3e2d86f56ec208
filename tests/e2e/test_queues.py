"""Checks several receive queues, and the CPU time of idle workers. Cases over veth need root."""
import os
import signal
import struct
import time

import pytest

from support import pcap_file
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.links import check_run, inside, send_and_stop, wait_until_capturing
from support.program import Running, spanflowd
from support.records import parse_csv, read_csv

# The fields of one direction. In a record, each name has the direction as a prefix.
SIDE = ("pkts", "bytes", "ip_bytes", "link_bytes", "tcp_flags", "ttl_min", "ttl_max", "tunnel_id")
SRC_TO_DST, DST_TO_SRC = [[f"{way}_{field}" for field in SIDE] for way in ("src_to_dst", "dst_to_src")]
WAYS = (("ip_src", "src_port", *SRC_TO_DST), ("ip_dst", "dst_port", *DST_TO_SRC))
BOTH = ("ip_protocol", "segment", "tunnel_type", "vlan_id")


def split(name, parts):
    """Distributes the packets of a capture over several files in turn, and returns the paths of the files."""
    return deal(pcap_file.read(capture(name)), parts)


def deal(frames, parts):
    return [pcap_file.write(f"part{part}.pcap", frames[part::parts]) for part in range(parts)]


def device(number, *paths):
    return f"net_pcap{number}," + ",".join(f"rx_pcap={path}" for path in paths)


def records_of_devices(*devices, arguments=(), settings=()):
    """Returns the records and the summary of a run that reads the devices' captures to their end. nDPI and the close of
    TCP flows are off: their results depend on the order of packets, which depends on the polling of the queues."""
    command = ["--quiet", "--duration", "1500ms", "-w", "csv:-", *arguments]
    for each_device in devices:
        command += ["-d", each_device]
    for setting in ("dpi.enabled=false", "flow.tcp_close=false", *settings):
        command += ["-s", setting]
    run = spanflowd(*command)
    records = parse_csv(run.stdout)
    assert_sums(records, run.summary)
    return records, run.summary


def without_order(records):
    """Returns the part of the records that does not depend on which packet of a flow comes first."""
    return sorted((sorted(tuple(record[field] for field in way) for way in WAYS), [record[field] for field in BOTH])
                  for record in records)


def packets(summary):
    return {name: count for name, count in summary["packets"].items() if name not in ("handed_over", "time_backwards")}


def check_same(several, one):
    """Compares two runs, each given as (records, summary)."""
    assert_equal(packets(several[1]), packets(one[1]))
    assert_equal(without_order(several[0]), without_order(one[0]))


@pytest.mark.parametrize("name", [
    "mixed.pcap", "portscan.pcap", "tunnels.pcap", "fragments.pcap", "ipv6_web.pcap", "vlan.pcap"])
def test_queues_that_split_flows_give_the_records_of_one_queue(name):
    one = records_of_devices(device(0, capture(name)))
    for queues in (2, 4):
        several = records_of_devices(device(0, *split(name, queues)), arguments=("--workers", "2"))
        check_same(several, one)
        assert 0 < several[1]["packets"]["handed_over"] < several[1]["packets"]["metered"]


def test_queues_that_split_flows_and_as_many_workers():
    frames = pcap_file.between_many_hosts()
    one = records_of_devices(device(0, pcap_file.write("all.pcap", frames)))
    several = records_of_devices(device(0, *deal(frames, 4)), arguments=("--workers", "4"))
    check_same(several, one)
    assert_equal({record["worker"] for record in several[0]}, {"0", "1", "2", "3"})


def test_one_worker_polls_every_queue():
    one = records_of_devices(device(0, capture("mixed.pcap")))
    several = records_of_devices(device(0, *split("mixed.pcap", 3)))
    check_same(several, one)
    assert_equal(several[1]["packets"]["handed_over"], 0)


def test_queues_of_several_devices_meet_at_the_home_of_a_flow():
    one = records_of_devices(device(0, capture("mixed.pcap")))
    first, second, third = split("mixed.pcap", 3)
    several = records_of_devices(device(0, first), device(1, second, third), arguments=("--workers", "2"))
    check_same(several, one)


def test_a_filter_is_applied_once():
    settings = ("input.filter=udp",)
    one = records_of_devices(device(0, capture("mixed.pcap")), settings=settings)
    several = records_of_devices(device(0, *split("mixed.pcap", 2)), arguments=("--workers", "2"), settings=settings)
    check_same(several, one)
    assert several[1]["packets"]["ignored"]["filtered"] > 0


def test_copies_that_came_by_different_queues_are_left_out():
    frames = pcap_file.read(capture("dns.pcap"))
    once = records_of_devices(device(0, pcap_file.write("once.pcap", frames)))
    twice = records_of_devices(device(0, pcap_file.write("same.pcap", frames), "once.pcap"), arguments=("--workers", "2"),
                               settings=("decode.deduplicate=1s",))
    assert_equal(without_order(twice[0]), without_order(once[0]))
    assert_equal(twice[1]["packets"]["ignored"]["duplicate"], once[1]["packets"]["metered"])


def test_rss_is_checked_at_the_start():
    run = spanflowd("-d", "net_null0", "--workers", "2", "--duration", "100ms", "-w", "csv:flows.csv")
    assert "info: net_null0: RSS over 2 queues, symmetric" in run.stderr, run.stderr
    assert "not all of the" not in run.stderr, "the redirection table of net_null is all 0 until it is set"


def test_queues_without_rss_are_told_of():
    run = spanflowd("-d", device(0, *split("dns.pcap", 2)), "--workers", "2", "--duration", "100ms", "-w", "csv:flows.csv")
    assert "net_pcap0: its 2 queues are not split by RSS" in run.stderr, run.stderr


# One port has RSS, the other has not. Packets of one flow may arrive at both ports, so the addresses select the worker
# at all ports.
def test_ports_of_both_kinds():
    one = records_of_devices(device(0, capture("mixed.pcap")))
    several = records_of_devices("net_null0,size=60", device(0, *split("mixed.pcap", 2)), arguments=("--workers", "2"))
    assert_equal(without_order(several[0]), without_order(one[0]))


# --- Over veth ---


def over_ipv6(frame):
    """Returns the frame with its IPv4 header replaced by an IPv6 header, whose addresses have the same last octets."""
    ip, segment = frame.data[14:34], frame.data[34:]
    source, destination = (b"\x20\x01\x0d\xb8" + bytes(8) + address for address in (ip[12:16], ip[16:20]))
    header = struct.pack(">IHBB", 6 << 28, len(segment), ip[9], 64) + source + destination
    data = frame.data[:12] + b"\x86\xdd" + header + segment
    return pcap_file.Frame(frame.seconds, frame.fraction, data)


FORMS = {
    "IPv4": lambda frame: frame,
    "IPv6": over_ipv6,
    "IPv4 after a VLAN tag": lambda frame: pcap_file.tagged(frame, 7),
    "IPv4 after two VLAN tags": lambda frame: pcap_file.tagged(frame, 7, 8),
    "IPv6 after two VLAN tags": lambda frame: pcap_file.tagged(over_ipv6(frame), 7, 8),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_kernel_puts_each_packet_into_the_ring_of_its_worker(form, wire):
    path = pcap_file.write("many.pcap", [FORMS[form](frame) for frame in pcap_file.between_many_hosts()])
    with wire.sensor_running("--workers", "3") as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", path)
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    assert_equal(run.summary["packets"]["handed_over"], 0)
    assert_equal({record["worker"] for record in records}, {"0", "1", "2"})
    assert_equal({(record["src_to_dst_pkts"], record["dst_to_src_pkts"]) for record in records}, {("3", "2")})


@pytest.mark.parametrize("name", ["tunnels.pcap", "mpls.pcap", "fragments.pcap"])
def test_what_the_kernel_does_not_look_into_comes_to_the_worker_of_its_flow(name, wire):
    with wire.sensor_running("--workers", "3", "-s", "dpi.enabled=false") as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture(name))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    spanflowd("-r", capture(name), "--quiet", "-w", "csv:read.csv", "-s", "dpi.enabled=false")
    assert_equal(without_order(records), without_order(read_csv("read.csv")))


def test_packet_sockets_with_two_queues(wire):
    listening = ("-d", "net_af_packet0,iface=tap,qpairs=2", "--workers", "2", "--quiet", "-w", "csv:flows.csv")
    with Running(*listening, prefix=inside(wire.sensor)) as running:
        wait_until_capturing(running)
        run, sent = send_and_stop(wire, running, "--pps=2000", pcap_file.write("many.pcap", pcap_file.between_many_hosts()))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    assert_equal({record["worker"] for record in records}, {"0", "1"})
    assert_equal([(record["src_to_dst_pkts"], record["dst_to_src_pkts"]) for record in records], [("3", "2")] * 64)


# --- Idle workers ---


def share_of_a_cpu(running, seconds):
    """Returns the CPU time of the process as a share of one CPU's time."""
    def ticks():
        with open(f"/proc/{running.process.pid}/stat", encoding="ascii") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    before, start = ticks(), time.monotonic()
    time.sleep(seconds)  # the process is measured during this time
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start)


# Other processes only add to the CPU time of a wake-up, because they use the caches, so the least of three shares counts.
@pytest.mark.alone
@pytest.mark.release_only
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_idle_capture_leaves_the_cpu_alone(workers, wire):
    with wire.sensor_running("--workers", workers) as running:
        time.sleep(0.5)  # time for the process to become idle
        share = min(share_of_a_cpu(running, 2) for _ in range(3))
        running.finish(signal.SIGTERM, within=3)
    assert share < patience(0.05), f"{share:.1%} of a CPU"


@pytest.mark.alone
@pytest.mark.release_only
def test_a_busy_capture_does_not_sleep(wire):
    with wire.sensor_running("-s", "input.busy_poll=true") as running:
        share = share_of_a_cpu(running, 1)
        running.finish(signal.SIGTERM, within=3)
    assert share > 0.2, f"{share:.1%} of a CPU"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_packets_after_an_idle_spell_all_arrive(workers, wire):
    with wire.sensor_running("--workers", workers) as running:
        sent = 0
        for _ in range(4):
            time.sleep(0.5)  # the workers become idle before each burst of packets
            sent += wire.send("--topspeed", "--preload-pcap", "--loop=10", capture("portscan.pcap"))
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=3)
    assert_equal(run.summary["packets"]["received"], sent)
