"""Reads and writes classic capture files, for cases with packets that no capture in tests/captures has."""
import array
import os
import struct

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
ETHERNET = 1


class Frame:
    """A packet of a capture file. `fraction` is the time after `seconds`, in the file's unit (us or ns)."""

    def __init__(self, seconds, fraction, data, wire=None):
        self.seconds, self.fraction, self.data = seconds, fraction, data
        self.wire = len(data) if wire is None else wire

    def at(self, seconds, fraction=0):
        return Frame(seconds, fraction, self.data, self.wire)


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    assert struct.unpack("<I", content[:4])[0] in (MICROSECONDS, NANOSECONDS), f"{path}: not a little-endian pcap"
    frames, at = [], 24
    while at < len(content):
        seconds, fraction, captured, wire = struct.unpack("<IIII", content[at:at + 16])
        frames.append(Frame(seconds, fraction, content[at + 16:at + 16 + captured], wire))
        at += 16 + captured
    return frames


def header(link_type=ETHERNET, magic=MICROSECONDS):
    return struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)


def record(frame):
    return struct.pack("<IIII", frame.seconds, frame.fraction, len(frame.data), frame.wire) + frame.data


def write(path, frames, link_type=ETHERNET, magic=MICROSECONDS):
    with open(path, "wb") as file:
        file.write(header(link_type, magic))
        for frame in frames:
            file.write(record(frame))
    return path


def syns(count, seconds, fraction, interval):
    """Returns the packet records of `count` SYNs from random sources to one server. Fast enough for millions of SYNs.
    `fraction` and `interval` are in the file's unit; all times must be in the same second."""
    segment = struct.pack(">HHIIBBHHH", 1024, 80, 1, 0, 5 << 4, 2, 1024, 0, 0)
    packet = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + bytes(4) + bytes((192, 168, 0, 1)) + segment
    one = record(Frame(seconds, 0, bytes(12) + b"\x08\0" + packet))
    records = bytearray(one * count)
    times = array.array("I", range(fraction, fraction + count * interval, interval)).tobytes()
    for octet in range(4):
        records[4 + octet::len(one)] = times[octet::4]
    for column in (42, 43, 44, 45, 50, 51):  # source address and port
        records[column::len(one)] = os.urandom(count)
    return records


def offsets(path):
    """Returns the offset of each packet's record header, and as the last item the offset of the end of the file."""
    at, found = 24, []
    for frame in read(path):
        found.append(at)
        at += 16 + len(frame.data)
    return [*found, at]


def tagged(frame, *ids):
    """Returns the frame with 802.1Q tags of these VLAN ids, the outermost first."""
    tags = b"".join(struct.pack(">HH", 0x8100, tag) for tag in ids)
    return Frame(frame.seconds, frame.fraction, frame.data[:12] + tags + frame.data[12:], frame.wire + len(tags))


def checksum(data):
    words = sum(struct.unpack(f">{len(data) // 2}H", data))
    while words >> 16:
        words = (words & 0xFFFF) + (words >> 16)
    return ~words & 0xFFFF


def ipv4(source, destination, protocol, segment):
    """Returns an Ethernet frame with an IPv4 packet between two addresses, given as "10.0.0.1"."""
    addresses = bytes(map(int, source.split("."))) + bytes(map(int, destination.split(".")))
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0) + addresses
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + b"\x08\0" + header + segment


def udp(source, destination, ports=(40000, 9), payload=b"x" * 20):
    return ipv4(source, destination, 17, struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload)


def tcp(source, destination, ports, payload):
    """Returns the frame of a segment with PSH and ACK, and without a valid checksum."""
    return ipv4(source, destination, 6, struct.pack(">HHIIBBHHH", *ports, 1, 1, 5 << 4, 0x18, 1000, 0, 0) + payload)


def between_many_hosts():
    """Returns packets in both directions between 64 pairs of addresses, so that each worker owns some of the pairs."""
    frames = []
    for host in range(1, 65):
        one, other = f"10.0.0.{host}", f"10.0.1.{host}"
        frames += [Frame(1, 0, udp(one, other, (host, 53)))] * 3
        frames += [Frame(1, 0, udp(other, one, (53, host)))] * 2
    return frames


def many_flows(path, count):
    """Writes a capture of `count` flows of one UDP packet each, a millisecond apart."""
    return write(path, [
        Frame(1_700_000_000 + n // 1000, n % 1000 * 1000, udp(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "10.9.9.9"))
        for n in range(count)])
