"""Compares the records of `output.fields: nfstream` with the files in nfstream/, which nfstream 6.6 wrote for the same
captures (nfstream/regenerate)."""
import math
import os

import pytest

from support.captures import capture
from support.compare import assert_equal
from support.program import spanflowd
from support.records import parse_csv

THEIRS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nfstream")
# Columns that are not compared. The id depends on the order in which flows end, the other columns on nDPI's release.
OTHER = {"id", "application_name", "application_category_name", "application_is_guessed", "application_confidence"}


def theirs(name):
    with open(os.path.join(THEIRS, name + ".csv"), encoding="utf-8") as file:
        return file.read()


def ours(name, *settings):
    no_cuts = ("flow.inactive_timeout=10000000s", "flow.active_timeout=10000000s", "flow.tcp_close=false")
    arguments = [f"-s{setting}" for setting in (*no_cuts, *settings, "output.fields=nfstream")]
    return spanflowd("-r", capture(name + ".pcap"), "--quiet", "-w", "csv:-", *arguments).stdout


def in_order(content):
    return sorted(parse_csv(content), key=lambda flow: (int(flow["bidirectional_first_seen_ms"]), flow["src_ip"],
                                                        int(flow["src_port"]), int(flow["dst_port"])))


# The MD5 of no data. nfstream's nDPI writes it if a key exchange spans several TCP segments.
NO_HASH = "D41D8CD98F00B204E9800998ECF8427E"


NAMES = {"requested_server_name", "client_fingerprint", "server_fingerprint", "user_agent", "content_type"}


def same(got, expected):
    if got == expected or got == expected.lower() or expected == NO_HASH:
        return True
    try:  # spanflow writes three decimals, so the rounding error is up to 0.0005
        return math.isclose(float(got), float(expected), abs_tol=0.0005001)
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["http", "ipv6_web", "mixed", "ssh"])
def test_nfstream_columns(name):
    got, expected = ours(name, "features.statistics=true", "features.splt=10"), theirs(name)
    assert_equal(got.splitlines()[0].split(","), expected.splitlines()[0].split(","), "header")
    flows = list(zip(in_order(got), in_order(expected), strict=True))
    assert flows
    for flow, their_flow in flows:
        for column in flow.keys() - OTHER:
            if column in NAMES and their_flow[column] == "":
                continue  # spanflow's readers find more
            assert same(flow[column], their_flow[column]), f"{column} {flow[column]}, expected {their_flow[column]}"


def test_nfstream_columns_without_what_is_off():
    header = ours("http", "dpi.enabled=false", "features.names=false", "decode.tunnels=false").splitlines()[0].split(",")
    everything = theirs("http").splitlines()[0].split(",")
    assert_equal(header, [name for name in everything[:everything.index("bidirectional_min_ps")] if name != "tunnel_id"])
