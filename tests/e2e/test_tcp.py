"""Compares features.tcp with tshark's TCP analysis of the same packets. The packets are from captures and from a live
lossy link."""
import collections
import contextlib
import os
import re
import signal
import statistics
import subprocess
import tempfile

import pytest

from support import pcap_file
from support.captures import capture
from support.compare import assert_equal
from support.program import need
from support.records import records_of
from support.waiting import wait_until

DIRECTIONS = ("src_to_dst", "dst_to_src")
# For each field with which tshark marks a packet: spanflow's field that counts such packets of a direction.
COUNTED = {
    "tcp.analysis.retransmission": "retransmitted_pkts",
    "tcp.analysis.out_of_order": "out_of_order_pkts",
    "tcp.analysis.zero_window": "zero_window_pkts",
    "tcp.analysis.lost_segment": "gaps",
}
# Round-trip times over the lossy links, in the capture tcp_loss.pcap and live, in ms.
DELAYS_MS = {"tcp_server_rtt_ns": 10, "tcp_client_rtt_ns": 20}


def tcp_records(path, *settings):
    records, _ = records_of(path, settings=("features.tcp=true", "dpi.enabled=false", *settings))
    return [record for record in records if record["ip_protocol"] == "6"]


def tshark(path, *fields):
    """Returns for each TCP packet a tuple of these fields, as tshark prints them."""
    need("tshark")
    command = ["tshark", "-n", "-r", path, "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    return [tuple(line.split("\t")) for line in said.splitlines()]


def tshark_counts(path):
    """Returns how many packets tshark marks with each field, by sender and receiver."""
    counts = collections.defaultdict(collections.Counter)
    packets = tshark(path, "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", *COUNTED)
    for ip4, ip6, port, to_ip4, to_ip6, to_port, *marks in packets:
        way = (ip4 or ip6, port, to_ip4 or to_ip6, to_port)
        counts[way].update(name for name, mark in zip(COUNTED.values(), marks) if mark)
    return counts


def our_counts(records):
    counts = collections.defaultdict(collections.Counter)
    for record in records:
        ends = (record["ip_src"], record["src_port"]), (record["ip_dst"], record["dst_port"])
        for direction, way in zip(DIRECTIONS, (ends[0] + ends[1], ends[1] + ends[0])):
            if int(record[f"{direction}_pkts"]) > 0:
                counts[way].update({name: int(record[f"{direction}_{name}"]) for name in COUNTED.values()})
    return counts


def assert_counts_of_tshark(path, records):
    assert_counts(our_counts(records), tshark_counts(path))


def assert_counts(ours, theirs):
    assert_equal(sorted(ours), sorted(theirs))
    for way in theirs:
        assert_equal({name: ours[way][name] for name in COUNTED.values()},
                     {name: theirs[way][name] for name in COUNTED.values()}, " ".join(way))


def totals(records):
    return {name: sum(int(record[f"{direction}_{name}"]) for record in records for direction in DIRECTIONS)
            for name in COUNTED.values()}


def assert_near(took_ns, expected_ms, what):
    """Asserts that the time differs from the expected time by at most 5 %."""
    took_ms = int(took_ns) / 1e6
    assert abs(took_ms - expected_ms) <= 0.05 * expected_ms, f"{what}: {took_ms:.3f} ms, expected {expected_ms} ms"


@pytest.mark.parametrize("name", [
    "http.pcap", "tls13_web.pcap", "ipv6_web.pcap", "portscan.pcap", "ssh.pcap", "mqtt.pcap", "mixed.pcap"])
def test_counts_are_those_of_tshark(name):
    assert_counts_of_tshark(capture(name), tcp_records(capture(name)))


def test_lossy_capture_has_the_counts_of_tshark():
    path = capture("tcp_loss.pcap")
    ours, theirs = our_counts(tcp_records(path)), tshark_counts(path)
    if tshark_version() >= (4, 4):
        count_late_segments_together(ours)
        count_late_segments_together(theirs)
    assert_counts(ours, theirs)


def count_late_segments_together(counts_by_way):
    """Adds the segments out of order to the retransmissions. tshark 4.4 marks some segments as retransmissions that
    tshark 4.0 marks as out of order, so only the sums are equal."""
    for counts in counts_by_way.values():
        counts["retransmitted_pkts"] += counts.pop("out_of_order_pkts", 0)


def tshark_version():
    shown = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.search(r"(\d+)\.(\d+)\.", shown).groups()))


def test_counts_of_the_lossy_capture():
    records = tcp_records(capture("tcp_loss.pcap"))
    assert_equal(totals(records), {
        "retransmitted_pkts": 28, "out_of_order_pkts": 50, "zero_window_pkts": 0, "gaps": 19})


