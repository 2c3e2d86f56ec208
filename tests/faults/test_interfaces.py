"""Changes an interface while spanflowd captures from it. A removed interface and one that goes down are in
tests/e2e/test_faults.py."""
import signal

import pytest

from support import pcap_file
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.links import command, inside
from support.program import Running
from support.records import read_csv

DRIVERS = ("af_packet", "af_xdp")


def capturing(wire, driver):
    running = Running("-i", "tap", "-s", f"input.driver={driver}", "--quiet", "-w", "csv:flows.csv", prefix=inside(wire.sensor))
    return running


@pytest.mark.root
@pytest.mark.network
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_renamed_interface_is_captured_on(driver, wire):
    with capturing(wire, driver) as running:
        running.wait_until_started()
        running.wait_until_polling()
        before = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(before)
        for change in (("down",), ("name", "probe"), ("up",)):
            command("ip", "-n", wire.sensor, "link", "set", "probe" if change == ("up",) else "tap", *change)
        running.wait_for(lambda summary: summary["ports"][0]["up"], 10, "a port that is up")
        sent = before + wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(run.summary["packets"]["received"], sent)


@pytest.mark.root
@pytest.mark.network
@pytest.mark.parametrize("mtu", [9000, 1000])
def test_an_mtu_that_grows_is_named_because_frames_are_cut(mtu, wire):
    size = min(mtu, 4000)
    pcap_file.write("large.pcap", [pcap_file.Frame(1_700_000_000, n, pcap_file.udp("10.0.0.1", "10.0.0.2", payload=b"x" * (size - 28)))
                                   for n in range(20)])
    with wire.sensor_running() as running:
        before = wire.send("--pps=5000", capture("dns.pcap"))
        running.wait_until_received(before)
        command("ip", "-n", wire.sensor, "link", "set", "tap", "mtu", str(mtu))
        command("ip", "-n", wire.sender, "link", "set", "wire", "mtu", str(mtu))
        sent = before + wire.send("--pps=5000", "large.pcap")
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=5)
    records = read_csv("flows.csv")
    assert_sums(records, run.summary)
    large = next(record for record in records if record["dst_port"] == "9")
    grown = "warning: tap: the MTU has grown from 1500 to 9000: until the next start, longer frames are lost or counted too short"
    assert_equal(run.stderr.count(grown), 1 if mtu > 1500 else 0, run.stderr)
    assert_equal((large["src_to_dst_pkts"], run.summary["packets"]["over_mtu"]), ("20", 20 if mtu > 1500 else 0))
    assert mtu > 1500 or large["src_to_dst_link_bytes"] == str(20 * (size + 14)), large
