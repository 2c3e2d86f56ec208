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
