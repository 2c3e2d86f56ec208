"""Checks files of records: rotation, compression, whole files after a crash, and that no other sink delays a file."""
import contextlib
import glob
import os
import random
import re
import signal
import subprocess
import time

import pytest

from support import build, pcap_file
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.pcap_file import many_flows
from support.program import Running, need, spanflowd, text
from support.records import read_csv
from support.waiting import wait_until

SINKS = """sinks:
  - {type: csv, path: all-%H%M%S.csv, rotate_size: 64KiB}
  - {type: csv, path: few.csv.zst, rotate_size: 16KiB, fields: [ip_src, ip_dst, sequence]}
  - {type: jsonl, path: lines-%Y%m%d.jsonl.zst, rotate_size: 100KiB, compression_level: 1, fields: classic}
  - {type: jsonl, path: one.jsonl, fields: [sequence]}
"""


def lines_of(path):
    """Returns the lines of a file; fails if the last line is torn."""
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".zst"):
        need("zstd")
        content = subprocess.run(["zstd", "-dcq"], input=content, stdout=subprocess.PIPE, check=True).stdout
    assert content.endswith(b"\n"), f"{path}: its last line is torn"
    return text(content).splitlines()


def records_in(pattern):
    """Returns the lines of all completed files, without headers. Each CSV file must have a header and whole lines."""
    records = []
    for path in set(glob.glob(pattern)) - set(parts()):
        lines = lines_of(path)
        if ".csv" in path:
            header = lines.pop(0)
            assert "ip_src" in header, (path, header)
            assert_equal({line.count(",") for line in lines} - {header.count(",")}, set(), path)
        assert lines, f"{path}: a file without records"
        records += lines
    return records


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def live(path, *arguments):
    """Starts a live run that replays the capture. The inactive timeout is 200 ms, so the flows end soon after."""
    settings = ("flow.inactive_timeout=200ms", "dpi.enabled=false", "overload.enabled=false")
    return Running("-d", f"net_pcap0,rx_pcap={path}", "--quiet", *(f"-s{setting}" for setting in settings), *arguments)


def parts():
    return glob.glob("*.part")


def no_file_begins():
    """Watches the folder for longer than rotate_every. A record that comes late may begin one more file."""
    names = set(glob.glob("*"))
    time.sleep(1.5)
    return set(glob.glob("*")) == names


# --- Rotation ---


def test_nothing_is_lost_over_rotation():
    many_flows("many.pcap", 5000)
    write("c.yaml", SINKS)
    run = spanflowd("-c", "c.yaml", "-r", "many.pcap", "--quiet")
    for sink, pattern in zip(run.summary["records"]["sinks"], ("all-*.csv", "few*.csv.zst", "lines-*.jsonl.zst", "one.jsonl")):
        assert_equal((sink["delivered"], len(set(records_in(pattern)))), (5000, 5000), pattern)
    for path in glob.glob("all-*.csv"):
        assert os.path.getsize(path) <= 64 << 10, path
    assert len(glob.glob("all-*.csv")) >= 20 and len(glob.glob("few*.csv.zst")) >= 5 and len(glob.glob("lines-*")) >= 10
    assert_equal(parts(), [])


def test_a_file_is_completed_on_time_although_nothing_comes():
    with open(many_flows("many.pcap", 4000), "rb") as file:
        content = file.read()
    write("c.yaml", "sinks: [{type: csv, path: '%H%M%S.csv', rotate_every: 1s}]\nflow: {inactive_timeout: 1ms}\n")
    with Running("-c", "c.yaml", "-r", "-", "--quiet", stdin=subprocess.PIPE) as running:
        running.process.stdin.write(content)
        running.process.stdin.flush()
        wait_until(lambda: not parts() and len(records_in("*.csv")) > 900, 5, "completed files")
        wait_until(no_file_begins, 10, "the last file, because files without records are not kept")
        run = running.finish(signal.SIGTERM, within=3)
    assert_equal(len(records_in("*.csv")), run.summary["records"]["exported"])


def test_a_signal_completes_the_files():
    with open(many_flows("many.pcap", 4000), "rb") as file:
        content = file.read()
    with Running("-r", "-", "--quiet", "-s", "flow.inactive_timeout=1ms", "-w", "csv:flows.csv", "-w", "jsonl:flows.jsonl.zst",
                 stdin=subprocess.PIPE) as running:
        running.process.stdin.write(content)
        running.process.stdin.flush()
        wait_until(lambda: os.path.exists("flows.csv.part") and len(read_csv("flows.csv.part")) > 900, 3, "records")
        running.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists("flows.csv") and os.path.exists("flows.jsonl.zst"), 3, "completed files")
        assert len(records_in("flows.csv")) > 900
        run = running.finish(signal.SIGTERM, within=3)
    assert_equal(sorted(glob.glob("flows*")), ["flows.1.csv", "flows.1.jsonl.zst", "flows.csv", "flows.jsonl.zst"])
    for pattern in ("flows*.csv", "flows*.jsonl.zst"):
        assert_equal(len(records_in(pattern)), run.summary["records"]["exported"])


