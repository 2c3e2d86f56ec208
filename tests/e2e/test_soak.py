"""Checks that tests/soak/run would see a fault: its judgement of samples that grow, of ledgers and of receivers."""
import argparse
import importlib
import os
import sys

import pytest

from support.build import ROOT
from support.compare import assert_equal

MIB = 1 << 20


@pytest.fixture(name="soak")
def modules_of_the_soak(monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tests", "soak"))
    yield importlib.import_module("report"), importlib.import_module("samples")
    for name in ("report", "samples"):
        sys.modules.pop(name, None)


def judged(soak, **grow):
    """Returns what the report says is wrong with 100 samples in the warm-up and 1000 after it. Each sample after the warm-up
    is greater than the one before it by what `grow` says."""
    report = soak[0].Report(argparse.Namespace(folder=".", seed=1))
    row = {"rss": 400 * MIB, "descriptors": 25, "threads": 39}
    for second in range(1100):
        if second >= 100:
            row = {name: value + grow.get(name, 0) for name, value in row.items()}
        report.add(second, "", second >= 100, row, "")
    report.judge()
    return report.wrong


def test_samples_that_stay_are_right(soak):
    assert_equal(judged(soak), [])


@pytest.mark.parametrize("grow, what", [({"rss": 100_000}, "memory grows"), ({"descriptors": 0.05}, "descriptors have grown"),
                                        ({"threads": 0.01}, "threads have grown")], ids=str)
def test_samples_that_grow_are_wrong(soak, grow, what):
    assert any(what in wrong for wrong in judged(soak, **grow)), judged(soak, **grow)


def test_a_peak_after_the_warm_up_is_wrong(soak):
    report = soak[0].Report(argparse.Namespace(folder=".", seed=1))
    for second in range(200):
        row = {"rss": (500 if second == 150 else 400) * MIB, "descriptors": 25, "threads": 39}
        report.add(second, "", second >= 100, row, "")
    report.judge()
    assert_equal(len(report.wrong), 1)
    assert "memory has grown after the warm-up: from 400.0 MiB to 500.0 MiB" in report.wrong[0], report.wrong


def test_records_that_did_not_arrive_are_wrong(soak):
    report = soak[0].Report(argparse.Namespace(folder=".", seed=1))
    report.compare("pipe", 10, 10)
    report.compare("kafka", 10, 9)
    assert_equal(report.wrong, ["kafka: 10 records delivered, but 9 arrived"])


def summary(received=10, open_flows=2, handed=3):
    sink = {"name": "csv:a", "handed": handed, "recovered": 0, "delivered": 1, "queued": 2, "spooled": 0, "dropped": {}}
    return {"packets": {"received": received, "metered": 9, "ignored": {"not_ip": 1}, "malformed": {}},
            "flows": {"opened": 5, "open": open_flows, "exported": {"inactive": 3}},
            "records": {"exported": 3, "ring_dropped": 0, "sinks": [sink]}}


@pytest.mark.parametrize("change, what", [({}, ""), ({"received": 11}, "11 packets received, 10 accounted for"),
                                          ({"open_flows": 3}, "5 flows opened, 3 open, 3 ended"),
                                          ({"handed": 4}, "csv:a: 4 handed, 3 accounted for")], ids=str)
def test_ledgers_that_do_not_balance_are_named(soak, change, what):
    assert_equal(soak[1].imbalance(summary(**change), 2), what)


def test_memory_is_counted_by_kind(soak):
    kinds = soak[1].memory_by_kind(os.getpid())
    assert kinds["heap"] > 0 and kinds["files"] > 0 and kinds["stacks"] > 0, kinds
    rss = soak[1].rollup(os.getpid())["Rss"]
    assert abs(sum(kinds.values()) - rss) < 8 * MIB, (kinds, rss)
