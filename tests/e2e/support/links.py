"""Makes network namespaces joined by a veth pair."""
import contextlib
import os
import re
import signal
import subprocess

import pytest

from support.build import patience
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.program import Running, lost_packets, need
from support.waiting import wait_until

OFFLOADS = ("gro", "gso", "tso", "lro", "rx", "tx")


def command(*words, check=True):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=check).stdout.decode()


def inside(namespace):
    return ("ip", "netns", "exec", namespace)


class Link:
    """Two network namespaces joined by a veth pair. spanflowd captures on the interface `tap` in one namespace. Cases
    send on the interface `wire` in the other namespace."""

    def __init__(self):
        if os.geteuid() != 0:
            pytest.skip("network namespaces need root")
        need("ip", "tcpreplay", "ethtool")
        self.sensor, self.sender = f"e2e-sensor-{os.getpid()}", f"e2e-sender-{os.getpid()}"
        try:
            command("ip", "netns", "add", self.sensor)
            command("ip", "netns", "add", self.sender)
            command("ip", "link", "add", "tap", "netns", self.sensor, "type", "veth", "peer", "wire", "netns", self.sender)
            command(*inside(self.sensor), "true")  # ip netns exec fails if / is not a mount point
        except subprocess.CalledProcessError as error:
            self.close()
            pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
        for namespace, interface in ((self.sensor, "tap"), (self.sender, "wire")):
            command(*inside(namespace), "sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=1", check=False)
            for offload in OFFLOADS:
                command(*inside(namespace), "ethtool", "-K", interface, offload, "off", check=False)
            command("ip", "-n", namespace, "link", "set", interface, "up")

    def close(self):
        for namespace in (self.sensor, self.sender):
            command("ip", "netns", "del", namespace, check=False)

    def statistic(self, namespace, interface, name):
        return int(command(*inside(namespace), "cat", f"/sys/class/net/{interface}/statistics/{name}"))

    def send(self, *arguments):
        """Sends a capture with tcpreplay, and returns the number of packets sent."""
        said = command(*inside(self.sender), "tcpreplay", "-q", "-i", "wire", *arguments)
        return int(re.search(r"Successful packets:\s+(\d+)", said)[1])

    @contextlib.contextmanager
    def sensor_running(self, *arguments):
        with Running("-i", "tap", "--quiet", "-w", "csv:flows.csv", *arguments, prefix=inside(self.sensor)) as running:
            wait_until_capturing(running)
            yield running


@contextlib.contextmanager
def link():
    made = Link()
    try:
        yield made
    finally:
        made.close()


def listens(running):
    running.assert_alive()
    try:
        with open(f"/proc/{running.process.pid}/net/packet", encoding="utf-8") as file:
            return len(file.readlines()) > 1
    except OSError:
        return False


def names_of_threads(pid):
    names = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
            names.add(file.read().strip())  # an error: the thread has ended meanwhile
    return names


def wait_until_worker_runs(process):
    """For programs without a control socket. The worker begins when its input is open."""
    def runs():
        assert process.poll() is None, process.stderr.read()
        return "worker 0" in names_of_threads(process.pid)
    wait_until(runs, patience(20), "a worker")


def wait_until_capturing(running):
    wait_until(lambda: listens(running), 20, "a packet socket on the interface")
    running.wait_until_polling()


def send_and_stop(wire, running, *arguments, stop=signal.SIGTERM):
    """Sends a capture, waits until the run has received all packets, and stops the run. Returns (run, packets sent)."""
    sent = wire.send(*arguments)
    running.wait_until_received(sent)
    return running.finish(stop, within=3), sent


def check_run(run, sent, records):
    assert_equal((run.summary["packets"]["received"], lost_packets(run.summary)), (sent, 0))
    assert run.seconds < patience(2), f"took {run.seconds:.1f} s to stop"
    assert_sums(records, run.summary)
