"""Checks docs/python.md and README.md: every example for Python runs and prints the output that the page shows."""
import contextlib
import io
import os
import re
import signal
import subprocess
import sys

import pytest
from support.build import ROOT, patience
from support.captures import capture
from support.compare import assert_equal
from support.links import inside, wait_until_worker_runs
from support.waiting import wait_until

pytestmark = pytest.mark.release_only

PAGES = ("README.md", "docs/python.md")
BLOCK = re.compile(r"```(sh|python)\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
INTERFACE = "eth1"  # the interface in examples of live captures


def blocks(page, kinds=("sh", "python")):
    """Returns (code, output in the page, whether it is a live capture, kind of code)."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        found = BLOCK.findall(file.read())
    return [(code, printed, f'"{INTERFACE}"' in code, kind) for kind, code, printed in found if kind in kinds]


def output_of_shell(code):
    path = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]
    done = subprocess.run(["bash", "-ec", code], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


def output_of_python(code, namespace):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "example", "exec"), namespace)
    return out.getvalue()


@pytest.fixture(autouse=True)
def folder_with_the_captures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink(os.path.join(ROOT, "tests"), "tests")


@pytest.mark.parametrize("page", PAGES)
def test_every_example_prints_what_the_page_says(page):
    for name in ("duckdb", "pandas", "polars", "pyarrow"):
        pytest.importorskip(name, reason=f"not installed: {name}; see .ci/dependencies")
    namespace = {}
    for code, printed, is_live, kind in blocks(page):
        if not is_live:
            output = output_of_shell(code) if kind == "sh" else output_of_python(code, namespace)
            assert_equal(output.splitlines(), printed.splitlines(), code)


LIVE = [code for page in PAGES for code, _, is_live, _ in blocks(page, ("python",)) if is_live]


@pytest.mark.parametrize("code", LIVE, ids=range(len(LIVE)))
def test_live_example_gives_the_flows_of_an_interface(wire, code):
    process = subprocess.Popen([*inside(wire.sensor), sys.executable, "-u", "-c", code.replace(INTERFACE, "tap")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until_worker_runs(process)
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    flows = [process.stdout.readline() for _ in range(3)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=patience(10))
    assert process.returncode == 0 or said.rstrip().endswith("KeyboardInterrupt"), said
    assert all("TLS.Instagram" in flow for flow in flows), (flows, said)


def test_page_begins_with_the_tutorial():
    codes = [code for code, _, _, _ in blocks("docs/python.md", ("python",))]
    assert len(codes) > 12 and len(LIVE) == 2
    assert all(text in codes[0] for text in ("capacity=128000", "active_timeout=120", "inactive_timeout=60", "    print(flow)\n"))
    assert 'my_live_streamer = Streamer(source="eth1")' in codes[1]
    assert "user_metrics={'count_pkts_gt_666': my_awesome_plugin}" in codes[2]
