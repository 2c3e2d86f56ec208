"""Checks inputs and targets that fail. The run must write one clear error line, have the right exit code, and write
records for all metered packets."""
import gzip
import os
import subprocess

import pytest

from support import pcap_file
from support.build import binary
from support.captures import capture
from support.cases import named
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.program import Running, spanflowd
from support.records import read_csv, records_of, sorted_records


def content_of(name):
    with open(capture(name), "rb") as file:
        return file.read()


def store(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path


def metered(path, code=0):
    """Reads the capture to flows.csv, checks the sums, and returns the run."""
    run = spanflowd("-r", path, "--quiet", "-w", "csv:flows.csv", code=code)
    assert_sums(read_csv("flows.csv"), run.summary)
    return run


@pytest.mark.parametrize("extra", named(
    ("inside a record's header", 7), ("inside a packet", 16 + 30), ("just before a packet's data", 16), ("at the last octet", -1)))
def test_capture_cut(extra):
    offsets = pcap_file.offsets(capture("http.pcap"))
    packets = len(offsets) - 2 if extra < 0 else 30
    end = offsets[-1] - 1 if extra < 0 else offsets[packets] + extra
    run = metered(store("cut.pcap", content_of("http.pcap")[:end]))
    assert_equal(run.summary["packets"]["received"], packets)
    lines = run.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("spanflowd: warning: cut.pcap: "), run.stderr
    assert "cut short" in lines[0] or "truncated" in lines[0], run.stderr


def test_capture_cut_between_packets_is_whole():
    offsets = pcap_file.offsets(capture("http.pcap"))
    run = metered(store("cut.pcap", content_of("http.pcap")[:offsets[30]]))
    assert_equal((run.summary["packets"]["received"], run.stderr), (30, ""))


@pytest.mark.parametrize("name", ["http.pcapng", "http.pcap.gz"])
def test_cut(name):
    content = content_of(name)
    run = metered(store("cut", content[:len(content) * 2 // 3]))
    assert 0 < run.summary["packets"]["received"] < 58, run.summary["packets"]
    lines = run.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("spanflowd: warning: cut: "), run.stderr


def test_cut_zstd():
    # The file must have several zstd blocks, because nothing can be read from the block that is cut.
    frames = pcap_file.read(capture("mixed.pcap"))
    pcap_file.write("long.pcap", frames * 5)
    subprocess.run(["zstd", "-q", "--no-progress", "long.pcap", "-o", "long.zst"], check=True)
    with open("long.zst", "rb") as file:
        content = file.read()
    run = metered(store("cut", content[:len(content) - 1000]))
    assert 0 < run.summary["packets"]["received"] < 5 * len(frames)
    assert run.stderr.startswith("spanflowd: warning: cut: "), run.stderr


@pytest.mark.parametrize("name", ["http.pcap", "http.pcapng", "http.pcap.gz"])
def test_cut_on_standard_input(name):
    content = content_of(name)
    run = spanflowd("-r", "-", "--quiet", "-w", "csv:-", stdin=content[:len(content) * 2 // 3])
    assert run.stderr.startswith("spanflowd: warning: standard input: "), run.stderr


def test_cut_file_does_not_keep_the_next_from_being_read():
    store("cut.pcap", content_of("http.pcap")[:-5])
    found, summary = records_of("cut.pcap", capture("dns.pcap"))
    assert_equal(sum(r["application_name"].startswith("DNS") for r in found),
                 sum(r["application_name"].startswith("DNS") for r in records_of(capture("dns.pcap"))[0]))
    assert_equal(summary["packets"]["received"], 57 + records_of(capture("dns.pcap"))[1]["packets"]["received"])


@pytest.mark.parametrize("content", named(
    ("text", b"This is no capture, but long enough to be one, one should think.\n"),
    ("empty", b""),
    ("three octets", b"\xd4\xc3\xb2"),
    ("a header cut short", b"\xd4\xc3\xb2\xa1\x02\0\x04\0"),
    ("gzipped text", gzip.compress(b"This is no capture either, though it is compressed.")),
    ("gzip cut in its header", b"\x1f\x8b\x08")))
def test_no_capture(content):
    store("input", content)
    run = spanflowd("-r", "input", "--quiet", "-w", "csv:flows.csv", code=1)
    lines = run.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("spanflowd: error: input: not a capture: "), run.stderr


def test_no_capture_on_standard_input():
    run = spanflowd("-r", "-", "--quiet", stdin=b"GET / HTTP/1.0\r\n\r\n" * 10, code=1)
    assert run.stderr.startswith("spanflowd: error: standard input: not a capture: "), run.stderr


def test_missing_capture():
    run = spanflowd("-r", "absent.pcap", "--quiet", code=1)
    assert_equal(run.stderr, "spanflowd: error: absent.pcap: cannot be opened: No such file or directory\n")


def test_missing_second_capture_is_named_and_the_others_are_read():
    run = metered_files([capture("http.pcap"), "absent.pcap"])
    assert run.stderr.startswith("spanflowd: warning: absent.pcap: cannot be opened: No such file or directory\n"), run.stderr


def test_directory_as_capture():
    run = spanflowd("-r", ".", "--quiet", code=1)
    assert_equal(run.stderr, "spanflowd: error: .: cannot be opened: it is a directory\n")


def test_second_file_is_no_capture():
    store("second", b"This is no capture, but long enough to be one, one should think.\n")
    run = metered_files([capture("http.pcap"), "second"])
    assert run.stderr.startswith("spanflowd: warning: second: not a capture: "), run.stderr


def metered_files(paths):
    """Asserts that the first file is read in full and that the run fails. Returns the run."""
    run = spanflowd("-r", *paths, "--quiet", "-w", "csv:flows.csv", code=1)
    assert_equal(sorted_records(read_csv("flows.csv")), sorted_records(records_of(paths[0])[0]))
    return run


def test_damage_in_the_middle_ends_the_reading():
    content = content_of("http.pcap")
    at = pcap_file.offsets(capture("http.pcap"))[30]
    run = metered(store("damaged.pcap", content[:at] + b"\xff" * 16 + content[at + 16:]), code=1)
    assert_equal(run.summary["packets"]["received"], 30)
    assert run.stderr.startswith(f"spanflowd: error: damaged.pcap: offset {at}"), run.stderr


def test_damage_in_the_middle_of_compressed_data():
    content = content_of("http.pcap.gz")
    run = metered(store("damaged.gz", content[:6000] + b"\xff" * 200 + content[6200:]), code=1)
    assert run.summary["packets"]["received"] > 0
    assert run.stderr.startswith("spanflowd: error: damaged.gz: offset "), run.stderr


def test_flipped_octets_never_crash_and_always_balance():
    content = content_of("mixed.pcap")
    step = len(content) // 40
    for at in range(24, len(content), step):
        damaged = content[:at] + bytes(255 - octet for octet in content[at:at + 3]) + content[at + 3:]
        with open("damaged.pcap", "wb") as file:
            file.write(damaged)
        # spanflowd() would check for one exit code, but both 0 and 1 are right.
        done = subprocess.run([binary(), "-r", "damaged.pcap", "--quiet", "-w", "csv:flows.csv"],
                              stderr=subprocess.PIPE, check=False)
        assert done.returncode in (0, 1), (at, done.returncode, done.stderr)


# --- Targets ---


@pytest.mark.parametrize("target, reason", named(
    ("folder that is not there", "no/where.csv", "No such file or directory"),
    ("directory", ".", "Is a directory"),
    ("full disk", "/dev/full", "No space left on device")))
def test_unwritable_target(target, reason):
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", f"csv:{target}", code=1)
    assert_equal(run.stderr, f"spanflowd: error: {target}: cannot be written: {reason}\n")


def test_full_disk_drops_are_counted_and_do_not_touch_the_other_sink():
    run = spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "jsonl:/dev/full", "-w", "csv:flows.csv", code=1)
    full, file = run.summary["records"]["sinks"]
    assert_equal((full["delivered"], full["dropped"]["write_failed"]), (0, full["handed"]))
    assert_equal((file["delivered"], len(read_csv("flows.csv"))), (file["handed"], file["handed"]))


def test_standard_output_closed_early_ends_the_run():
    pcap_file.write("long.pcap", [
        pcap_file.Frame(1_700_000_000, 0, pcap_file.udp(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "10.9.9.9"))
        for n in range(50_000)])
    with Running("-r", "long.pcap", "--quiet", stdout=subprocess.PIPE) as running:
        assert running.process.stdout.readline().startswith(b"{")
        running.process.stdout.close()
        run = running.finish(within=10, code=1)
    assert_equal(run.stderr, "spanflowd: error: standard output: cannot be written: nobody reads it\n")
    assert run.summary["records"]["sinks"][0]["dropped"]["write_failed"] > 0


def test_standard_output_that_is_closed_already():
    """Regression: the kernel gave the capture the free descriptor number of standard output, and spanflowd wrote the
    records into the capture."""
    content = content_of("http.pcap")
    store("copy.pcap", content)
    done = subprocess.run(["bash", "-c", '"$0" "$@" >&-', binary(), "-r", "copy.pcap", "--quiet"],
                          stderr=subprocess.PIPE, check=False)
    with open("copy.pcap", "rb") as file:
        assert file.read() == content, "the capture has been written to"
    assert_equal(done.returncode, 1)
    assert done.stderr.decode().startswith("spanflowd: error: "), done.stderr
