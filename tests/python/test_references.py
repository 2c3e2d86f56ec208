"""Objects and threads are freed: many Streamers in one process leave nothing behind."""
import gc
import os
import sys

from support.build import slowness
from support.captures import capture

from spanflow import Streamer

RUNS = 1000 // slowness


def threads():
    return len(os.listdir("/proc/self/task"))


def resident_octets():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_streamers_leave_no_references_threads_or_memory():
    source = capture("dns.pcap")
    calls = []

    def count(packet, flow):
        calls.append(packet.size)
        flow.metrics["packets"] += 1
        return flow

    def run():
        streamer = Streamer(source, user_metrics={"packets": count}, settings={"dpi.enabled": False, "flow.capacity": 1000})
        for number, flow in enumerate(streamer):
            assert flow.metrics["packets"] > 0
            if number == 3:
                break
        calls.clear()
    for _ in range(20):
        run()
    gc.collect()
    before = sys.getrefcount(count), threads(), len(gc.get_objects()), resident_octets()
    for _ in range(RUNS):
        run()
    gc.collect()
    after = sys.getrefcount(count), threads(), len(gc.get_objects()), resident_octets()
    assert after[:2] == before[:2]
    assert abs(after[2] - before[2]) < 100
    assert after[3] - before[3] < 20 << 20


def test_iterating_does_not_leak_values():
    flow = next(iter(Streamer(capture("tls12_instagram.pcap"), settings={"features.splt": 4})))
    values = [getattr(flow, name) for name in ("ip_src", "tls_alpn", "splt_ps", "flow_id")]
    assert [sys.getrefcount(value) for value in values] == [3] * 4  # the list, the loop and the argument
    before = sys.getrefcount(None)
    for _ in range(10_000):
        flow.http_url, flow.to_dict("full"), str(flow), repr(flow), flow.metrics
    assert abs(sys.getrefcount(None) - before) < 100


def test_arrow_streams_are_freed_whether_read_or_not():
    source = capture("dns.pcap")
    for _ in range(5):
        Streamer(source).to_arrow()
    before = threads()
    for _ in range(50):
        Streamer(source).to_arrow()
        Streamer(source).__arrow_c_stream__()
        next(Streamer(source).batches(rows=1))
    gc.collect()
    assert threads() <= before
