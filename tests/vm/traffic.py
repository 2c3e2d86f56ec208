"""The traffic of the checks: conversations of the recorded captures and of many pairs of hosts, and a packet that crashes nDPI."""
import collections
import csv
import io
import ipaddress
import os
import subprocess

from support import build, pcap_file

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURES = os.path.join(TESTS, "captures")
# No tunnels: their packets belong to the worker of the inner addresses, wherever the NIC puts them.
RECORDED = ("mixed.pcap", "portscan.pcap", "ipv6_web.pcap", "names.pcap", "fragments.pcap")
HOSTS = 64  # enough pairs that every queue gets some


def between_hosts():
    frames = []
    for host in range(1, HOSTS + 1):
        one, other = f"10.1.0.{host}", f"10.2.0.{host}"
        frames += [pcap_file.Frame(0, 0, pcap_file.udp(one, other, (host, 53)))] * 3
        frames += [pcap_file.Frame(0, 0, pcap_file.udp(other, one, (53, host)))] * 2
    return frames


def ends(record):
    """Returns the two end points of a record, in an order that does not depend on the direction."""
    return tuple(sorted((ipaddress.ip_address(record[f"ip_{side}"]), record[f"{side}_port"]) for side in ("src", "dst")))


def conversation_of(record):
    return record["ip_protocol"], ends(record)


def packets_of_conversations(records):
    """Returns the packets of each conversation, both directions together."""
    found = collections.Counter()
    for record in records:
        found[conversation_of(record)] += int(record["src_to_dst_pkts"]) + int(record["dst_to_src_pkts"])
    return found


def workers_of_conversations(records):
    found = collections.defaultdict(set)
    for record in records:
        found[conversation_of(record)].add(record["worker"])
    return found


class Fault:
    """A packet on which nDPI crashes if spanflowd runs with this library as LD_PRELOAD."""

    def __init__(self, folder):
        self.library, self.path = os.path.join(folder, "ndpi_fault.so"), os.path.join(folder, "fault.pcap")
        subprocess.run([*build.compiler(), "-std=c++20", "-O2", "-shared", "-fPIC", os.path.join(TESTS, "support", "ndpi_fault.cc"),
                        "-o", self.library], check=True, timeout=300)
        request = b"GET / HTTP/1.1\r\nHost: www.example.org\r\nX-Fault: segv\r\n\r\n"
        self.frame = pcap_file.Frame(1_700_000_000, 0, pcap_file.tcp("10.3.0.1", "10.3.0.2", (40001, 80), request))
        pcap_file.write(self.path, [self.frame])


class Traffic:
    """A capture to send, and the packets that spanflowd finds in each of its conversations when it reads the file. The packet of
    `fault` is not part of it."""

    def __init__(self, spanflowd, folder):
        frames = [frame for name in RECORDED for frame in pcap_file.read(os.path.join(CAPTURES, name))] + between_hosts()
        self.path = pcap_file.write(os.path.join(folder, "traffic.pcap"), [frame.at(1_700_000_000 + number // 1000, number % 1000 * 1000)
                                           for number, frame in enumerate(frames)])
        said = subprocess.run([spanflowd, "--quiet", "-r", self.path, "-w", "csv:-"], stdout=subprocess.PIPE, check=True, timeout=120)
        self.conversations = packets_of_conversations(csv.DictReader(io.StringIO(said.stdout.decode())))
        self.fault = Fault(folder)

    def assert_same(self, found):
        """Asserts that the conversations have the packets that they have in the capture."""
        keys = [key for key in {**found, **self.conversations} if found[key] != self.conversations[key]]
        shown = [f"{key}: {found[key]} packets instead of {self.conversations[key]}" for key in keys[:3]]
        assert not keys, f"{len(keys)} conversations differ from the capture, such as {shown}"
