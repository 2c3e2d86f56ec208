"""Captures from a veth pair with AF_XDP. Needs root."""
import errno
import glob
import signal
import socket
import subprocess

import pytest

from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.links import check_run, command, inside, send_and_stop
from support.program import Running, lost_packets, need, spanflowd
from support.records import read_csv

AF_XDP = 44
BY_AF_XDP = ("-s", "input.driver=af_xdp")
SAME_BY_BOTH = ("ip_src", "src_port", "ip_dst", "dst_port", "ip_protocol", "vlan_id", "vlan_outer_id", "src_to_dst_pkts",
                "dst_to_src_pkts", "src_to_dst_link_bytes", "dst_to_src_link_bytes", "application_name", "end_reason")


@pytest.fixture
def xdp(wire):
    """Returns the fixture `wire`, with rxvlan off so that VLAN tags arrive. Skips the case if AF_XDP does not work."""
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            pytest.skip("the kernel has no AF_XDP sockets")
        if error.errno != errno.EPERM:
            raise
    if not glob.glob("/usr/lib/*/dpdk/pmds-*/librte_net_af_xdp.so*"):
        pytest.skip("not installed: DPDK's af_xdp driver (librte-net-af-xdp23)")
    command(*inside(wire.sensor), "ethtool", "-K", "tap", "rxvlan", "off")
    return wire


def has_program(wire):
    return "xdp" in command("ip", "-n", wire.sensor, "link", "show", "tap")


def refusal(wire, prefix=()):
    """Starts a run that must be refused, and returns its only error line."""
    run = Running("-i", "tap", "--quiet", "-w", "csv:flows.csv", *BY_AF_XDP, prefix=(*inside(wire.sensor), *prefix))
    with run as running:
        stderr = running.finish(within=20, code=1).stderr
    assert_equal(len(stderr.splitlines()), 1, stderr)
    return stderr.strip()


def replay(wire, name, *arguments):
    """Replays a capture to a run with these arguments. Returns (records, run)."""
    with wire.sensor_running(*arguments) as running:
        run, sent = send_and_stop(wire, running, "--pps=2000", capture(name))
    records = read_csv("flows.csv")
    check_run(run, sent, records)
    return records, run


def what_is_the_same(records):
    return sorted(tuple(record[field] for field in SAME_BY_BOTH) for record in records)


@pytest.mark.parametrize("name", ["http.pcap", "dns.pcap", "tls13_web.pcap", "vlan.pcap"])
def test_records_are_those_of_af_packet(name, xdp):
    by_af_packet, _ = replay(xdp, name, "-s", "input.driver=af_packet")
    by_af_xdp, run = replay(xdp, name, *BY_AF_XDP)
    assert not has_program(xdp), "an XDP program is left on the interface"
    assert_equal(run.stderr, "")
    assert_equal(what_is_the_same(by_af_xdp), what_is_the_same(by_af_packet))
    assert_equal({record["timestamp_source"] for record in by_af_xdp}, {"tsc"})


def test_the_program_is_there_while_it_runs(xdp):
    with xdp.sensor_running(*BY_AF_XDP) as running:
        assert has_program(xdp)
        running.finish(signal.SIGTERM, within=3)
        assert not has_program(xdp)


def test_auto_takes_nothing_from_the_kernel(xdp):
    with xdp.sensor_running() as running:
        assert not has_program(xdp)
        running.finish(signal.SIGTERM, within=3)


@pytest.mark.alone
def test_two_workers(xdp):
    records, _ = replay(xdp, "portscan.pcap", "--workers", "2", *BY_AF_XDP)
    assert_equal({record["worker"] for record in records}, {"0", "1"})


