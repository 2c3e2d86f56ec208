"""Live captures from a veth pair in network namespaces, in a Python process of their own."""
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from support.build import patience
from support.captures import capture
from support.links import inside, wait_until_worker_runs
from support.waiting import wait_until

PRELUDE = "import json, os, sys, time\nfrom spanflow import Streamer\ndef say(*what): print(*what, flush=True)\n"


class Script:
    """A Python program in the namespace of the sensor."""

    def __init__(self, wire, *code):
        self.process = subprocess.Popen([*inside(wire.sensor), sys.executable, "-c", "\n".join(map(textwrap.dedent, (PRELUDE, *code)))],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], patience(20))
        if not readable:
            self.process.kill()
        return self.process.stdout.readline().rstrip("\n")

    def expect(self, line):
        got = self.line()
        assert got == line, f"{got!r}; standard error: {self.process.stderr.read() if not got else ''}"

    def end(self, code=0):
        out, err = self.process.communicate(timeout=patience(30))
        assert self.process.returncode == code, (self.process.returncode, out, err)
        return out, err


@pytest.fixture
def script(wire):
    started = []

    def start(*code):
        started.append(Script(wire, *code))
        return started[-1]
    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


LIVE = """
streamer = Streamer(source="tap", inactive_timeout=1, settings={"flow.tcp_linger": "1s"})
flows = iter(streamer)
say("ready")
"""


def test_flows_of_a_live_link_arrive_although_nothing_more_comes(wire, script):
    program = script(LIVE, """
    for count in range(3): say(next(flows).application_name)
    flows.close()
    say(json.dumps(streamer.summary["packets"]))
    """)
    program.expect("ready")
    sent = wire.send("--topspeed", capture("tls12_instagram.pcap"))
    assert [program.line() for _ in range(3)] == ["TLS.Instagram"] * 3
    packets = json.loads(program.line())
    assert packets["received"] >= sent == 88 and packets["kernel_dropped"] == 0
    program.end()


def test_ctrl_c_ends_a_loop_over_an_idle_link_at_once(script):
    program = script(LIVE, """
    try:
        for flow in flows: pass
    except KeyboardInterrupt:
        say("interrupted", streamer.summary["flows"]["open"])
    """)
    program.expect("ready")
    time.sleep(0.3)
    begun = time.monotonic()
    program.process.send_signal(signal.SIGINT)
    program.expect("interrupted 0")
    assert time.monotonic() - begun < patience(1)
    program.end()


def test_ctrl_c_ends_a_conversion_of_a_live_link(script):
    program = script("""
    streamer = Streamer(source="tap")
    say("ready")
    try:
        streamer.to_arrow()
    except KeyboardInterrupt:
        say("interrupted", len(streamer.summary["flows"]))
    """)
    program.expect("ready")
    wait_until_worker_runs(program.process)
    time.sleep(0.5)  # until it waits for flows
    program.process.send_signal(signal.SIGINT)
    assert program.line().startswith("interrupted")
    program.end()


def test_to_csv_of_a_live_link_completes_its_file_at_ctrl_c(wire, script, tmp_path):
    path = tmp_path / "flows.csv"
    program = script(f"""
    streamer = Streamer(source="tap")
    say("ready")
    try:
        streamer.to_csv({str(path)!r})
    except KeyboardInterrupt:
        say("interrupted")
    """)
    program.expect("ready")
    wait_until(lambda: os.path.exists(str(path) + ".part"), 10, "no file")
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    time.sleep(0.5)
    program.process.send_signal(signal.SIGINT)
    program.expect("interrupted")
    program.end()
    assert len(path.read_text().splitlines()) == 1 + 3


def test_batches_of_a_live_link_come_each_second(wire, script):
    program = script("""
    batches = Streamer(source="tap", inactive_timeout=1, settings={"flow.tcp_linger": "1s"}).batches()
    say("ready")
    say(next(batches).num_rows > 0)
    """)
    program.expect("ready")
    wait_until_worker_runs(program.process)
    time.sleep(0.5)
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    program.expect("True")
    program.end()


def test_ctrl_c_loses_no_open_flow_of_a_parquet_file(wire, script, tmp_path):
    program = script(f"""
    streamer = Streamer(source="tap", settings={{"input.filter": "tcp"}})
    say("ready")
    try:
        streamer.to_parquet({str(tmp_path / "flows.parquet")!r})
    except KeyboardInterrupt:
        import pyarrow.parquet
        say(pyarrow.parquet.read_table({str(tmp_path / "flows.parquet")!r}).num_rows)
    """)
    program.expect("ready")
    wait_until_worker_runs(program.process)
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    time.sleep(0.3)
    program.process.send_signal(signal.SIGINT)
    program.expect("3")
    program.end()