def test_standard_output_as_a_file_of_another_name():
    with open("out", "wb") as file:
        spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:/dev/stdout", stdout=file)
    assert read_csv("out") and not parts() and not glob.glob("/dev/stdout*.part")


@pytest.mark.parametrize("target, complaint", [
    ("jsonl:%Y/flows.jsonl", "%Y/flows.jsonl: only the name of a file may have a time in it, not a folder"),
    ("jsonl:100%.jsonl", "100%.jsonl: a conversion of strftime that strptime cannot read back")])
def test_mistake_in_a_name(target, complaint):
    run = spanflowd("-r", capture("http.pcap"), "-w", target, code=2)
    assert_equal(run.stderr, f"spanflowd: error: sinks: {complaint}\n")


def test_standard_output_cannot_be_rotated():
    run = spanflowd("-r", capture("http.pcap"), "-s", "sinks=[{type: jsonl, rotate_every: 5m}]", code=2)
    assert_equal(run.stderr, "spanflowd: error: -: only files can be rotated and compressed\n")


# --- Crashes ---


@pytest.mark.slow
@pytest.mark.parametrize("path", ["flows-%H%M%S.csv", "flows-%H%M%S.csv.zst", "flows.csv"])
def test_killed_at_any_moment(path):
    """Checks that completed files are whole, that the next run completes a killed run's files, and that no record is in
    two files."""
    many_flows("many.pcap", 40_000)
    generator = random.Random(path)
    moments = [generator.uniform(0.05, 0.5) for _ in range(10)]
    options = "" if path == "flows.csv" else ", rotate_size: 300KiB"
    write("c.yaml", f"sinks: [{{type: csv, path: '{path}', fields: [ip_src, ip_dst, src_port, sequence, end_reason]{options}}}]\n"
                    "flow: {capacity: 1000}\ndpi: {enabled: false}\n")
    completed = 0
    for moment in moments:
        with Running("-c", "c.yaml", "-r", "-", "--quiet", stdin=subprocess.PIPE) as running:
            with open("many.pcap", "rb") as file, contextlib.suppress(BrokenPipeError):
                end = time.monotonic() + moment * build.slowness
                while time.monotonic() < end and (block := file.read(65536)):
                    running.process.stdin.write(block)
                    running.process.stdin.flush()
                    time.sleep(0.002)  # spreads the input over time, so that the kill comes in the middle
            running.process.kill()
            running.process.wait()
        records_in("flows*")
        left = parts()
        spanflowd("-r", capture("dns.pcap"), "-c", "c.yaml", "--quiet")
        assert_equal(parts(), [])
        completed += len(left)
        sequences = [line for line in records_in("flows*") if line.startswith("10.") and ",10.9.9.9," in line]
        for name in glob.glob("flows*"):
            os.unlink(name)
        assert_equal(len(set(sequences)), len(sequences), "records in two files")
    assert completed > 0, "no run was killed while it had a file open"


def test_the_line_that_says_so():
    write("flows.csv.part", "ip_src\n1.1.1.1\n2.2.")
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:flows.csv", "-s", "output.fields=[ip_src]")
    assert_equal(run.stderr, "spanflowd: warning: flows.csv.part: a run that crashed or was killed left this file: "
                             "completed as flows.1.csv, without 4 octets of an incomplete last line\n")
    assert_equal(lines_of("flows.1.csv"), ["ip_src", "1.1.1.1"])


def test_a_second_process_does_not_touch_the_files_of_the_first():
    with Running("-r", "-", "--quiet", "-w", "csv:flows-%Y.csv", stdin=subprocess.PIPE) as running:
        part = wait_until(parts, 3, "the file of the first run")[0]
        run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:flows-%Y.csv", code=1)
        assert_equal(run.stderr, f"spanflowd: error: {part[:-5]}: cannot be written: another process writes {part}\n")
        running.process.stdin.close()
        running.process.wait(timeout=patience(5))


# --- Beside a sink that fails ---


