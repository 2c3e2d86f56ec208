"""spanflow.nfstream: plug-ins, and the packets and flows that they see."""
import gc
import logging
import pickle
import sys

import pytest
from support.captures import capture

from spanflow.nfstream import NFPacket, NFPlugin, NFStreamer

HTTP = capture("http.pcap")
DNS = capture("dns.pcap")

FIELDS = ("time", "delta_time", "direction", "raw_size", "ip_size", "transport_size", "payload_size", "src_ip", "src_mac",
          "src_oui", "dst_ip", "dst_mac", "dst_oui", "src_port", "dst_port", "protocol", "vlan_id", "ip_version", "ip_packet",
          "syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin", "tunnel_id")


def flows(source, *udps, **parameters):
    return list(NFStreamer(source, udps=udps, **{"n_dissections": 0} | parameters))


def plugin(on_init=None, on_update=None, on_expire=None, **attributes):
    """Makes a plug-in of functions."""
    methods = {"on_init": on_init, "on_update": on_update, "on_expire": on_expire}
    return type("Plugin", (NFPlugin,), {name: method for name, method in methods.items() if method})(**attributes)


# --- Calls ---

def test_keywords_become_attributes():
    made = NFPlugin(limit=3, model=None)
    assert vars(made) == {"limit": 3, "model": None}
    assert made.on_init(None, None) is made.on_update(None, None) is made.on_expire(None) is made.cleanup() is None
    with pytest.raises(TypeError):
        NFPlugin(1)


def test_all_plugins_are_called_in_order_with_each_packet_and_at_the_end():
    class Log(NFPlugin):
        def on_init(self, packet, flow):
            flow.udps.log = getattr(flow.udps, "log", [])
            self.note("init", flow)

        def on_update(self, packet, flow):
            self.note("update", flow)

        def on_expire(self, flow):
            self.note("expire", flow)

        def note(self, what, flow):
            flow.udps.log.append((self.tag, what, flow.bidirectional_packets, flow.expiration_id))
    for flow in flows(HTTP, Log(tag="a"), Log(tag="b")):
        count = flow.bidirectional_packets
        packets = [(tag, "update" if at > 1 else "init", at, 0) for at in range(1, count + 1) for tag in "ab"]
        assert flow.udps.log == packets + [(tag, "expire", count, 0) for tag in "ab"]


def test_state_of_a_plugin_lasts_over_flows_and_can_be_read_afterwards():
    def on_init(self, packet, flow):
        self.count += 1
        flow.udps.count = self.count
    counter = plugin(on_init, count=0)
    assert [flow.udps.count for flow in flows(DNS, counter)] == list(range(1, 9)) and counter.count == 8


@pytest.mark.parametrize("method", ["on_init", "on_update", "on_expire"])
def test_plugin_that_raises_is_reported_and_switched_off(caplog, method):
    calls = []

    def raises(self, *arguments):
        calls.append(arguments)
        raise LookupError("in the plug-in")
    other = plugin(lambda self, packet, flow: setattr(flow.udps, "other", 1))
    with caplog.at_level(logging.ERROR, "spanflow"):
        got = flows(HTTP, plugin(**{method: raises}), other)
    assert len(got) == 4 and [flow.udps.other for flow in got] == [1] * 4 and len(calls) == 1
    record, = caplog.records
    assert record.getMessage() == "plug-in Plugin is switched off: it raised an exception"
    assert record.exc_info[0] is LookupError


def test_cleanup_is_not_called():
    class Cleaning(NFPlugin):
        def cleanup(self):
            raise AssertionError
    assert len(flows(DNS, Cleaning())) == 8


# --- The end of a flow ---

