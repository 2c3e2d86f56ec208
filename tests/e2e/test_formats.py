"""Checks that the same packets give the same records in every format of capture file."""
import shutil
import subprocess

import pytest

from support.captures import capture
from support.cases import named
from support.compare import assert_equal
from support.program import need, spanflowd
from support.records import parse_csv, records_of, sorted_records


def records(*paths, **options):
    return sorted_records(records_of(*paths, **options)[0])


def reference():
    return records(capture("http.pcap"))


@pytest.mark.parametrize("name", ["http.pcapng", "http.pcap.gz", "http.pcap.zst"])
def test_same_records_from(name):
    assert_equal(records(capture(name)), reference(), name)


def test_nanosecond_file_keeps_its_nanoseconds():
    precise = records(capture("http_nano.pcap"))
    assert any(int(record["start_time_ns"]) % 1000 for record in precise), "no time below a microsecond"
    assert_equal([without_nanoseconds(record) for record in precise],
                 [without_nanoseconds(record) for record in reference()], "http_nano.pcap")


def without_nanoseconds(record):
    return {name: value for name, value in record.items() if name != "flow_id" and not name.endswith("_ns")}


@pytest.mark.parametrize("name", ["http.pcap", "http.pcapng", "http.pcap.gz", "http.pcap.zst"])
def test_standard_input(name):
    with open(capture(name), "rb") as file:
        run = spanflowd("-r", "-", "--quiet", "-w", "csv:-", stdin=file.read())
    assert_equal(sorted_records(parse_csv(run.stdout)), reference(), name)


def test_file_name_says_nothing():
    shutil.copy(capture("http.pcap.zst"), "capture.dat")
    assert_equal(records("capture.dat"), reference())


def test_several_gzip_members_are_one_file():
    need("gzip")
    with open(capture("http.pcap"), "rb") as file:
        content = file.read()
    with open("two.pcap.gz", "wb") as out:
        for part in (content[:1000], content[1000:]):
            out.write(subprocess.run(["gzip", "-c"], input=part, stdout=subprocess.PIPE, check=True).stdout)
    assert_equal(records("two.pcap.gz"), reference())


def split(path, first_packets):
    """Cuts a capture into first.pcap, with `first_packets` packets, and second.pcap."""
    need("tcpdump")
    subprocess.run(["tcpdump", "-q", "-r", path, "-w", "first.pcap", "-c", str(first_packets)], check=True,
                   stderr=subprocess.DEVNULL)
    with open(path, "rb") as file:
        content = file.read()
    with open("first.pcap", "rb") as file:
        kept = len(file.read())
    with open("second.pcap", "wb") as out:
        out.write(content[:24] + content[kept:])


def test_several_files_go_through_one_table():
    split(capture("http.pcap"), 20)
    assert_equal(records("first.pcap", "second.pcap"), reference())


def test_several_files_may_differ_in_format():
    together = records(capture("dns.pcap"), capture("http.pcapng"), capture("ssh.pcap"))
    apart = records(capture("dns.pcap")) + reference() + records(capture("ssh.pcap"))
    without = ("worker", "sequence", "dns_name")  # together, a flow gets the name from a reply in another file
    assert_equal(sorted_records(together, without), sorted_records(apart, without))


def without_link_layer(found):
    names = ("worker", "src_to_dst_bytes", "dst_to_src_bytes", "src_to_dst_link_bytes", "dst_to_src_link_bytes", "src_mac",
             "src_oui", "dst_mac", "dst_oui")
    return sorted_records(found, without=names)


@pytest.mark.parametrize("name", ["any_sll.pcap", "any_sll2.pcap"])
def test_linux_cooked_capture(name):
    found, summary = records_of(capture(name))
    assert summary["packets"]["metered"] > 0 and not any(summary["packets"]["malformed"].values()), summary["packets"]
    assert any(record["application_name"].startswith("HTTP") for record in found), found


def test_both_cooked_formats_agree():
    one = records_of(capture("any_sll.pcap"))[1]
    other = records_of(capture("any_sll2.pcap"))[1]
    assert_equal(one["flows"]["opened"], other["flows"]["opened"])
    assert_equal(one["packets"]["metered"], other["packets"]["metered"])


def test_raw_ip():
    found, summary = records_of(capture("raw.pcap"))
    assert summary["packets"]["metered"] == summary["packets"]["received"] > 0, summary["packets"]
    for record in found:
        assert_equal(record["src_to_dst_link_bytes"], record["src_to_dst_ip_bytes"], "there is no layer 2")


def change_link_type(path, link_type, header):
    """Writes the IPv4 packets of an Ethernet capture with `header` in place of the Ethernet header. Leaves out the
    other frames."""
    with open(path, "rb") as file:
        content = file.read()
    out = bytearray(content[:20] + link_type.to_bytes(4, "little"))
    at = 24
    while at < len(content):
        captured = int.from_bytes(content[at + 8:at + 12], "little")
        wire = int.from_bytes(content[at + 12:at + 16], "little")
        frame = content[at + 16:at + 16 + captured]
        if frame[12:14] == b"\x08\x00":
            changed = header + frame[14:]
            out += content[at:at + 8] + len(changed).to_bytes(4, "little")
            out += (wire - captured + len(changed)).to_bytes(4, "little") + changed
        at += 16 + captured
    with open("changed.pcap", "wb") as file:
        file.write(out)
    return "changed.pcap"


@pytest.mark.parametrize("link_type, header", named(
    ("raw IP (12)", 12, b""), ("raw IP (101)", 101, b""), ("IPv4 (228)", 228, b""), ("null", 0, b"\x02\x00\x00\x00"),
    ("loop", 108, b"\x00\x00\x00\x02"), ("PPP", 9, b"\xff\x03\x00\x21")))
def test_link_type(link_type, header):
    changed = change_link_type(capture("http.pcap"), link_type, header)
    assert_equal(without_link_layer(records_of(changed)[0]), without_link_layer(records_of(capture("http.pcap"))[0]))


def test_unknown_link_type_is_refused():
    changed = change_link_type(capture("http.pcap"), 147, b"")
    run = spanflowd("-r", changed, code=1)
    assert "changed.pcap: link type" in run.stderr and "is not supported" in run.stderr, run.stderr
