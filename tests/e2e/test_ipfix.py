"""Checks IPFIX messages: nfcapd collects them, tshark decodes them, and a TCP collector listens late or never."""
import collections
import csv
import os
import signal
import socket
import struct
import subprocess
import threading

import pytest

from support import pcap_file
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.ports import free_ports
from support.program import Running, need, spanflowd
from support.waiting import wait_until


def records_of(name):
    spanflowd("-r", capture(name), "-w", "csv:flows.csv")
    with open("flows.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


COLUMNS = ("sa", "da", "sp", "dp", "pr", "ipkt", "opkt", "ibyt", "obyt")  # names of nfdump's format fields


class Nfcapd:
    def __init__(self):
        need("nfcapd", "nfdump")
        self.port = free_ports(kind=socket.SOCK_DGRAM)
        os.mkdir("nfcapd")
        self.process = subprocess.Popen(["nfcapd", "-w", "nfcapd", "-b", "127.0.0.1", "-p", str(self.port), "-B", "8000000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.listens, 10, "nfcapd to listen")

    def octets_waiting(self):
        """Returns the number of octets that wait in the collector's UDP socket, or None if there is no socket yet."""
        with open("/proc/net/udp", encoding="ascii") as file:
            for words in map(str.split, file.readlines()[1:]):
                if words[1].endswith(f":{self.port:04X}"):
                    return int(words[4].split(":")[1], 16)
        return None

    def listens(self):
        return self.octets_waiting() is not None

    def has_read_all(self):
        return self.octets_waiting() == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(patience(10))

    def flows(self):
        """Stops the collector and returns the collected flows, as nfdump prints them."""
        self.__exit__()
        # The columns of -o csv depend on nfdump's version, so the format is given.
        layout = "fmt:" + ",".join(f"%{name}" for name in COLUMNS)
        shown = subprocess.run(["nfdump", "-R", "nfcapd", "-6", "-N", "-q", "-o", layout], capture_output=True, text=True, check=True)
        flows = [dict(zip(COLUMNS, map(str.strip, line.split(",")))) for line in shown.stdout.splitlines()]
        for flow in flows:
            if flow["pr"] in ("1", "58"):  # nfdump prints ICMP type and code in place of the ports
                flow.update(sp="0", dp="0")
        return flows


def tally(rows, names):
    return collections.Counter(tuple(row[name] for name in names) for row in rows)


@pytest.mark.parametrize("name", ["mixed.pcap", "ipv6_web.pcap", "portscan.pcap", "ping.pcap"])
def test_nfcapd_has_the_flows_packets_and_octets_of_the_csv(name):
    with Nfcapd() as collector:
        records = records_of(name)
        spanflowd("-r", capture(name), "-w", f"ipfix:udp://127.0.0.1:{collector.port}")
        wait_until(collector.has_read_all, 10, "nfcapd to read every datagram")
        flows = collector.flows()
    for record in records:
        record.update(sa=record["ip_src"], da=record["ip_dst"], sp=record["src_port"], dp=record["dst_port"],
                      pr=record["ip_protocol"], ipkt=record["src_to_dst_pkts"],
                      opkt=record["dst_to_src_pkts"], ibyt=record["src_to_dst_ip_bytes"],
                      obyt=record["dst_to_src_ip_bytes"])
    got, wanted = tally(flows, COLUMNS), tally(records, COLUMNS)
    assert got == wanted, f"nfdump alone: {list((got - wanted).items())[:3]}\ncsv alone: {list((wanted - got).items())[:3]}"


class Collector:
    """A TCP collector that keeps the messages of each connection."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                messages = []
                self.connections.append(messages)
                while message := self.message(connection):
                    messages.append(message)

    @staticmethod
    def message(connection):
        head = connection.recv(16, socket.MSG_WAITALL)
        if len(head) < 16:
            return None
        rest = struct.unpack("!H", head[2:4])[0] - 16
        return head + connection.recv(rest, socket.MSG_WAITALL)

    def close(self):
        self.listener.close()


def sequence(message):
    return struct.unpack("!I", message[8:12])[0]


def decoded(messages):
    """Returns the text that tshark prints for the messages (-V)."""
    need("tshark")
    frames = []
    for number, message in enumerate(messages):
        udp = struct.pack("!HHHH", 40000, 4739, 8 + len(message), 0) + message
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, bytes(4), bytes(4)) + udp
        frames.append(pcap_file.Frame(number, 0, ip))
    pcap_file.write("ipfix.pcap", frames, link_type=101)
    return subprocess.run(["tshark", "-r", "ipfix.pcap", "-d", "udp.port==4739,cflow", "-V"], capture_output=True, text=True,
                          check=True).stdout


def test_over_tcp_every_record_arrives_and_tshark_reads_what_it_says():
    collector = Collector()
    run = spanflowd("-r", capture("tls13_web.pcap"), "-w", f"ipfix:tcp://127.0.0.1:{collector.port}")
    collector.close()
    [messages] = collector.connections
    sink = run.summary["records"]["sinks"][0]
    assert_equal(sink["delivered"], run.summary["records"]["exported"])
    assert_equal([sequence(message) for message in messages][:2], [0, 0])
    shown = decoded(messages)
    for line in ("ApplicationName: TLS.WhatsApp", "SSL server name: www.youtube.com", "Packets: 33 (Reverse Type 2 PKTS)",
                 "Flow End Reason: End of Flow detected (3)", "StartTime: Nov 25, 2026 02:45:03.106563000 UTC"):
        assert line in shown, f"tshark does not show {line}"
    for wrong in ("Malformed", "Expert Info (Error", "Unknown Field", "Enterprise Private entry: (unknown"):
        assert wrong not in shown, f"tshark shows {wrong}: {shown[shown.index(wrong) - 300:][:600]}"


def test_a_collector_that_comes_later_gets_everything():
    port = free_ports()
    with Running("-d", f"net_pcap0,rx_pcap={capture('tls13_web.pcap')}",
                 "-w", f"ipfix:tcp://127.0.0.1:{port}", "-s", "flow.tcp_linger=0s") as run:
        wait_until(lambda: "Connection refused" in run.stderr(), 10, "the first attempt")
        collector = Collector(port)
        wait_until(lambda: collector.connections and len(collector.connections[0]) > 1, 10, "the records")
        done = run.finish(signal.SIGTERM)
    collector.close()
    sink = done.summary["records"]["sinks"][0]
    assert done.summary["records"]["exported"] >= 4, done.summary["records"]
    assert_equal((sink["delivered"], sink["handed"]), (done.summary["records"]["exported"],) * 2)
    [messages] = collector.connections
    assert_equal(struct.unpack("!H", messages[0][16:18])[0], 2, "the first set")


def test_a_collector_that_is_not_there_is_one_error():
    port = free_ports()
    run = spanflowd("-r", capture("http.pcap"), "-w", f"ipfix:tcp://127.0.0.1:{port}", code=1)
    assert f"tcp://127.0.0.1:{port}: Connection refused" in run.stderr, run.stderr
    assert_equal(run.summary["records"]["sinks"][0]["delivered"], 0)


@pytest.mark.parametrize("target", ["nowhere", "udp://", "udp://host", "http://127.0.0.1:4739", "udp://127.0.0.1:"])
def test_a_target_that_is_none_is_refused(target):
    run = spanflowd("-r", capture("http.pcap"), "-w", f"ipfix:{target}", code=1)
    assert "expected udp://HOST:PORT or tcp://HOST:PORT" in run.stderr, run.stderr


def test_fields_without_an_element_are_refused():
    run = spanflowd("-r", capture("http.pcap"), "-s", "output.fields=[segment]", "-w", "ipfix:udp://127.0.0.1:9", code=1)
    assert "none of its fields has an IPFIX element" in run.stderr, run.stderr
