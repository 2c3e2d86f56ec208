"""Checks that records go through the descriptor that the shell gave, and that no record is lost or overwritten."""
import os
import socket
import subprocess
import threading

import pytest

from support.build import binary, patience
from support.captures import capture
from support.compare import assert_equal
from support.program import spanflowd

FIELDS = ("-s", "output.fields=[ip_src, src_port]")


@pytest.fixture(name="records")
def records_as_a_file():
    spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:expected.csv", *FIELDS)
    with open("expected.csv", encoding="utf-8") as file:
        return file.read()


def shell(script, code=0, **options):
    """Runs a script, in which `flows TARGET` writes the records of a capture to TARGET."""
    flows = f'flows() {{ "{binary()}" -r "{capture("http.pcap")}" --quiet {" ".join(map(repr, FIELDS))} -w "csv:$1" "${{@:2}}"; }}\n'
    done = subprocess.run(["bash", "-c", flows + script], check=False, timeout=patience(60), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)
    assert_equal(done.returncode, code, done.stderr.decode())
    return done.stdout.decode()


def content():
    with open("out", encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("script", [
    "flows - > out",
    "flows /dev/stdout > out",
    "flows /dev/fd/1 > out",
    "flows /proc/self/fd/1 > out",
    "flows /dev/stderr 2> out",
    "flows /dev/fd/3 3> out",
    "flows - > out 2>&1",
    "flows - 1<> out",
    "flows - | cat > out",
    "flows - | tee out > copy",
    "flows /dev/stdout > >(cat > out); wait $!",
    "flows >(cat > out); wait $!",
    "ln -s /dev/stdout link; flows link > out",
    "ln -s /dev/fd/3 link; flows link 3> out",
])
def test_records_are_those_of_a_file(script, records):
    shell(script)
    assert_equal(content(), records)


@pytest.mark.parametrize("target", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_group_of_commands_keeps_everything_in_order(target, records):
    shell(f"{{ echo A; flows {target}; echo B; }} > out")
    assert_equal(content(), "A\n" + records + "B\n")


@pytest.mark.parametrize("script", ["flows - >> out", "flows /dev/stdout >> out", "flows /dev/stderr 2>> out", "flows /dev/fd/7 7>> out"])
def test_append_stays_append(script, records):
    shell(f"echo A > out; {script}; {script}; echo B >> out")
    assert_equal(content(), "A\n" + 2 * records + "B\n")


def test_two_sinks_of_one_descriptor_are_refused():
    assert_equal(shell("flows - -w jsonl:/dev/stdout 2>&1", code=2), "spanflowd: error: sinks: two sinks write to -\n")


@pytest.mark.parametrize("script", ["flows /dev/fd/9 9>&-", "flows /dev/fd/9 9< /dev/null", "flows - >&-", "flows - > out --summary /dev/fd/8 8>&-"])
def test_a_descriptor_that_cannot_be_written_is_one_line(script):
    done = shell(script + ' 2> errors; code=$?; cat errors; exit $code', code=1)
    assert "cannot be written: Bad file descriptor" in done, done
    assert_equal(done.count("\n"), 1, done)


def test_a_socket_gets_every_record(records):
    ours, theirs = socket.socketpair()
    received = []
    reader = threading.Thread(target=lambda: received.extend(iter(lambda: ours.recv(512), b"")))
    reader.start()
    subprocess.run([binary(), "-r", capture("http.pcap"), "--quiet", *FIELDS, "-w", "csv:-"], stdout=theirs, check=True,
                   timeout=patience(60))
    theirs.close()
    reader.join(patience(10))
    assert_equal(b"".join(received).decode(), records)


@pytest.mark.parametrize("summary", ["-", "/dev/stdout", "/dev/fd/1"])
def test_summary_follows_the_records(summary, records):
    shell(f"{{ echo A; flows - --summary {summary}; echo B; }} > out")
    whole = content()
    assert whole.startswith("A\n" + records + "{"), whole
    assert whole.endswith("}\nB\n"), whole


def test_summary_replaces_a_longer_file(records):
    with open("summary.json", "w", encoding="utf-8") as file:
        file.write("x" * 1_000_000)
    shell("flows - --summary summary.json > out")
    assert_equal(content(), records)
    assert os.path.getsize("summary.json") < 100_000


@pytest.mark.parametrize("source", ["-", "/dev/stdin", "/dev/fd/0", "<(cat capture)"])
def test_input_begins_where_the_descriptor_stands(source):
    """The shell's `read` takes the first line, and spanflowd reads the capture that follows."""
    with open(capture("http.pcap"), "rb") as file, open("capture", "wb") as copy:
        copy.write(file.read())
    with open("both", "wb") as both, open("capture", "rb") as file:
        both.write(b"line\n" + file.read())
    shell(f'{{ read -r line; "{binary()}" -r {source} --quiet {" ".join(map(repr, FIELDS))} -w csv:out; }} < both')
    assert_equal(content().count("\n"), 1 + len(spanflowd("-r", "capture", "--quiet", "-w", "csv:-").stdout.splitlines()[1:]))
