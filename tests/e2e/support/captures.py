"""Finds the captures of tests/captures."""
import os

import pytest

from support.build import ROOT

CAPTURES = os.path.join(ROOT, "tests", "captures")


def capture(name):
    path = os.path.join(CAPTURES, name)
    if not os.path.exists(path):
        pytest.skip(f"no {os.path.relpath(path, ROOT)}")
    return path


def capture_names():
    """Returns the names of all captures, without compressed copies."""
    return sorted(name for name in os.listdir(CAPTURES) if name.endswith((".pcap", ".pcapng")))