@pytest.mark.parametrize("limit", [1, 2, 4])
def test_expiration_id_of_minus_one_ends_the_flow_with_this_packet(limit):
    def on_init(self, packet, flow):
        flow.udps.later = 0
        flow.expiration_id = -1 if limit == 1 else 0

    def on_update(self, packet, flow):
        flow.udps.later += 1
        if flow.bidirectional_packets == limit:
            flow.expiration_id = -1
    seen_last = plugin(lambda self, packet, flow: setattr(flow.udps, "seen", 1),
                       lambda self, packet, flow: setattr(flow.udps, "seen", flow.udps.seen + 1))
    got = flows(HTTP, plugin(on_init, on_update, lambda self, flow: setattr(flow.udps, "end", flow.expiration_id)), seen_last)
    assert sum(flow.bidirectional_packets for flow in got) == 56
    for flow in got:
        count = flow.bidirectional_packets
        assert flow.udps.later == count - 1 and flow.udps.seen == count
        assert flow.udps.end == flow.expiration_id == (-1 if count == limit else 0)


@pytest.mark.parametrize("number", [-2, 7])
def test_other_expiration_ids_are_reported_but_end_nothing(number):
    got = flows(HTTP, plugin(on_update=lambda self, packet, flow: setattr(flow, "expiration_id", number)))
    assert [flow.expiration_id for flow in got] == [number] * 4


def test_a_later_plugin_can_take_back_the_end():
    ends = plugin(on_update=lambda self, packet, flow: setattr(flow, "expiration_id", -1))
    continues = plugin(on_update=lambda self, packet, flow: setattr(flow, "expiration_id", 0))
    assert len(flows(HTTP, ends, continues)) == 4


# --- Flows in plug-ins ---

def test_flow_is_current_in_each_call():
    names = ("bidirectional_packets", "bidirectional_bytes", "src2dst_mean_ps", "bidirectional_syn_packets", "splt_ps")

    def note(self, packet, flow):
        if not hasattr(flow.udps, "state"):
            flow.udps.state = []
        flow.udps.state.append([getattr(flow, name) for name in names])
    flow = flows(HTTP, plugin(note, note), statistical_analysis=True, splt_analysis=3)[0]
    assert flow.udps.state[0] == [1, 74, 74.0, 1, [74, -1, -1]]
    assert flow.udps.state[1] == [2, 148, 74.0, 2, [74, 74, -1]]
    assert flow.udps.state[-1] == [getattr(flow, name) for name in names] and len(flow.udps.state) == 26


def test_application_is_known_with_the_packet_that_tells_it():
    def note(self, packet, flow):
        flow.udps.names = [*getattr(flow.udps, "names", []), (flow.application_name, flow.requested_server_name)]
    flow = flows(capture("tls13_web.pcap"), plugin(note, note), n_dissections=20)[0]
    names = flow.udps.names
    assert names[:3] == [("Unknown", "")] * 3 and names[3][1] == "www.youtube.com"
    assert names[-1] == (flow.application_name, "www.youtube.com") and flow.application_name.startswith("TLS")


def test_attributes_that_a_packet_changes_are_set_again_and_others_keep_what_was_written():
    def on_init(self, packet, flow):
        flow.vlan_id = 77
        flow.bidirectional_packets = 99
        flow.udps.written = flow.bidirectional_packets

    def on_expire(self, flow):
        flow.application_name = "mine"
        flow.src_mac = None
    flow = flows(DNS, plugin(on_init, on_expire=on_expire), n_dissections=20)[0]
    assert (flow.vlan_id, flow.udps.written, flow.bidirectional_packets) == (77, 99, 2)
    assert (flow.application_name, flow.src_mac) == ("mine", None)


def test_flow_that_a_plugin_keeps_is_as_it_was():
    kept = []
    flows(HTTP, plugin(lambda self, packet, flow: kept.append(flow)), statistical_analysis=True, n_dissections=20)
    assert [flow.bidirectional_packets for flow in kept] == [1] * 4
    assert kept[0].bidirectional_mean_ps == 74.0 and kept[0].application_name == "Unknown" and kept[0].id == -1


