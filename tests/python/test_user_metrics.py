"""User metrics in Python: what they see, what they set, and what happens when they fail."""
import logging
import warnings

import pytest
from support.captures import capture

from spanflow import Streamer


def count_large(packet_information, flow):
    if packet_information.size > 666:
        flow.metrics['count_pkts_gt_666'] += 1
    return flow


def values(source, metrics, name, **options):
    return [flow.metrics[name] for flow in Streamer(source, user_metrics=metrics, **options)]


def test_metric_of_the_tutorial_equals_the_aggregate_of_the_engine(mixed):
    settings = {"metrics": [{"name": "large", "count": "packets", "when": "greater 667"}]}
    flows = list(Streamer(mixed, user_metrics={"count_pkts_gt_666": count_large}, settings=settings))
    counts = [flow.metrics["count_pkts_gt_666"] for flow in flows]
    assert counts == [flow.metrics["large"] for flow in flows] and max(counts) == 23
    assert all(type(count) is int for count in counts)


def test_metrics_are_a_mapping_and_part_of_the_printed_flow():
    def mean_size(packet, flow):
        packets = flow.src_to_dst_pkts + flow.dst_to_src_pkts
        flow.metrics["mean_size"] += (packet.size - flow.metrics["mean_size"]) / packets
        return flow
    flow = next(iter(Streamer(capture("dns.pcap"), user_metrics={"mean_size": mean_size, "nothing": lambda p, f: f})))
    assert list(flow.metrics) == ["mean_size", "nothing"] and len(flow.metrics) == 2
    assert dict(flow.metrics.items()) == flow.metrics.to_dict() == flow.to_dict()["metrics"]
    assert flow.metrics["mean_size"] == pytest.approx((flow.src_to_dst_bytes + flow.dst_to_src_bytes) / 2)
    assert flow.metrics["nothing"] == 0 and flow.metrics.get("absent", 7) == 7 and "absent" not in flow.metrics
    assert str(flow).endswith('"nothing":0}}')
    with pytest.raises(KeyError):
        flow.metrics["absent"]


def test_function_sees_each_packet_with_its_sender_and_octets():
    seen = []

    def note(packet, flow):
        seen.append((packet.direction, packet.ip_src, packet.src_port, packet.ip_dst, packet.dst_port,
                     packet.ip_protocol, packet.ip_version, packet.payload_size, len(packet.payload)))
        return flow
    flow = next(iter(Streamer(capture("dns.pcap"), user_metrics={"seen": note})))
    first, second = seen[:2]
    assert first[0] == 0 and first[1:5] == (flow.ip_src, flow.src_port, flow.ip_dst, flow.dst_port)
    assert second[0] == 1 and second[1:5] == (flow.ip_dst, flow.dst_port, flow.ip_src, flow.src_port)
    assert first[5:7] == (17, 4) and first[7] == first[8] > 12


def test_packets_and_flows_can_be_kept():
    packets, flows = [], []

    def keep(packet, flow):
        packets.append(packet)
        flows.append(flow)
        return flow
    list(Streamer(capture("http.pcap"), user_metrics={"kept": keep}))
    assert len({id(packet) for packet in packets}) == len(packets) == 56
    times = [packet.time_ns for packet in packets]
    assert times == sorted(times) and len(set(times)) > 50
    assert packets[0].payload == b"" and any(packet.payload.startswith(b"GET ") for packet in packets)
    assert all(len(packet.ip_packet) == packet.ip_size for packet in packets)
    counts = [flow.src_to_dst_pkts + flow.dst_to_src_pkts for flow in flows]
    assert counts[0] == 1 and counts[1] == 2 and max(counts) > 10
    assert flows[0].application_name is None
    assert packets[0].tcp_flags == 2 and packets[0].ttl == 64 and packets[0].tcp_window > 0


def test_function_can_end_the_flow():
    def end_after_two(packet, flow):
        if flow.src_to_dst_pkts + flow.dst_to_src_pkts == 2:
            flow.finish()
        return flow
    flows = list(Streamer(capture("http.pcap"), user_metrics={"cut": end_after_two}))
    assert {flow.end_reason for flow in flows} == {"plugin"} and len(flows) == 28


def test_function_that_returns_nothing_counts_and_is_warned_of_once(mixed):
    def forgets(packet, flow):
        flow.metrics["packets"] += 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flows = list(Streamer(mixed, user_metrics={"packets": forgets}))
    assert [flow.metrics["packets"] for flow in flows] == [f.src_to_dst_pkts + f.dst_to_src_pkts for f in flows]
    (warning,) = [each for each in caught if each.category is RuntimeWarning]
    assert str(warning.message) == "user metric packets returned None: a user metric should return the flow"
    assert warning.filename == __file__ and warning.lineno == forgets.__code__.co_firstlineno


def test_function_that_raises_is_reported_once_switched_off_and_counted(mixed, caplog):
    calls = []

    def raises(packet, flow):
        calls.append(1)
        if len(calls) == 5:
            raise ZeroDivisionError("five")
        return flow
    streamer = Streamer(mixed, user_metrics={"broken": raises, "count_pkts_gt_666": count_large})
    with caplog.at_level(logging.ERROR, "spanflow"):
        flows = list(streamer)
    assert len(calls) == 5
    assert max(flow.metrics["count_pkts_gt_666"] for flow in flows) == 23
    assert {flow.metrics["broken"] for flow in flows} == {None} and '"broken"' not in str(flows[0])
    traceback, line = [record for record in caplog.records if "broken" in record.getMessage()]
    assert "in raises" in traceback.exc_text and "ZeroDivisionError: five" in traceback.exc_text
    assert line.getMessage() == "metric broken is switched off: it threw ZeroDivisionError: five"
    assert streamer.summary["metrics"]["switched_off"] == 1


def test_value_that_is_no_number_is_an_exception_of_the_function(mixed, caplog):
    def text(packet, flow):
        flow.metrics["text"] = "large"
        return flow
    assert set(values(mixed, {"text": text}, "text")) == {None}
    assert "TypeError: must be real number, not str" in caplog.text


def test_warning_as_error_switches_the_metric_off(mixed, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(values(mixed, {"none": lambda packet, flow: None}, "none")) == {None}
    assert "RuntimeWarning: user metric none returned None" in caplog.text
