"""Real Kafka brokers for the cases: tests/kafka/broker, and kcat to read with."""
import collections
import os
import random
import socket
import subprocess

from harness import ROOT, Skip, need

SCRIPT = os.path.join(ROOT, "tests", "kafka", "broker")
Message = collections.namedtuple("Message", "partition key value")


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port():
    """One that is free, as is the next. Below those that the kernel gives to clients: a broker that starts again needs it again."""
    return next(port for port in iter(lambda: random.randrange(20000, 30000), None) if is_free(port) and is_free(port + 1))


class Broker:
    """In the folder of the case: with it, stop() and start() it again. Gone at the end of the block."""

    def __init__(self, **properties):
        need("kcat")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.properties = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
        self.client = []  # what kcat needs besides the address

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        subprocess.run([SCRIPT, "kill", "broker"], check=True)

    def start(self):
        done = subprocess.run([SCRIPT, "start", "broker", str(self.port), *self.properties],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode == 77:
            raise Skip(done.stderr.decode().strip())
        assert done.returncode == 0, done.stderr.decode()

    def stop(self):
        subprocess.run([SCRIPT, "stop", "broker"], check=True)

    def messages(self, topic):
        """All that the topic holds."""
        done = subprocess.run(["kcat", "-b", self.address, *self.client, "-C", "-t", topic, "-e", "-q", "-f", "%p\t%k\t%s\n"],
                              stdout=subprocess.PIPE, check=True, timeout=120)
        return [Message(*line.split("\t", 2)) for line in done.stdout.decode().splitlines()]

    def octets(self, topic):
        """The values of all messages that the topic holds, as they are."""
        done = subprocess.run(["kcat", "-b", self.address, *self.client, "-C", "-t", topic, "-e", "-q", "-f", "%R%s"],
                              stdout=subprocess.PIPE, check=True, timeout=120)
        values, rest = [], done.stdout
        while rest:
            end = 4 + int.from_bytes(rest[:4], "big")
            values.append(rest[4:end])
            rest = rest[end:]
        return values