def test_attributes_of_udps_are_columns():
    def on_init(self, packet, flow):
        flow.udps.text = "a"
        flow.udps.none = None
        flow.udps.short = 1

    def on_expire(self, flow):
        del flow.udps.short
        flow.udps.late = [1, 2]
    flow = flows(DNS, plugin(on_init, on_expire=on_expire))[0]
    assert flow.keys()[-3:] == ["udps.text", "udps.none", "udps.late"] and flow.values()[-3:] == ["a", None, [1, 2]]
    assert str(flow).endswith("udps.text=a,\n      udps.none=None,\n      udps.late=[1, 2])")
    assert vars(flows(DNS, NFPlugin())[0].udps) == {} and not hasattr(flows(DNS)[0], "udps")


# --- Packets ---

def test_packet_is_like_a_named_tuple():
    seen = []

    def on_init(self, packet, flow):
        with pytest.raises(AttributeError):
            packet.time = 1
        seen.append((packet._fields, packet._asdict(), repr(packet), tuple(packet), packet[3], len(packet),
                     packet._replace(ip_packet=b""), packet == packet._replace()))
    flows(HTTP, plugin(on_init))
    fields, named, text, values, size, length, replaced, is_equal = seen[0]
    assert fields == FIELDS == tuple(named) and tuple(named.values()) == values and size == 74 and length == 28
    assert text.startswith("NFPacket(time=1795574705738, delta_time=0, direction=0, raw_size=74, ip_size=60, ")
    assert isinstance(replaced, NFPacket) and replaced.ip_packet == b"" and replaced.dst_port == 80 and is_equal


def test_packets_may_be_kept_and_pickled():
    def note(self, packet, flow):
        flow.udps.kept = [*getattr(flow.udps, "kept", []), packet]
    for flow in flows(HTTP, plugin(note, note)):
        kept = flow.udps.kept
        assert len({packet.ip_packet for packet in kept}) == flow.bidirectional_packets
        assert sum(packet.raw_size for packet in kept) == flow.bidirectional_bytes
        ends = [(packet.src_ip, packet.src_mac, packet.dst_oui, packet.src_port, packet.direction) for packet in kept[:2]]
        assert ends == [(flow.src_ip, flow.src_mac, flow.dst_oui, flow.src_port, 0),
                        (flow.dst_ip, flow.dst_mac, flow.src_oui, flow.dst_port, 1)]
        times = [packet.time for packet in kept]
        assert [packet.delta_time for packet in kept] == [0] + [b - a for a, b in zip(times, times[1:], strict=False)]
        assert pickle.loads(pickle.dumps(kept[1])) == kept[1]


def test_tcp_flags_are_numbers():
    seen = []
    flows(HTTP, plugin(lambda self, packet, flow: seen.append(packet)))
    assert [type(getattr(seen[0], name)) for name in ("syn", "ack", "fin")] == [int] * 3
    assert (seen[0].syn, seen[0].ack, seen[0].payload_size, seen[0].transport_size) == (1, 0, 0, 40)


# --- Memory ---

def test_loops_and_kept_objects_leave_no_references():
    def note(self, packet, flow):
        flow.vlan_id = 7
        flow.udps.kept = [*getattr(flow.udps, "kept", []), packet, flow]
    noting = plugin(note, note, lambda self, flow: flow.udps)

    def run():
        for number, flow in enumerate(NFStreamer(DNS, udps=noting, n_dissections=0)):
            str(flow), flow.values(), flow.udps.kept[0]._asdict(), pickle.dumps(flow)
            if number == 3:
                break

    def measured():
        while gc.collect():  # what is freed may free more
            pass
        return sys.getrefcount(note), sys.getrefcount(FIELDS), len(gc.get_objects())
    for _ in range(5):
        run()
    before = measured()
    for _ in range(100):  # with 4 flows each
        run()
    after = measured()
    assert after[:2] == before[:2] and after[2] - before[2] < 400
