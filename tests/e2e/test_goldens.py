"""Compares the records of captures with the files in goldens/, which tests/e2e/regenerate rewrites.

A golden has only the columns that its case is about. Only `mixed` has all fields, so a new field changes only `mixed`.
"""
import os
import typing

import pytest

from support.captures import capture
from support.compare import assert_equal
from support.records import read_csv, record_order, records_of

GOLDENS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens")


def both_ways(*names):
    return tuple(f"{way}_{name}" for way in ("src_to_dst", "dst_to_src") for name in names)


# --- Groups of columns ---

ENDPOINTS = ("ip_src", "src_port", "ip_dst", "dst_port", "ip_protocol")
SIZES = both_ways("pkts", "bytes")
LABEL = ("application_name", "category_name", "application_is_guessed", "application_confidence", "requested_server_name")
IDENTITY = ("flow_id", "community_id", "segment")
SPAN = ("start_time", "end_time", "export_reason", "end_reason", "flow_end_reason")
NANOSECONDS = ("start_time_ns", "end_time_ns", "duration_ns", *both_ways("start_time_ns", "end_time_ns"))
FLOW = (*ENDPOINTS, *SIZES, *LABEL, *IDENTITY, *SPAN)
IP = ("ip_version", *both_ways("ip_bytes", "dscp", "ttl_min", "ttl_max"))
LINK = (*both_ways("link_bytes"), "src_mac", "src_oui", "dst_mac", "dst_oui")
VLAN = ("vlan_id", "vlan_outer_id")
TUNNEL = ("tunnel_type", "tunnel_id", *both_ways("tunnel_id"))
ICMP = ("icmp_type", "icmp_code")
SENSOR = ("timestamp_source", "sensor_id", "worker", "sequence", "sampling_rate", "overload", "biflow_direction")
FLAGS = both_ways("tcp_flags")
HTTP = ("http_url", "http_method", "http_status", "http_user_agent", "http_content_type")
TLS = ("tls_server_name", "ja4", "tls_version", "tls_cipher", "tls_alpn", "tls_issuer", "tls_subject", "tls_not_before",
       "tls_not_after", "ja3_client", "ja3_server")
DNS = ("dns_query", "dns_query_type", "dns_reply_code", "dns_answer")
SSH = ("ssh_client", "ssh_server", "hassh_client", "hassh_server")
NAMES = ("requested_server_name", "dns_name", *HTTP, "http_host", "http_version", "http_requests", *TLS, "tls_versions",
         "tls_alpn_chosen", "tls_resumed", "tls_ech", "tls_ech_config_id", "tls_ech_outer_name", "tls_names", "tls_serial",
         "tls_sha256", "quic_version", *DNS, "dns_protocol", "dns_flags", "dns_answers", "dns_least_ttl", "dns_response_ns",
         "dns_transactions", "dns_failed_query", "dns_failed_code")
RISKS = ("ndpi_risks", "ndpi_risk_score")
STATISTICS = tuple(f"{way}_{name}" for way in ("bidirectional", "src_to_dst", "dst_to_src") for name in (
    "min_ps", "mean_ps", "stddev_ps", "max_ps", "min_piat_ns", "mean_piat_ns", "stddev_piat_ns", "max_piat_ns",
    "fin_pkts", "syn_pkts", "rst_pkts", "psh_pkts", "ack_pkts", "urg_pkts", "ece_pkts", "cwr_pkts"))
SPLT = ("splt_direction", "splt_ps", "splt_piat_ns")
TCP = ("tcp_server_rtt_ns", "tcp_client_rtt_ns", "tcp_response_ns", "tcp_history", *both_ways(
    "retransmitted_pkts", "out_of_order_pkts", "zero_window_pkts", "gaps", "mss", "window_scale"))
ALL = None

# --- Goldens by name ---


class Golden(typing.NamedTuple):
    columns: tuple
    captures: list = None  # names of capture files; None: one capture with the golden's name
    settings: list = ()