def test_frames_of_the_greatest_mtu(xdp):
    for namespace, interface in ((xdp.sensor, "tap"), (xdp.sender, "wire")):
        command("ip", "-n", namespace, "link", "set", interface, "mtu", "3434")
    with xdp.sensor_running(*BY_AF_XDP) as running:
        command(*inside(xdp.sender), "python3", "-c", SEND, "3434")
        running.wait_until_received(10)
        run = running.finish(signal.SIGTERM, within=3)
    records = read_csv("flows.csv")
    check_run(run, 10, records)
    assert_equal([record["src_to_dst_ip_bytes"] for record in records], ["34340"])


# Sends ten UDP datagrams. The argument is the IP length in octets, header included.
SEND = """
import socket, struct, sys
length = int(sys.argv[1])
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
udp = struct.pack(">HHHH", 1000, 2000, length - 20, 0)
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("wire", 0x0800))
for _ in range(10):
    link.send(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + ip + udp + bytes(length - 28))
"""


@pytest.mark.alone
def test_top_speed_loses_nothing_uncounted(xdp):
    with xdp.sensor_running(*BY_AF_XDP) as running:
        sent = xdp.send("--topspeed", "--preload-pcap", "--loop=500", capture("tls13_web.pcap"))
        delivered = sent - xdp.statistic(xdp.sender, "wire", "tx_dropped")
        running.wait_until_received(delivered)
        run = running.finish(signal.SIGTERM, within=5)
    packets = run.summary["packets"]
    assert_equal(packets["received"] + lost_packets(run.summary), delivered, f"{packets}")
    assert_sums(read_csv("flows.csv"), run.summary)


def test_what_a_killed_run_left_is_taken_over(xdp):
    with xdp.sensor_running(*BY_AF_XDP) as running:
        running.process.kill()
        running.process.wait()
    assert has_program(xdp), "the killed run must leave its XDP program on the interface"
    replay(xdp, "http.pcap", *BY_AF_XDP)
    assert not has_program(xdp)


def test_host_is_warned_of(xdp):
    command("ip", "-n", xdp.sensor, "addr", "add", "10.0.0.1/24", "dev", "tap")
    command(*inside(xdp.sensor), "ethtool", "-K", "tap", "rxvlan", "on")
    with xdp.sensor_running(*BY_AF_XDP) as running:
        stderr = running.finish(signal.SIGTERM, within=3).stderr
    assert "tap: it has IP addresses" in stderr and "ethtool -K tap rxvlan off" in stderr, stderr


# --- Refused ---


def test_mtu_is_too_large(xdp):
    command("ip", "-n", xdp.sensor, "link", "set", "tap", "mtu", "9000")
    assert_equal(refusal(xdp), "spanflowd: error: tap: cannot be captured with af_xdp: its MTU is 9000, but "
                 "af_xdp allows at most 3434, because a frame must fit in a page")


def test_queues_that_nobody_would_listen_on(xdp):
    try:
        command(*inside(xdp.sensor), "ethtool", "-L", "tap", "rx", "2")
    except subprocess.CalledProcessError:
        pytest.skip("this veth has no second queue")
    said = refusal(xdp)
    assert "tap: cannot be captured with af_xdp: it has 2 receive queues" in said, said


def test_no_permission(xdp):
    need("setpriv")
    said = refusal(xdp, ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"))
    assert "tap: cannot be captured with af_xdp: the process needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN" in said, said


def test_program_of_another(xdp):
    programs = glob.glob("/usr/lib/*/bpf/xdpfilt_alw_all.o")
    if not programs:
        pytest.skip("not installed: libxdp1's XDP programs")
    command("ip", "-n", xdp.sensor, "link", "set", "tap", "xdp", "obj", programs[0], "sec", "xdp")
    said = refusal(xdp)
    assert has_program(xdp), "the program of another process must stay"
    assert "tap: cannot be captured with af_xdp: it has an XDP program already (xdpfilt" in said, said


def test_driver_that_there_is_not():
    run = spanflowd("-i", "tap", "--quiet", "-s", "input.driver=xdp", code=2)
    assert "input.driver: expected one of auto, af_packet, af_xdp" in run.stderr, run.stderr
