"""Checks the options of the flow table, the decoder and nDPI by their effect on the records."""
import subprocess

import pytest

from support import build, pcap_file
from support.captures import capture, capture_names
from support.compare import assert_equal
from support.pcap_file import Frame
from support.program import Running, spanflowd
from support.records import fields_with, records_of, sorted_records


def pkts(record):
    return int(record["src_to_dst_pkts"]), int(record["dst_to_src_pkts"])


def of_reason(found, reason):
    return [record for record in found if record["end_reason"] == reason]


# --- Workers ---

WORKERS = (3, 8)


@pytest.mark.parametrize("name", capture_names())
def test_records_do_not_depend_on_the_number_of_workers(name):
    settings = ("features.statistics=true", "features.splt=10", "features.tcp=true")
    one, summary_of_one = records_of(capture(name), settings=settings)
    for workers in WORKERS:
        found, summary = records_of(capture(name), settings=settings, arguments=("--workers", workers))
        # Whether the thread that reads a reply of DNS is ahead of the one that ends the flow differs from run to run.
        without = ("worker", "sequence", "dns_name")
        assert_equal(sorted_records(found, without), sorted_records(one, without), f"{name}, {workers} workers")
        for counters in ("packets", "octets", "flows"):
            assert_equal(summary[counters], summary_of_one[counters], f"{name}, {workers} workers")
        assert_equal(summary["workers"], workers)


def test_several_workers_share_the_work():
    found, _ = records_of(capture("portscan.pcap"), arguments=("--workers", "4"))
    assert_equal({record["worker"] for record in found}, {"0", "1", "2", "3"})


@pytest.mark.parametrize("workers", [1, 3])
def test_small_table_exports_the_evicted(workers):
    found, summary = records_of(capture("mixed.pcap"), settings=("flow.capacity=6", "flow.tcp_close=false"),
                                arguments=("--workers", workers))
    assert summary["flows"]["exported"]["evicted"] > 0, summary["flows"]
    assert_equal(len(of_reason(found, "evicted")), summary["flows"]["exported"]["evicted"])
    for record in of_reason(found, "evicted"):
        assert_equal((record["export_reason"], record["flow_end_reason"]), ("3", "5"))


def test_evicted_is_the_least_recently_used():
    frames = [Frame(1_700_000_000 + n, 0, pcap_file.udp("10.0.0.1", f"10.0.1.{n % 4}")) for n in range(4)]
    frames.append(frames[0].at(1_700_000_010))
    frames.append(Frame(1_700_000_011, 0, pcap_file.udp("10.0.0.1", "10.0.2.1")))
    found, _ = records_of(pcap_file.write("a.pcap", frames), settings=("flow.capacity=4",))
    assert_equal([record["ip_dst"] for record in of_reason(found, "evicted")], ["10.0.1.1"])