RUNS = {
    "any_sll2": Golden(FLOW + LINK + HTTP),
    "dns": Golden(FLOW + DNS),
    "fragments": Golden(FLOW + IP + LINK + ICMP + RISKS),
    "http": Golden(FLOW + FLAGS + IP + LINK + SENSOR + HTTP),
    "http_nano": Golden(ENDPOINTS + IDENTITY + SPAN + NANOSECONDS),
    "ipv6_web": Golden(FLOW + FLAGS + IP + LINK + ICMP + HTTP + TLS),
    "mail": Golden(FLOW + FLAGS),
    "mixed": Golden(ALL, ["mixed.pcap"], ["features.statistics=true", "features.splt=5", "features.tcp=true"]),
    "mpls": Golden(FLOW + FLAGS + IP + LINK + VLAN + TUNNEL + ICMP),
    "mqtt": Golden(FLOW + FLAGS),
    "names": Golden(FLOW + NAMES),
    "ntp": Golden(FLOW + NANOSECONDS),
    "ping": Golden(FLOW + ICMP + IP),
    "portscan": Golden(FLOW + FLAGS + IP + ICMP),
    "postgres": Golden(FLOW),
    "raw": Golden(FLOW + IP + LINK + ICMP),
    "redis": Golden(FLOW),
    "ssh": Golden(FLOW + IP + SSH),
    "tls12_instagram": Golden(FLOW + TLS + RISKS),
    "tls13_web": Golden(FLOW + TLS + RISKS),
    "tunnels": Golden(FLOW + IP + LINK + VLAN + TUNNEL + HTTP),
    "vlan": Golden(FLOW + LINK + VLAN),
    "mixed_cut": Golden(FLOW + FLAGS + IP + ICMP + NANOSECONDS + HTTP + TLS + DNS + SSH + RISKS, ["mixed.pcap"],
                        ["flow.active_timeout=5ms", "flow.inactive_timeout=5ms"]),
    "mixed_small_table": Golden(FLOW + FLAGS + NANOSECONDS + ("sequence",), ["mixed.pcap"], ["flow.capacity=4"]),
    "mixed_payload": Golden(FLOW + ("sensor_id",), ["mixed.pcap"], ["flow.accounting=payload", "sensor_id=north"]),
    "http_features": Golden(ENDPOINTS + SIZES + STATISTICS + SPLT, ["http.pcap"], ["features.statistics=true", "features.splt=10"]),
    "tcp_loss": Golden(ENDPOINTS + SIZES + FLAGS + TCP, ["tcp_loss.pcap"], ["features.tcp=true"]),
    "tunnels_outer": Golden(FLOW + IP + LINK, ["tunnels.pcap"], ["decode.tunnels=false"]),
    "mixed_without_ndpi": Golden(ENDPOINTS + SIZES + ("application_name", "category_name") + IDENTITY + SPAN, ["mixed.pcap"],
                                 ["dpi.enabled=false"]),
    "two_files": Golden(FLOW + SENSOR, ["dns.pcap", "http.pcap"]),
}


def golden_path(name):
    return os.path.join(GOLDENS, name + ".csv")


def actual(name):
    """Returns the records of the current spanflowd, with only the columns of the golden."""
    golden = RUNS[name]
    captures = golden.captures or [name + ".pcap"]
    records = sorted(records_of(*map(capture, captures), settings=golden.settings)[0], key=record_order)
    return [{column: record[column] for column in golden.columns or record} for record in records]


@pytest.mark.parametrize("name", RUNS)
def test_records(name):
    assert_equal(actual(name), read_csv(golden_path(name)), name)


def test_every_golden_belongs_to_a_run():
    assert_equal(sorted(os.listdir(GOLDENS)), sorted(f"{name}.csv" for name in RUNS))


def test_one_golden_has_all_fields():
    assert_equal([name for name, golden in RUNS.items() if golden.columns is ALL], ["mixed"])