def test_times_of_the_lossy_capture():
    records = tcp_records(capture("tcp_loss.pcap"))
    assert_equal(len(records), 4)
    for record in records:
        for field, delay_ms in DELAYS_MS.items():
            assert_near(record[field], delay_ms, field)


def test_cut_segments_add_up():
    whole = tcp_records(capture("tcp_loss.pcap"))
    cut = tcp_records(capture("tcp_loss.pcap"), "flow.active_timeout=200ms", "flow.inactive_timeout=120s")
    assert len(cut) > len(whole), len(cut)
    assert_equal(totals(cut), totals(whole))


# --- Live ---

CLIENT, SERVER = "10.20.0.10", "10.20.0.20"
NETEM = ("netem", "limit", "10000", "loss", "1%")


def command(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout.decode()


@contextlib.contextmanager
def lossy_link():
    """Makes a namespace for a client and one for a server. Packets are recorded at the server's interface, 10 ms after
    the server has sent them and 20 ms before the client gets them. Three queues lose 1 % of their packets each: the
    egress queues of client and server, before the packets are recorded, and the client's ingress queue, after that."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    need("ip", "tc", "ethtool", "tcpdump", "iperf3", "tshark")
    client, server = (f"e2e-{role}-{os.getpid()}" for role in ("client", "server"))
    try:
        command("ip", "netns", "add", client)
        command("ip", "netns", "add", server)
        command("ip", "link", "add", "eth0", "netns", client, "type", "veth", "peer", "eth0", "netns", server)
        for namespace, address in ((client, CLIENT), (server, SERVER)):
            command("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", "gro", "off", "gso", "off", "tso", "off")
            command("ip", "-n", namespace, "address", "add", address + "/24", "dev", "eth0")
            command("ip", "-n", namespace, "link", "set", "eth0", "up")
        command("tc", "-n", server, "qdisc", "add", "dev", "eth0", "root", *NETEM, "delay", "10ms")
        command("tc", "-n", client, "qdisc", "add", "dev", "eth0", "root", *NETEM)
        command("ip", "-n", client, "link", "add", "ifb0", "type", "ifb")
        command("ip", "-n", client, "link", "set", "ifb0", "up")
        command("tc", "-n", client, "qdisc", "add", "dev", "eth0", "ingress")
        command("tc", "-n", client, "filter", "add", "dev", "eth0", "parent", "ffff:", "matchall", "action", "mirred",
                "egress", "redirect", "dev", "ifb0")
        command("tc", "-n", client, "qdisc", "add", "dev", "ifb0", "root", *NETEM, "delay", "20ms")
        yield client, server
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no lossy link here: {error.stderr.decode().strip()}")
    finally:
        for namespace in (client, server):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


@contextlib.contextmanager
def running(namespace, ready, *words, stop=signal.SIGTERM):
    """Runs a program in a namespace until the end of the block, which begins once the program has printed `ready`."""
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *words], stdout=said, stderr=said)
        try:
            wait_until(lambda: ready in content_of(said.name), 10, f"{words[0]}: {ready.decode()}")
            yield
        finally:
            process.send_signal(stop)
            process.wait()


def record_transfers(client, server, path):
    with running(server, b"listening", "iperf3", "--server", "--forceflush"), \
            running(server, b"listening on", "tcpdump", "-Z", "root", "-n", "-s", "96", "-B", "16384", "-i", "eth0",
                    "--immediate-mode", "-w", path, stop=signal.SIGINT):
        for way in ([], ["--reverse"]):
            command("ip", "netns", "exec", client, "iperf3", "--client", SERVER, "--bytes", "4M", *way)


def test_live_link_with_delay_and_loss():
    with lossy_link() as (client, server):
        record_transfers(client, server, "lossy.pcap")
    records = tcp_records("lossy.pcap")
    assert_equal(len(records), 4)
    assert_counts_of_tshark("lossy.pcap", records)
    assert totals(records)["retransmitted_pkts"] > 0, totals(records)
    for field, delay_ms in DELAYS_MS.items():
        assert_near(statistics.median(int(record[field]) for record in records), delay_ms, field)


# --- Packets lost before the sensor ---


def acks(path):
    _, summary = records_of(path, settings=("features.tcp=true", "dpi.enabled=false"))
    return summary["tcp"]["acks"], summary["tcp"]["acks_of_unseen"]


def test_packets_lost_on_the_wire_are_seen_again_but_not_those_lost_before_the_sensor():
    assert_equal(acks(capture("tcp_loss.pcap")), (724, 0))
    frames = pcap_file.read(capture("tcp_loss.pcap"))
    assert_equal(acks(pcap_file.write("lossy_span_port.pcap", [f for at, f in enumerate(frames) if at % 50 != 49])), (711, 36))
