"""The types of the package, as mypy --strict reads them."""
import os
import subprocess
import sys

import pytest
import spanflow
from support.build import ROOT

TUTORIAL = '''
from spanflow import Flow, Packet
from spanflow.streamer import Streamer

my_capture_streamer = Streamer(source="instagram.pcap", capacity=128000, active_timeout=120, inactive_timeout=60)
for flow in my_capture_streamer:
    print(flow)
my_live_streamer = Streamer(source="eth1")


def my_awesome_plugin(packet_information: Packet, flow: Flow) -> Flow:
    if packet_information.size > 666:
        flow.metrics["count_pkts_gt_666"] += 1
    return flow


streamer_awesome = Streamer(source="devil.pcap", user_metrics={"count_pkts_gt_666": my_awesome_plugin})
for flow in streamer_awesome:
    print(flow.metrics["count_pkts_gt_666"])
'''


def mypy(*arguments, folder):
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.path.join(ROOT, "pyproject.toml"),
               "--cache-dir", str(folder / "cache"), *arguments]
    package = os.path.dirname(os.path.dirname(spanflow.__file__))
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False,
                          env={**os.environ, "MYPYPATH": package, "LD_PRELOAD": ""}).stdout


@pytest.mark.release_only
def test_tutorial_passes_mypy_strict(tmp_path):
    (tmp_path / "tutorial.py").write_text(TUTORIAL)
    assert mypy("tutorial.py", folder=tmp_path).startswith("Success")


@pytest.mark.release_only
def test_package_passes_mypy_strict(tmp_path):
    assert mypy("-p", "spanflow", folder=tmp_path).startswith("Success")


@pytest.mark.release_only
def test_wrong_attribute_and_wrong_type_are_found(tmp_path):
    (tmp_path / "wrong.py").write_text(TUTORIAL + "flow.ip_scr\nlen(flow.src_port)\n")
    said = mypy("wrong.py", folder=tmp_path)
    assert '"Flow" has no attribute "ip_scr"' in said and 'incompatible type "int"' in said


@pytest.mark.release_only
def test_stubs_have_the_attributes_of_the_extension():
    import ast
    with open(os.path.join(os.path.dirname(spanflow.__file__), "_core.pyi"), encoding="utf-8") as file:
        stubs = {node.name: node for node in ast.parse(file.read()).body if isinstance(node, ast.ClassDef)}
    for name in ("Packet", "Metrics"):
        stubbed = {each.name if isinstance(each, ast.FunctionDef) else each.target.id for each in stubs[name].body}
        public = {each for each in dir(getattr(spanflow, name)) if not each.startswith("_")}
        assert {each for each in stubbed if not each.startswith("_")} == public
