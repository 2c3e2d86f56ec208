"""Runs real Kafka brokers with the script tests/kafka/broker, and reads topics with kcat."""
import collections
import os
import subprocess

import pytest

from support.build import ROOT
from support.ports import free_ports
from support.program import need

SCRIPT = os.path.join(ROOT, "tests", "kafka", "broker")
Message = collections.namedtuple("Message", "partition key value")


class Broker:
    """A context manager: the broker runs inside the with block, with its files in `folder`. The block may call stop()
    and start()."""

    def __init__(self, folder="broker", **properties):
        need("kcat")
        self.folder = os.path.abspath(folder)
        self.port = free_ports(2)  # the next port is that of the KRaft controller
        self.address = f"127.0.0.1:{self.port}"
        self.properties = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
        self.client = []  # further arguments for kcat, besides the address

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        subprocess.run([SCRIPT, "kill", self.folder], check=True)

    def start(self):
        done = subprocess.run([SCRIPT, "start", self.folder, str(self.port), *self.properties],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode == 77:
            pytest.skip(done.stderr.decode().strip())
        assert done.returncode == 0, done.stderr.decode()

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder], check=True)

    def consume(self, topic, form):
        done = subprocess.run(["kcat", "-b", self.address, *self.client, "-C", "-t", topic, "-e", "-q", "-f", form],
                              stdout=subprocess.PIPE, check=True, timeout=120)
        return done.stdout

    def messages(self, topic):
        """Returns all messages of the topic."""
        return [Message(*line.split("\t", 2)) for line in self.consume(topic, "%p\t%k\t%s\n").decode().splitlines()]

    def octets(self, topic):
        """Returns the values of all messages of the topic, as bytes."""
        values, rest = [], self.consume(topic, "%R%s")
        while rest:
            end = 4 + int.from_bytes(rest[:4], "big")
            values.append(rest[4:end])
            rest = rest[end:]
        return values