def test_a_pipe_that_nobody_reads_beside_a_file():
    """The run is live, so a full pipe does not delay the file. Records that the pipe does not take are dropped and
    counted."""
    many_flows("many.pcap", 20_000)
    os.mkfifo("pipe")
    write("c.yaml", "sinks:\n  - {type: jsonl, path: pipe, queue: 2000}\n  - {type: csv, path: flows.csv, fields: classic}\n")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.DEVNULL)
    reader.send_signal(signal.SIGSTOP)
    try:
        with live("many.pcap", "-c", "c.yaml") as running:
            reader.send_signal(signal.SIGCONT)  # spanflowd can open the pipe only while the reader runs
            wait_until(lambda: os.path.exists("flows.csv.part") and os.path.getsize("flows.csv.part") > 0, 20, "a first record")
            reader.send_signal(signal.SIGSTOP)
            wait_until(lambda: len(read_csv("flows.csv.part")) == 20_000, 5, "all records in the file")
            run = running.finish(signal.SIGTERM, within=3, code=1)
    finally:
        reader.kill()
        reader.wait()
    stuck, file_sink = run.summary["records"]["sinks"]
    assert_equal((file_sink["handed"], file_sink["delivered"]), (20_000, 20_000))
    assert_equal(len(read_csv("flows.csv")), 20_000)
    assert stuck["dropped"]["queue_full"] > 0, stuck
    assert_equal(stuck["delivered"] + sum(stuck["dropped"].values()), 20_000, str(stuck))


@pytest.mark.root
@pytest.mark.parametrize("name", ["flows.csv", "flows.csv.zst"])
def test_a_disk_that_is_full_for_a_while(name):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    many_flows("many.pcap", 20_000)
    os.mkdir("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", "disk"], stderr=subprocess.PIPE, check=False)
    if made.returncode != 0:
        pytest.skip("no mounts here")
    try:
        with live("many.pcap", "-w", f"csv:disk/{name}") as running:
            wait_until(lambda: "No space left on device" in running.stderr(), 20, "a full disk")
            subprocess.run(["mount", "-o", "remount,size=64m", "disk"], check=True)
            running.wait_for(lambda summary: summary["records"]["sinks"][0]["delivered"] == 20_000, 10, "all records written")
            run = running.finish(signal.SIGTERM, within=3)
        assert_equal(len(records_in(f"disk/{name}")), 20_000)
        assert_equal(run.summary["records"]["sinks"][0]["delivered"], 20_000)
    finally:
        subprocess.run(["umount", "-l", "disk"], check=False)


# --- Texts from packets ---

AGENT = b"curl/7.88.1"


def user_agents(agent, *arguments):
    """Returns the user agents of a capture in which curl calls itself `agent`, of at most 7 octets."""
    another_header = agent.encode() + b"\r\nX:"
    frames = pcap_file.read(capture("http.pcap"))
    for frame in frames:
        frame.data = frame.data.replace(AGENT, another_header.ljust(len(AGENT)))
    pcap_file.write("agent.pcap", frames)
    run = spanflowd("-r", "agent.pcap", "--quiet", "-w", "csv:-", "-s", "output.fields=[http_user_agent]", *arguments)
    return {line for line in run.stdout.splitlines() if "Mozilla" not in line}


@pytest.mark.parametrize("agent, shown", [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"), ("\uff1d1", "'\uff1d1"),
    ('=A1,"x"', '"\'=A1,""x"""'), ("1=-", "1=-"), ("\u00e9t\u00e9", "\u00e9t\u00e9")])
def test_a_spreadsheet_gets_texts_and_no_formulas(agent, shown):
    assert shown in user_agents(agent, "-s", "output.spreadsheet_safe=true")


def test_other_readers_get_texts_as_they_were_sent():
    assert "=1+1" in user_agents("=1+1")


@pytest.mark.parametrize("agent, shown", [
    ("a\u202eb", "a\\xE2\\x80\\xAEb"), ("\u2066b", "\\xE2\\x81\\xA6b"), ("\u061cb", "\\xD8\\x9Cb"),
    ("a\u2028b", "a\\xE2\\x80\\xA8b"), ("\x1b[1m", "\\x1B[1m"), ("\x9b1m", "\\xC2\\x9B1m"), ("\\x1Bz", "\\x5Cx1Bz"),
    ("\\\x1b", "\\\\x1B"), ("C:\\xyz", "C:\\xyz")])
def test_no_text_reaches_a_reader_with_characters_that_act(agent, shown):
    """And a reader can undo the change."""
    assert shown in user_agents(agent)
    undone = re.sub(rb"\\x([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), shown.encode())
    assert_equal(undone, agent.encode())
