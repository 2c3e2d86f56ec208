"""spanflow.nfstream: parameters, iteration, the ends of flows, and the flow object."""
import copy
import os
import pathlib
import pickle
import re
import subprocess
import sys

import pytest
from support import pcap_file
from support.captures import capture

import spanflow.nfstream
from spanflow.nfstream import NFlow, NFPlugin, NFStreamer

HTTP = capture("http.pcap")
DNS = capture("dns.pcap")
MIXED = capture("mixed.pcap")

BEGIN = ["id", "expiration_id", "src_ip", "src_mac", "src_oui", "src_port", "dst_ip", "dst_mac", "dst_oui", "dst_port",
         "protocol", "ip_version", "vlan_id"]
SIDES = ["bidirectional", "src2dst", "dst2src"]
COUNTS = [f"{side}_{what}" for side in SIDES for what in ("first_seen_ms", "last_seen_ms", "duration_ms", "packets", "bytes")]
STATISTICS = ([f"{side}_{what}_ps" for side in SIDES for what in ("min", "mean", "stddev", "max")]
              + [f"{side}_{what}_piat_ms" for side in SIDES for what in ("min", "mean", "stddev", "max")]
              + [f"{side}_{flag}_packets" for side in SIDES
                 for flag in ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")])
SPLT = ["splt_direction", "splt_ps", "splt_piat_ms"]
APPLICATION = ["application_name", "application_category_name", "application_is_guessed", "application_confidence",
               "requested_server_name", "client_fingerprint", "server_fingerprint", "user_agent", "content_type"]


def flows(source=HTTP, **parameters):
    return list(NFStreamer(source, **{"n_dissections": 0} | parameters))


def udp_capture(path, *packets):
    """Writes datagrams given as (time in ms, is the answer, number of the conversation)."""
    frames = []
    for time, is_answer, number in packets:
        ends = ("10.0.0.2", "10.0.0.1") if is_answer else ("10.0.0.1", "10.0.0.2")
        ports = (2000, 1000 + number) if is_answer else (1000 + number, 2000)
        frames.append(pcap_file.Frame(time // 1000, time % 1000 * 1000, pcap_file.udp(*ends, ports=ports, payload=b"abc")))
    pcap_file.write(path, frames)
    return str(path)


# --- Parameters ---

VALID = {
    "decode_tunnels": [True, False], "bpf_filter": [None, "", "no filter"], "promiscuous_mode": [True, False],
    "snapshot_length": [1, 65535], "socket_buffer_size": [0, 2**31 - 1], "idle_timeout": [0, 18446744073709551],
    "active_timeout": [0, 1], "accounting_mode": [0, 1, 2, 3], "n_dissections": [0, 255], "max_nflows": [0, 5],
    "statistical_analysis": [True, False], "splt_analysis": [0, 255], "n_meters": [1], "performance_report": [0, 1],
    "system_visibility_mode": [0], "system_visibility_poll_ms": [0, 100],
}
WRONG = {
    "decode_tunnels": [1, None], "bpf_filter": [11, b"udp"], "promiscuous_mode": ["yes"], "snapshot_length": [0, 1.5],
    "socket_buffer_size": [-1, 2**31], "idle_timeout": [-1, 1.5, 18446744073709552], "active_timeout": [-1, "a"],
    "accounting_mode": [-1, 4, None], "udps": [NFPlugin, "NFPlugin", [1], 5], "n_dissections": [-1, 256],
    "statistical_analysis": [0], "splt_analysis": [-1, 65536, 1.0], "n_meters": [-1, "yes"], "max_nflows": [-1, None],
    "performance_report": [-1, 0.5], "system_visibility_mode": [-1, 2, "yes"], "system_visibility_poll_ms": [-1],
}


def cases(values):
    return [(name, value) for name, listed in values.items() for value in listed]


@pytest.mark.parametrize("name, value", cases(VALID))
def test_parameter_keeps_a_valid_value(name, value):
    streamer = NFStreamer(DNS, **{name: value})
    assert getattr(streamer, name) == value
    setattr(streamer, name, value)


@pytest.mark.parametrize("name, value", cases(WRONG))
def test_wrong_value_is_refused_by_name_at_once_and_when_it_is_set(name, value):
    words = "User defined plugins must inherit from NFPlugin type." if name == "udps" else f"Please specify a valid {name} "
    with pytest.raises(ValueError, match=words):
        NFStreamer(DNS, **{name: value})
    streamer = NFStreamer(DNS)
    with pytest.raises(ValueError, match=words):
        setattr(streamer, name, value)


def test_unknown_parameter_is_a_type_error():
    with pytest.raises(TypeError):
        NFStreamer(DNS, idle=1)


def test_processes_of_flows_are_not_available():
    with pytest.raises(NotImplementedError, match="system_visibility_mode=1"):
        NFStreamer(DNS, system_visibility_mode=1)


@pytest.mark.parametrize("source", [None, 11, "", "absent.pcap", b"x", (HTTP,), os.path.dirname(HTTP)])
def test_source_must_be_a_file_or_an_interface(source):
    with pytest.raises(ValueError, match="Please specify a pcap file path or a valid network interface name as source."):
        NFStreamer(source)


def test_list_of_sources_must_have_files_only():
    with pytest.raises(ValueError, match="Please provide a non-empty list of sources."):
        NFStreamer([])
    with pytest.raises(ValueError, match="Invalid pcap file path at index: 1."):
        NFStreamer([HTTP, "absent"])
    assert NFStreamer([pathlib.Path(HTTP), DNS]).source == [HTTP, DNS]


def test_interface_is_a_source():
    assert NFStreamer("lo").source == "lo"


def test_number_of_workers_is_at_most_that_of_cpus(capsys):
    most = len(os.sched_getaffinity(0))
    assert NFStreamer(DNS, n_meters=most + 1).n_meters == most
    assert capsys.readouterr().out == f"WARNING: n_meters set to :{most} in order to avoid contention.\n"
    assert NFStreamer(DNS).n_meters == 1


def test_long_splt_warns_and_is_kept(tmp_path, capsys):
    path = udp_capture(tmp_path / "a.pcap", *((at, False, 0) for at in range(300)))
    flow, = flows(path, splt_analysis=400)
    assert "splt_analysis parameter is higher than 255" in capsys.readouterr().out
    assert flow.splt_ps == [45] * 300 + [-1] * 100


def test_assignments_act_on_the_next_loop():
    streamer = NFStreamer(DNS, n_dissections=0)
    assert len(next(iter(streamer)).keys()) == 29
    streamer.statistical_analysis = True
    streamer.decode_tunnels = False
    assert next(iter(streamer)).keys() == BEGIN + COUNTS + STATISTICS
    streamer.source = HTTP
    assert [flow.dst_port for flow in streamer] == [80] * 4


def test_version_is_that_of_the_interface():
    assert spanflow.nfstream.__version__ == "6.6.0"


# --- Iteration ---

def test_each_loop_is_a_capture_of_its_own():
    streamer = NFStreamer(DNS, n_dissections=0)
    first, second = iter(streamer), iter(streamer)
    assert [next(first).id, next(second).id, next(first).id] == [0, 0, 1]
    for _ in streamer:
        break
    assert [flow.id for flow in streamer] == list(range(8))


def test_several_workers_give_the_same_flows():
    def values(n_meters):
        return sorted(map(str, (flow.values()[1:] for flow in flows(MIXED, n_meters=n_meters, statistical_analysis=True))))
    assert values(2) == values(1)


@pytest.mark.parametrize("limit, count", [(0, 8), (3, 3), (100, 8)])
def test_max_nflows_ends_the_loop(limit, count):
    assert [flow.id for flow in flows(DNS, max_nflows=limit)] == list(range(count))


def test_filter_is_compiled_at_the_first_flow():
    assert [flow.bidirectional_packets for flow in flows(HTTP, bpf_filter="port 58258")] == [26]
    streamer = NFStreamer(DNS, bpf_filter="no filter")
    with pytest.raises(ValueError, match="^Unable to compile BPF filter.$"):
        next(iter(streamer))
    with pytest.raises(ValueError, match="^Unable to compile BPF filter.$"):
        streamer.to_pandas()


def test_file_that_is_no_capture_is_a_value_error_at_the_first_flow():
    streamer = NFStreamer(__file__)
    with pytest.raises(ValueError, match="not a capture"):
        next(iter(streamer))


def test_list_of_files_is_one_capture(tmp_path):
    paths = [udp_capture(tmp_path / f"{at}.pcap", (at, is_answer, 0)) for at, is_answer in ((0, False), (500, True))]
    flow, = flows(paths)
    assert (flow.src2dst_packets, flow.dst2src_packets, flow.bidirectional_duration_ms) == (1, 1, 500)


INTERRUPTED_LOOP = """
import os, signal, sys, time
from spanflow.nfstream import NFPlugin, NFStreamer

signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background inherits that it is ignored

class Interrupt(NFPlugin):
    def on_init(self, packet, flow):
        if not self.sent:
            self.sent = True
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # meanwhile, the loop looks for signals

print(len(list(NFStreamer(sys.argv[1], udps=Interrupt(sent=False)))))
"""


def test_interrupt_while_waiting_ends_the_loop():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_LOOP, DNS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8


# --- The end of flows ---

def test_gap_of_the_idle_timeout_begins_another_flow(tmp_path):
    path = udp_capture(tmp_path / "a.pcap", (0, False, 0), (120_000, True, 0), (239_999, False, 0))
    assert [(flow.src_port, flow.bidirectional_packets, flow.expiration_id) for flow in flows(path)] == [(1000, 1, 0), (2000, 2, 0)]


def test_active_timeout_begins_another_flow_whose_source_sends_first(tmp_path):
    path = udp_capture(tmp_path / "a.pcap", *((at * 1000, at >= 1800, 0) for at in range(0, 2001, 100)))
    got = [(flow.src_port, flow.bidirectional_packets, flow.expiration_id) for flow in flows(path)]
    assert got == [(1000, 18, 1), (2000, 3, 0)]


def test_flow_without_further_packets_ends_as_idle_although_it_is_old(tmp_path):
    path = udp_capture(tmp_path / "a.pcap", (0, False, 0), (1_750_000, False, 0), (5_000_000, False, 1))
    got = [(flow.bidirectional_packets, flow.expiration_id) for flow in flows(path, idle_timeout=1770)]
    assert got == [(2, 0), (1, 0)]


@pytest.mark.parametrize("timeout, last", [("idle_timeout", 0), ("active_timeout", 1)])
def test_timeout_of_zero_makes_each_packet_a_flow(timeout, last):
    got = flows(HTTP, **{timeout: 0})
    assert len(got) == 56 and {flow.bidirectional_packets for flow in got} == {1}
    assert sum(flow.expiration_id for flow in got) == last * 52


def test_tcp_connection_does_not_end_a_flow():
    assert [flow.bidirectional_fin_packets for flow in flows(HTTP, statistical_analysis=True)] == [2, 2, 2, 2]


# --- Flows ---

@pytest.mark.parametrize("tunnels", [True, False])
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("splt", [0, 3])
@pytest.mark.parametrize("dissections", [0, 20])
def test_columns_are_those_of_the_mode(tunnels, statistics, splt, dissections):
    flow = flows(HTTP, decode_tunnels=tunnels, statistical_analysis=statistics, splt_analysis=splt, n_dissections=dissections)[0]
    want = (BEGIN + ["tunnel_id"] * tunnels + COUNTS + STATISTICS * statistics + SPLT * bool(splt)
            + APPLICATION * bool(dissections))
    assert flow.keys() == want and flow.values() == [getattr(flow, name) for name in want]
    for absent in {*STATISTICS, *SPLT, *APPLICATION, "tunnel_id", "udps", "system_process_pid", "metrics"} - set(want):
        with pytest.raises(AttributeError, match=f"NFlow' object has no attribute '{absent}'"):
            getattr(flow, absent)


def test_values_of_a_flow():
    flow = flows(HTTP, statistical_analysis=True, splt_analysis=5)[0]
    assert flow.values()[:29] == [
        0, 0, "10.20.0.10", "02:00:00:00:00:10", "02:00:00", 58258, "10.20.0.20", "02:00:00:00:00:20", "02:00:00", 80, 6, 4, 0,
        0, 1795574705738, 1795574705745, 7, 26, 15295, 1795574705738, 1795574705745, 7, 12, 1219, 1795574705738,
        1795574705745, 7, 14, 14076]
    assert (flow.bidirectional_min_ps, flow.bidirectional_max_ps, flow.bidirectional_syn_packets) == (66, 1514, 2)
    assert flow.bidirectional_mean_ps == pytest.approx(15295 / 26, rel=1e-12)
    assert (flow.splt_direction, flow.splt_ps[:3], len(flow.splt_piat_ms)) == ([0, 1, 0, 0, 1], [74, 74, 66], 5)


def test_types_are_never_none():
    for flow in flows(MIXED, n_dissections=20, statistical_analysis=True, splt_analysis=3):
        for name, value in zip(flow.keys(), flow.values(), strict=True):
            if name in SPLT:
                assert type(value) is list and all(type(item) is int for item in value), name
            elif "mean" in name or "stddev" in name:
                assert type(value) is float, name
            else:
                assert type(value) is (str if isinstance(value, str) else int), name
        assert re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", flow.src_mac) and flow.src_oui == flow.src_mac[:8]


def test_application_and_names():
    flow = flows(HTTP, n_dissections=20)[0]
    assert [getattr(flow, name) for name in APPLICATION] == [
        "HTTP", "Web", 0, 6, "example.org", "", "", "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
        "text/html"]
    tls = flows(capture("tls13_web.pcap"), n_dissections=20)[0]
    assert tls.requested_server_name == "www.youtube.com"
    assert tls.client_fingerprint == "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"
    assert tls.server_fingerprint == "15af977ce25de452b96affa2addb1036"


@pytest.mark.parametrize("mode, octets", [(0, 45), (1, 31), (2, 11), (3, 3)])
def test_accounting_mode_chooses_the_octets(tmp_path, mode, octets):
    flow, = flows(udp_capture(tmp_path / "a.pcap", (7, False, 0)), accounting_mode=mode, statistical_analysis=True,
                  splt_analysis=1)
    assert flow.bidirectional_bytes == flow.src2dst_max_ps == flow.splt_ps[0] == octets


def test_side_without_packets_is_zero(tmp_path):
    flow, = flows(udp_capture(tmp_path / "a.pcap", (7, False, 0)), statistical_analysis=True)
    assert {value for name, value in zip(flow.keys(), flow.values(), strict=True) if name.startswith("dst2src_")} == {0}


def test_tunnels_are_entered_and_shown_unless_switched_off():
    def tunnels(decode_tunnels):
        return sorted({(flow.protocol, getattr(flow, "tunnel_id", "")) for flow in flows(capture("tunnels.pcap"),
                                                                                          decode_tunnels=decode_tunnels)})
    assert tunnels(True) == [(1, 0), (6, 0), (17, 0), (47, 0), (58, 0)]  # IP in IP is entered, GRE and VXLAN are not
    assert tunnels(False) == [(1, ""), (6, ""), (17, ""), (47, ""), (58, "")]


def test_printed_flow_has_a_column_on_each_line():
    flow = flows(HTTP, splt_analysis=2)[0]
    pairs = zip(flow.keys(), flow.values(), strict=True)
    assert str(flow) == "NFlow(" + ",\n      ".join(f"{name}={value}" for name, value in pairs) + ")"
    assert str(flow).startswith("NFlow(id=0,\n      expiration_id=0,\n      src_ip=10.20.0.10,\n")
    assert repr(flow).startswith("<spanflow.nfstream.NFlow object at ")


def test_attributes_may_be_written_and_deleted_but_not_added():
    flow = flows(HTTP, n_dissections=20)[0]
    flow.src_ip = "hidden"
    del flow.user_agent
    assert flow.src_ip == "hidden" and flow.values()[2] == "hidden" and "user_agent" not in flow.keys()
    with pytest.raises(AttributeError):
        flow.user_agent
    with pytest.raises(AttributeError):
        del flow.user_agent
    with pytest.raises(AttributeError):
        flow.something = 1


def test_flows_can_be_copied_and_pickled():
    class Udps(NFPlugin):
        def on_init(self, packet, flow):
            flow.udps.size = packet.raw_size
    flow = flows(HTTP, udps=Udps(), splt_analysis=2)[0]
    for other in (pickle.loads(pickle.dumps(flow)), copy.copy(flow), copy.deepcopy(flow)):
        assert isinstance(other, NFlow) and other.keys() == flow.keys() and other.values() == flow.values()
        assert other.udps.size == 74 and other != flow
        with pytest.raises(AttributeError):
            other.bidirectional_mean_ps
