"""The captures of tests/captures."""
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
    """All captures that hold packets of their own: compressed copies are left out."""
    return sorted(name for name in os.listdir(CAPTURES) if name.endswith((".pcap", ".pcapng")))