def test_user_metric_of_a_live_link(wire, script):
    program = script("""
    def count(packet, flow):
        flow.metrics["packets"] += 1
        return flow
    streamer = Streamer(source="tap", inactive_timeout=1, user_metrics={"packets": count}, settings={"flow.tcp_linger": "1s"})
    flows = iter(streamer)
    say("ready")
    for count in range(3):
        flow = next(flows)
        say(flow.metrics["packets"] == flow.src_to_dst_pkts + flow.dst_to_src_pkts > 20)
    """)
    program.expect("ready")
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    for _ in range(3):
        program.expect("True")
    program.end()


def test_packets_that_a_slow_user_metric_loses_are_counted(wire, script):
    program = script("""
    def slow(packet, flow):
        time.sleep(0.0005)
        return flow
    streamer = Streamer(source="tap", user_metrics={"slow": slow}, inactive_timeout=1, settings={"input.ring_frames": 512})
    flows = iter(streamer)
    say("ready")
    sent, packets = int(sys.stdin.readline()), streamer.summary["packets"]
    while packets["received"] + packets["kernel_dropped"] < sent:
        time.sleep(0.05)
        packets = streamer.summary["packets"]
    say(json.dumps(packets))
    """)
    program.expect("ready")
    sent = wire.send("--topspeed", "--loop", "10", capture("mixed.pcap"))
    program.process.stdin.write(f"{sent}\n")
    program.process.stdin.flush()
    packets = json.loads(program.line())
    assert sent == 4750 and packets["kernel_dropped"] > 0
    program.end()


def test_process_may_capture_live_many_times(wire, script):
    program = script("""
    for time in range(5):
        for flow in Streamer(source="tap", settings={"input.duration": "100ms"}): pass
    """, LIVE, "say(next(flows).application_name)")
    program.expect("ready")
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    program.expect("TLS.Instagram")
    program.end()


def test_process_may_capture_from_two_interfaces_at_once(wire, script):
    for words in (("link", "add", "name", "near", "type", "veth", "peer", "far"), ("link", "set", "near", "up"),
                  ("link", "set", "far", "up")):
        subprocess.run(["ip", "-n", wire.sensor, *words], check=True)
    program = script("""
    options = {"inactive_timeout": 1, "settings": {"flow.tcp_linger": "1s", "input.filter": "tcp"}}
    one, other = iter(Streamer(source="tap", **options)), iter(Streamer(source="near", **options))
    say("ready")
    say(next(one).application_name, next(other).application_name)
    """)
    program.expect("ready")
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    subprocess.run([*inside(wire.sensor), "tcpreplay", "-q", "-i", "far", capture("tls12_instagram.pcap")], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    program.expect("TLS.Instagram TLS.Instagram")
    program.end()


def test_second_capture_from_an_interface_says_why_not(script):
    program = script(LIVE, """
    try:
        next(iter(Streamer(source="tap")))
    except RuntimeError as error:
        say(error)
    flows.close()
    iter(Streamer(source="tap"))
    """)
    program.expect("ready")
    program.expect("tap: another capture of this process reads from it")
    program.end()


def test_program_may_end_in_the_middle_of_a_live_loop(script):
    program = script(LIVE, "raise SystemExit(3)")
    program.expect("ready")
    program.end(code=3)


def test_live_fields_have_values(wire, script):
    program = script(LIVE, """
    flow = next(flows)
    say(len(flow.boot_id), flow.timestamp_source)
    """)
    program.expect("ready")
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    assert program.line() in ("16 kernel", "16 tsc")
    program.end()


def test_interface_that_goes_away_is_one_line(wire, script):
    program = script(LIVE, """
    try:
        next(flows)
    except RuntimeError as error:
        say(error)
    """)
    program.expect("ready")
    subprocess.run(["ip", "-n", wire.sensor, "link", "del", "tap"], check=True)
    program.expect("tap: the interface was removed")
    program.end()


def test_without_privileges_the_error_is_one_line(script):
    program = script("""
    os.setuid(65534)
    try:
        for flow in Streamer(source="tap"): pass
    except RuntimeError as error:
        say(str(error).count(chr(10)), "tap" in str(error))
    """)
    program.expect("0 True")
    program.end()
