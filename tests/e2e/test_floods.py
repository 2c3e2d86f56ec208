"""Holds the bounds of docs/security.md: what hostile packets cost one worker, and what the conversations beside them lose.
The floods are a tenth of those of bench/floods, and so are the tables. Memory and losses are exact; times have room for a
busy machine."""
import json
import os
import subprocess

import pytest

from support.build import bench_program, patience
from support.captures import capture
from support.compare import assert_equal

pytestmark = pytest.mark.release_only

TENTH = ("-s", "flow.capacity=12800", "-s", "dpi.max_flows=6554", "-s", "features.names_memory=7MiB")
CAPTURES = ("tls13_web", "tls12_instagram", "http", "dns", "ssh", "mail", "mqtt", "redis", "ntp")
LONGEST_PAUSE_MS = 50  # of CPU time; undisturbed it is less than 3


def flooded(flood, *settings):
    program = bench_program("bench_floods")
    if not os.access(program, os.X_OK):
        pytest.skip("bench_floods was not built: meson option -Dbench=true")
    done = subprocess.run([program, "--flood", flood, "--seconds", "5", "--scale", "0.1", *TENTH, *settings, "--captures",
                           *(capture(name + ".pcap") for name in CAPTURES)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patience(120), check=False)
    assert_equal(done.returncode, 0, done.stderr.decode())
    return json.loads(done.stdout)


def assert_nothing_lost(result, names=0):
    """Asserts that the records of the conversations are those of the same conversations without a flood, but for at most this
    number of names."""
    assert_equal((result["conversations"], result["conversation_packets"] > 10_000, result["named"] > 500), (1000, True, True), result)
    for what in ("missing", "lost_packets", "other_octets", "split", "other_labels"):
        assert_equal(result[what], 0, what)
    assert result["other_names"] <= names, result


# The greatest memory that each flood may add, in MiB. Without the limit of nDPI's memory, the flood of hellos adds more than
# 100 MiB.
MOST_MORE = {"none": 4, "syn": 16, "udp": 32, "flows": 16, "collisions": 32, "fragments": 48, "tunnels": 8, "extensions": 32,
             "names": 64, "hellos": 64, "resets": 16, "flap": 16}


@pytest.mark.parametrize("flood", MOST_MORE)
def test_flood_takes_bounded_memory_and_nothing_from_conversations(flood):
    result = flooded(flood)
    # A flood of long names takes those of conversations with even longer texts. Without the limit for each flow, it took a fifth.
    assert_nothing_lost(result, names=10 if flood == "names" else 0)
    more = result["resident_mb"] - result["calm_mb"]
    assert more <= MOST_MORE[flood], f"{more} MiB more: {result}"
    assert result["longest_pause_ms"] < LONGEST_PAUSE_MS * patience(1), result


@pytest.mark.parametrize("flood, share", [("syn", 1), ("udp", 1), ("collisions", 1), ("fragments", 1), ("hellos", 1), ("flap", 1),
                                          ("extensions", 0.5)])
def test_packets_of_a_flood_are_metered_or_counted(flood, share):
    result = flooded(flood)
    others = result["packets"] - result["conversation_packets"]
    assert abs((result["metered"] - result["conversation_packets"]) / others - share) < 0.01, result
