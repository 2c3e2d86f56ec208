"""The records of each capture, every field of them, exactly as in goldens/. tests/e2e/regenerate rewrites those."""
import os

from harness import HERE, assert_equal, capture, each, read_csv, record_order, records_of

GOLDENS = os.path.join(HERE, "goldens")
# Name of the golden, captures, settings.
RUNS = [(name, [name + ".pcap"], []) for name in (
    "any_sll2", "dns", "fragments", "http", "http_nano", "ipv6_web", "mail", "mixed", "mpls", "mqtt", "ntp", "ping",
    "portscan", "postgres", "raw", "redis", "ssh", "tls12_instagram", "tls13_web", "tunnels", "vlan")] + [
        ("mixed_cut", ["mixed.pcap"], ["flow.active_timeout=5ms", "flow.inactive_timeout=5ms"]),
        ("mixed_small_table", ["mixed.pcap"], ["flow.capacity=4"]),
        ("mixed_payload", ["mixed.pcap"], ["flow.accounting=payload", "sensor_id=north"]),
        ("http_features", ["http.pcap"], ["features.statistics=true", "features.splt=10"]),
        ("mixed_features", ["mixed.pcap"], ["features.statistics=true", "features.splt=5"]),
        ("tcp_loss", ["tcp_loss.pcap"], ["features.tcp=true"]),
        ("tunnels_outer", ["tunnels.pcap"], ["decode.tunnels=false"]),
        ("mixed_without_ndpi", ["mixed.pcap"], ["dpi.enabled=false"]),
        ("two_files", ["dns.pcap", "http.pcap"], []),
    ]


def golden_path(name):
    return os.path.join(GOLDENS, name + ".csv")


def actual(captures, settings):
    return sorted(records_of(*map(capture, captures), settings=settings)[0], key=record_order)


@each(*RUNS)
def test_records(run):
    name, captures, settings = run
    assert_equal(actual(captures, settings), read_csv(golden_path(name)), name)