# 5,000,000 SYNs/s for 2 s (0.4 s in a slow build), together with 1,000 flows that have a packet every 100 ms. The SYNs
# replace the whole table every 25 ms.
@pytest.mark.slow
def test_syn_flood_does_not_cut_conversations():
    blocks, syns_per_block, interval = 20 if build.slow else 100, 100_000, 200
    forward = [pcap_file.udp("10.0.0.1", "10.0.0.2", (n, 9)) for n in range(1000)]
    back = [pcap_file.udp("10.0.0.2", "10.0.0.1", (9, n)) for n in range(1000)]

    def conversations(packets, seconds, fraction):
        return b"".join(pcap_file.record(Frame(seconds, fraction, data)) for data in packets)

    with Running("-r", "-", "--quiet", "-w", "csv:flows.csv", "-s", "dpi.enabled=false", "-s",
                 "output.fields=[ip_protocol, src_to_dst_pkts, dst_to_src_pkts, end_reason]", stdin=subprocess.PIPE) as running:
        with running.process.stdin as pipe:
            pipe.write(pcap_file.header(magic=pcap_file.NANOSECONDS))
            pipe.write(b"".join(conversations(packets, START, 0) for packets in (forward, back, forward)))
            for block in range(blocks):
                seconds, fraction = divmod(block * syns_per_block * interval, 10**9)
                if block % 5 == 0:
                    pipe.write(conversations((forward, back)[block // 5 % 2], START + seconds, fraction))
                pipe.write(pcap_file.syns(syns_per_block, START + seconds, fraction, interval))
        run = running.finish(within=60)
    syns, bursts = blocks * syns_per_block, 3 + blocks // 5
    assert_equal(run.summary["packets"]["metered"], syns + bursts * 1000)
    assert run.summary["flows"]["exported"]["evicted"] > syns - 500_000, run.summary["flows"]
    with open("flows.csv", "rb") as file:
        content = file.read()
    whole = f"\n17,{(bursts + 1) // 2},{bursts // 2},capture_end".encode()
    assert_equal((content.count(b"\n17,"), content.count(whole)), (1000, 1000))


# --- Timeouts ---

START = 1_700_000_000


def flow_of(*seconds):
    """Writes a capture of one UDP flow with a packet at each of these seconds after START."""
    return pcap_file.write("flow.pcap", [Frame(START + s, 0, pcap_file.udp("10.0.0.1", "10.0.0.2")) for s in seconds])


def seen(found):
    return [((int(r["start_time"]) // 1000) - START, (int(r["end_time"]) // 1000) - START, pkts(r)[0], r["end_reason"],
             int(r["segment"])) for r in sorted(found, key=lambda r: int(r["start_time_ns"]))]


def test_inactive_timeout_ends_a_flow():
    found, _ = records_of(flow_of(0, 5, 16, 17), settings=("flow.inactive_timeout=10s",))
    assert_equal(seen(found), [(0, 5, 2, "inactive", 0), (16, 17, 2, "capture_end", 0)])
    assert found[0]["flow_id"] != found[1]["flow_id"], "a flow after the timeout is a new one"
    assert_equal((found[0]["export_reason"], found[0]["flow_end_reason"]), ("0", "1"))


def test_active_timeout_cuts_a_flow_into_segments():
    found, _ = records_of(flow_of(0, 4, 8, 12, 16, 25), settings=("flow.active_timeout=10s", "flow.inactive_timeout=10s"))
    assert_equal(seen(found), [(0, 8, 3, "active", 0), (12, 16, 2, "active", 1), (25, 25, 1, "capture_end", 2)])
    assert_equal(len({record["flow_id"] for record in found}), 1)
    for record in found:
        assert int(record["duration_ns"]) <= 10_000_000_000
    assert_equal((found[0]["export_reason"], found[0]["flow_end_reason"]), ("1", "2"))


def test_segments_keep_label_and_direction():
    found, _ = records_of(capture("tls12_instagram.pcap"), settings=("flow.active_timeout=1ms", "flow.tcp_close=false"))
    segments = [record for record in found if record["dst_port"] == "443"]
    assert len(segments) > 2, "the active timeout must cut the flow"
    assert not [record for record in found if record["src_port"] == "443"], "src and dst of a segment are swapped"
    assert_equal({record["application_name"] for record in segments if record["segment"] != "0"}, {"TLS.Instagram"})


@pytest.mark.parametrize("timeout", ["500ms", "2s"])
def test_a_record_never_spans_more_than_the_active_timeout(timeout):
    limit = {"500ms": 500_000_000, "2s": 2_000_000_000}[timeout]
    for name in capture_names():
        found, _ = records_of(capture(name), settings=(f"flow.active_timeout={timeout}", f"flow.inactive_timeout={timeout}"))
        for record in found:
            assert int(record["duration_ns"]) <= limit, (name, record)


def test_a_packet_from_the_far_future_does_not_expire_the_table():
    frames = [Frame(START + s, 0, pcap_file.udp("10.0.0.1", "10.0.0.2")) for s in (0, 1)]
    frames.append(Frame(START + 1_000_000, 0, pcap_file.udp("10.0.0.3", "10.0.0.4")))
    frames += [Frame(START + s, 0, pcap_file.udp("10.0.0.1", "10.0.0.2")) for s in (2, 3)]
    found, _ = records_of(pcap_file.write("flow.pcap", frames))
    assert_equal([pkts(r)[0] for r in found if r["ip_src"] == "10.0.0.1"], [4])


def test_time_running_backwards_is_counted_and_spans_stay_positive():
    found, summary = records_of(flow_of(5, 3, 4, 6))
    assert_equal(seen(found), [(3, 6, 4, "capture_end", 0)])
    assert_equal(summary["packets"]["time_backwards"], 2)


# --- TCP close ---


def test_closed_connections_say_so():
    found, summary = records_of(capture("http.pcap"))
    assert_equal({record["end_reason"] for record in found}, {"closed"})
    assert_equal(summary["flows"]["exported"]["closed"], len(found))
    assert_equal({(record["export_reason"], record["flow_end_reason"]) for record in found}, {("2", "3")})


def test_close_can_be_ignored():
    found, summary = records_of(capture("http.pcap"), settings=("flow.tcp_close=false",))
    assert_equal({record["end_reason"] for record in found}, {"capture_end"})


def twice(name, seconds):
    frames = pcap_file.read(capture(name))
    return pcap_file.write("twice.pcap", frames + [f.at(f.seconds + seconds, f.fraction) for f in frames])


def test_same_connection_again_after_its_close_is_a_new_flow():
    once, _ = records_of(capture("http.pcap"))
    found, _ = records_of(twice("http.pcap", 30))
    assert_equal(len(found), 2 * len(once))
    assert_equal(len({record["flow_id"] for record in found}), 2 * len(once))


# --- Accounting ---


def octets(found):
    return sum(int(r["src_to_dst_bytes"]) + int(r["dst_to_src_bytes"]) for r in found)


def test_accounting_layers():
    by_layer = {layer: records_of(capture("mixed.pcap"), settings=(f"flow.accounting={layer}",))[0]
                for layer in ("link", "ip", "transport", "payload")}
    for record in by_layer["link"]:
        assert_equal(record["src_to_dst_bytes"], record["src_to_dst_link_bytes"])
    for record in by_layer["ip"]:
        assert_equal(record["src_to_dst_bytes"], record["src_to_dst_ip_bytes"])
    assert octets(by_layer["link"]) > octets(by_layer["ip"]) > octets(by_layer["transport"]) > octets(by_layer["payload"])


def test_accounting_of_one_datagram():
    for layer, expected in (("link", 14 + 20 + 8 + 20), ("ip", 20 + 8 + 20), ("transport", 8 + 20), ("payload", 20)):
        assert_equal(octets(records_of(flow_of(0), settings=(f"flow.accounting={layer}",))[0]), expected, layer)


def test_octets_are_those_on_the_wire_when_the_capture_kept_less():
    frames = pcap_file.read(capture("http.pcap"))
    short = [Frame(f.seconds, f.fraction, f.data[:96], f.wire) for f in frames]
    names = ("worker", "application_name", "category_name", *fields_with("dpi."), *fields_with("features.names"),
             *fields_with("features.dns_names"))
    assert_equal(sorted_records(records_of(pcap_file.write("short.pcap", short))[0], without=names),
                 sorted_records(records_of(capture("http.pcap"))[0], without=names))


# --- VLANs ---

TAGS = ((200, 30), (200, 31), (201, 30))


@pytest.mark.parametrize("setting, copies", [("none", 1), ("outer", 2), ("inner", 2), ("both", 3)])
def test_vlan_key(setting, copies):
    frames = [tagged for frame in pcap_file.read(capture("http.pcap"))
              for tagged in (pcap_file.tagged(frame, *tags) for tags in TAGS)]
    once = len(records_of(capture("http.pcap"))[0])
    found, _ = records_of(pcap_file.write("tagged.pcap", frames), settings=(f"flow.vlan_key={setting}",))
    assert_equal(len(found), copies * once)


def test_vlan_ids_of_real_traffic():
    found, _ = records_of(capture("vlan.pcap"))
    ids = {(record["ip_src"].split(".")[1], record["vlan_id"], record["vlan_outer_id"]) for record in found}
    assert_equal(ids, {("100", "100", ""), ("30", "30", "200")})


def test_mpls_labels_of_real_traffic_are_no_part_of_the_flow():
    found, _ = records_of(capture("mpls.pcap"))
    assert_equal(sorted((record["ip_src"], record["ip_dst"], record["ip_protocol"]) for record in found),
                 [("10.77.0.10", "10.77.0.20", "1"), ("10.77.0.10", "10.77.0.20", "6")])
    assert all(record["dst_to_src_pkts"] != "0" for record in found), found


# --- Fragments and duplicates ---


@pytest.mark.parametrize("workers", [1, 4])
def test_fragments_are_of_the_flow_of_their_first_in_any_order(workers):
    frames = pcap_file.read(capture("fragments.pcap"))
    in_order, _ = records_of(capture("fragments.pcap"), arguments=("--workers", workers))
    assert not [record for record in in_order if record["src_port"] == "0" and record["ip_protocol"] == "17"], in_order
    # Swaps the two packets of each pair that came within a millisecond.
    for at in range(0, len(frames) - 1, 2):
        one, other = frames[at], frames[at + 1]
        if one.seconds == other.seconds and other.fraction - one.fraction < 1000:
            frames[at], frames[at + 1] = other, one
    found, summary = records_of(pcap_file.write("reordered.pcap", frames), arguments=("--workers", workers))
    assert_equal(sorted(map(octets_and_ports, found)), sorted(map(octets_and_ports, in_order)))
    assert_equal((summary["packets"]["fragments_orphaned"], summary["packets"]["fragments_held"]), (0, 0))


def octets_and_ports(record):
    """Returns the protocol and both sides of a record, in an order that does not depend on which side is the source."""
    sides = [(record["ip_src"], record["src_port"], record["src_to_dst_pkts"], record["src_to_dst_bytes"]),
             (record["ip_dst"], record["dst_port"], record["dst_to_src_pkts"], record["dst_to_src_bytes"])]
    return record["ip_protocol"], sorted(sides)


@pytest.mark.parametrize("workers", [1, 4])
def test_packets_mirrored_on_two_vlans_count_once(workers):
    frames = pcap_file.read(capture("http.pcap"))
    once = [pcap_file.tagged(frame, 30) for frame in frames]
    twice = [copy for frame in frames for copy in (pcap_file.tagged(frame, 30), pcap_file.tagged(frame, 31))]
    expected, _ = records_of(pcap_file.write("once.pcap", once))
    doubled, _ = records_of(pcap_file.write("twice.pcap", twice))
    assert_equal(len(doubled), 2 * len(expected))
    found, summary = records_of("twice.pcap", settings=("decode.deduplicate=10us",), arguments=("--workers", workers))
    assert_equal(sorted_records(found), sorted_records(expected))
    assert_equal(summary["packets"]["ignored"]["duplicate"], summary["packets"]["metered"])


# --- Tunnels ---


def tunnel_types(setting):
    found, summary = records_of(capture("tunnels.pcap"), settings=(f"decode.tunnels={setting}",))
    return {record.get("tunnel_type", "") for record in found} - {""}, summary


def test_all_tunnels_are_entered():
    assert tunnel_types("true")[0] >= {"ipip", "gre", "vxlan", "geneve"}


@pytest.mark.parametrize("setting", ["false", "[]"])
def test_no_tunnel_is_entered(setting):
    assert_equal(tunnel_types(setting)[0], set())


@pytest.mark.parametrize("name", ["ipip", "gre", "vxlan", "geneve"])
def test_only_this_tunnel_is_entered(name):
    assert_equal(tunnel_types(f"[{name}]")[0], {name})


def test_every_way_meters_the_same_packets():
    counts = {setting: tunnel_types(setting)[1]["packets"]["metered"] for setting in ("true", "false", "[vxlan]")}
    assert_equal(len(set(counts.values())), 1, str(counts))


# --- nDPI ---


def test_labels_of_well_known_traffic():
    expected = {"tls12_instagram.pcap": ("TLS.Instagram", "SocialNetwork"), "http.pcap": ("HTTP", "Web"),
                "ssh.pcap": ("SSH", "RemoteAccess"), "mqtt.pcap": ("MQTT", "RPC"), "ntp.pcap": ("NTP", "System"),
                "mail.pcap": ("SMTP", "Email"), "postgres.pcap": ("PostgreSQL", "Database")}
    for name, label in expected.items():
        labels = {(record["application_name"], record["category_name"]) for record in records_of(capture(name))[0]}
        assert label in labels, (name, labels)


def test_without_ndpi_nothing_is_named():
    found, _ = records_of(capture("mixed.pcap"), settings=("dpi.enabled=false",))
    named, _ = records_of(capture("mixed.pcap"))
    assert "application_confidence" not in found[0]
    assert_equal({(record["application_name"], record["category_name"]) for record in found}, {("", "")})
    dpi = ("worker", "application_name", "category_name", "requested_server_name", "dns_name", *fields_with("dpi."))
    assert_equal(sorted_records(found, without=dpi), sorted_records(named, without=dpi))


def test_protocols_of_the_user():
    with open("protocols.txt", "w", encoding="utf-8") as file:
        file.write('host:"example.org"@InHouse\ntcp:5201@Throughput\n')
    found, _ = records_of(capture("http.pcap"), settings=("dpi.protocols_file=protocols.txt",))
    assert "HTTP.InHouse" in {record["application_name"] for record in found}, found
    found, _ = records_of(capture("fragments.pcap"), settings=("dpi.protocols_file=protocols.txt",))
    assert "Throughput" in {record["application_name"] for record in found}, {r["application_name"] for r in found}


def test_few_states_give_up_and_count():
    found, summary = records_of(capture("mixed.pcap"), settings=("dpi.max_flows=1",))
    assert summary["dpi"]["pool_full"] > 0, summary["dpi"]
    assert all(record["application_name"] for record in found)


def test_first_packets_only():
    named = records_of(capture("tls13_web.pcap"), settings=("dpi.max_packets=1",))[0]
    assert len(named) == len(records_of(capture("tls13_web.pcap"))[0])


# --- Filter, sensor, direction ---


def test_filter_ignores_and_counts():
    found, summary = records_of(capture("mixed.pcap"), settings=("input.filter=tcp port 443",))
    assert found and all("443" in (record["src_port"], record["dst_port"]) for record in found)
    assert summary["packets"]["ignored"]["filtered"] == summary["packets"]["received"] - summary["packets"]["metered"] > 0


def test_filter_and_its_opposite_share_the_packets():
    wanted = records_of(capture("mixed.pcap"), settings=("input.filter=udp",))[1]["packets"]
    others = records_of(capture("mixed.pcap"), settings=("input.filter=not udp",))[1]["packets"]
    assert_equal(wanted["received"] - wanted["ignored"]["filtered"], others["ignored"]["filtered"])


@pytest.mark.parametrize("name", ["any_sll.pcap", "raw.pcap", "any_sll2.pcap"])
def test_filter_knows_the_link_type(name):
    _, summary = records_of(capture(name), settings=("input.filter=ip and tcp",))
    assert summary["packets"]["metered"] > 0, summary["packets"]


def test_sensor_is_in_the_record_and_the_flow_id():
    plain, _ = records_of(capture("http.pcap"))
    found, _ = records_of(capture("http.pcap"), settings=("sensor_id=north",))
    assert_equal({record["sensor_id"] for record in found}, {"north"})
    assert not {record["flow_id"] for record in found} & {record["flow_id"] for record in plain}


def test_handshake_direction_turns_a_flow_that_begins_with_a_syn_ack():
    frames = pcap_file.read(capture("http.pcap"))
    syn = next(n for n, f in enumerate(frames) if f.data[12:14] == b"\x08\0" and f.data[23] == 6 and f.data[47] == 2)
    pcap_file.write("late.pcap", frames[syn + 1:])
    first, _ = records_of("late.pcap")
    turned, _ = records_of("late.pcap", settings=("flow.direction=handshake",))
    assert_equal(sorted(r["src_port"] for r in first).count("80"), 1)
    assert_equal([r["src_port"] for r in turned].count("80"), 0)
    assert_equal({r["biflow_direction"] for r in turned}, {"1"})


def test_the_same_run_twice_gives_the_same_bytes():
    first = spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:-").stdout
    assert_equal(spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:-").stdout, first)
