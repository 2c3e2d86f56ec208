"""Runs spanflowd to its end, or in the background."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

from support.build import binary, patience
from support.ledgers import assert_balanced
from support.waiting import wait_until


def need(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))


def need_host(name):
    try:
        socket.getaddrinfo(name, None)
    except socket.gaierror as error:
        pytest.skip(f"no address of {name}, which /etc/hosts should have: {error}")


def text(output):
    return "" if output is None else output.decode("utf-8")


def command_line(summary_file, arguments):
    """Returns the command of a run. A live run serves Prometheus metrics only if the case sets telemetry.listen,
    because runs at the same time would use the same port."""
    words = [str(each) for each in arguments]
    quiet = {"-i", "-d"} & set(words) and not any("telemetry.listen" in word for word in words)
    return [binary(), "--summary", summary_file, *(["-s", "telemetry.listen=off"] if quiet else []), *words]


class Run:
    """The result of a run. `summary` is None if the run wrote no summary."""

    def __init__(self, code, stdout, stderr, summary):
        self.code, self.stdout, self.stderr, self.summary = code, stdout, stderr, summary


def read_summary(path):
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def spanflowd(*arguments, code=0, stdin=None, timeout=60, **options):
    """Runs spanflowd to its end, checks the exit code, and checks the ledgers if the run wrote a summary."""
    with tempfile.TemporaryDirectory() as folder:
        summary_file = os.path.join(folder, "summary.json")
        command = command_line(summary_file, arguments)
        done = subprocess.run(command, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                              timeout=patience(timeout), check=False, **options)
        run = Run(done.returncode, text(done.stdout), text(done.stderr), read_summary(summary_file))
    assert run.code == code, f"exit code {run.code}, expected {code}: {' '.join(command)}\n{run.stderr}"
    if run.summary is not None:
        assert_balanced(run.summary)
    return run


def lost_packets(summary):
    return sum(summary["packets"][name] for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"))


class Running:
    """spanflowd in the background, as a context manager. If the process still runs at the end of the block, it is
    killed."""

    def __init__(self, *arguments, prefix=(), **options):
        self.folder = tempfile.TemporaryDirectory()
        self.summary_file = os.path.join(self.folder.name, "summary.json")
        self.stderr_file = open(os.path.join(self.folder.name, "stderr"), "w+b")
        self.control_socket = os.path.join(self.folder.name, "control.sock")
        given = [word.partition("=")[2] for word in map(str, arguments) if word.startswith("control.socket=")]
        if given:
            self.control_socket = given[-1]
        else:
            arguments = ("-s", f"control.socket={self.control_socket}", *arguments)
        self.process = subprocess.Popen(
            [*prefix, *command_line(self.summary_file, arguments)],
            stdin=options.pop("stdin", subprocess.DEVNULL), stdout=options.pop("stdout", subprocess.DEVNULL),
            stderr=self.stderr_file, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stderr_file.close()
        self.folder.cleanup()

    def stderr(self):
        self.stderr_file.flush()
        with open(self.stderr_file.name, "rb") as file:
            return text(file.read())

    # --- The running process ---

    def assert_alive(self):
        assert self.process.poll() is None, f"spanflowd has ended, exit code {self.process.returncode}:\n{self.stderr()}"

    def summary(self):
        """Returns the current summary, or None if the control socket does not answer yet."""
        self.assert_alive()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.control_socket)
            peer.sendall(b'{"command": "status"}\n')
            reply = peer.makefile().readline()
            return json.loads(reply)["summary"] if reply else None
        return None

    def wait_for(self, holds, within, what):
        """Waits until holds(summary) is true for the current summary, and returns this summary."""
        def right_summary():
            summary = self.summary()
            return summary if summary is not None and holds(summary) else None
        return wait_until(right_summary, within, what)

    def wait_until_started(self):
        """Waits until the control socket answers. From then on, spanflowd handles signals."""
        self.wait_for(lambda summary: True, 20, "a control socket that answers")

    def wait_until_polling(self):
        """Waits until every worker has polled for packets."""
        def all_poll(summary):
            return all(worker["worker"]["polls"] > 0 for worker in summary["per_worker"])
        self.wait_for(all_poll, 20, "workers that poll for packets")

    def wait_until_received(self, sent, within=10):
        """Waits until at least `sent` packets are counted as received or lost."""
        def arrived(summary):
            return summary["packets"]["received"] + lost_packets(summary) >= sent
        return self.wait_for(arrived, within, f"{sent} packets, received or lost")

    # --- The end of the process ---

    def finish(self, stop_signal=None, within=10, code=0):
        """Sends the signal, if any, and waits up to patience(within) seconds for the end of the run, with this exit code,
        or any if it is None. Returns the Run,
        whose `seconds` is the time from the signal to the end."""
        start = time.monotonic()
        if stop_signal is not None:
            self.process.send_signal(stop_signal)
        try:
            returned = self.process.wait(timeout=patience(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {patience(within)} s after it should end:\n{self.stderr()}") from None
        run = Run(returned, "", self.stderr(), read_summary(self.summary_file))
        run.seconds = time.monotonic() - start
        assert code in (None, run.code), f"exit code {run.code}, expected {code}:\n{run.stderr}"
        if run.summary is not None:
            assert_balanced(run.summary)
        return run
