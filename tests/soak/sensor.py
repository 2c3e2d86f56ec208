"""The network, the broker, the disk and the configuration of a soak."""
import collections
import contextlib
import os
import subprocess
import threading
import time

import yaml

from support import pcap_file
from support.broker import SCRIPT
from support.captures import CAPTURES
from support.links import command, inside
from support.program import need

TOPIC = "flows"
BROKER_PORT = 9092  # in the namespace of the sensor, which no other process uses
METRICS = "127.0.0.1:9752"
DISK_OCTETS = 256 << 20
GENERATED = (("mixed", 2000, 60_000), ("zipf", 3000, 30_000))
FLOOD_FLOWS, FLOOD_PER_S = 150_000, 30_000
FRAGMENTED = ("fragments.pcap", "tunnels.pcap")  # the kernel puts fragments together, so these packets cannot be counted


def captures():
    """Returns the captures of tests/captures that tcpreplay can send over Ethernet."""
    found = []
    for name in sorted(os.listdir(CAPTURES)):
        path = os.path.join(CAPTURES, name)
        if not name.endswith(".pcap") or name in FRAGMENTED or name.endswith("_nano.pcap"):
            continue
        with open(path, "rb") as file:
            if int.from_bytes(file.read(24)[20:24], "little") == pcap_file.ETHERNET:
                found.append(path)
    return found


class Traffic:
    """Sends captures in a loop, each time with other IPv4 addresses, so that there are always new flows."""

    def __init__(self, wire, files, packets_per_s):
        self.arguments = [*inside(wire.sender), "tcpreplay", "-q", "-i", "wire", f"--pps={packets_per_s}", "--loop=100000000",
                          "--unique-ip", "--preload-pcap", *files]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def assert_alive(self):
        assert self.process.poll() is None, f"tcpreplay has ended, exit code {self.process.returncode}"


class Disk:
    """A file system of its own in memory, so that it can be filled without harm."""

    def __init__(self, folder):
        self.folder = folder
        self.filler = os.path.join(folder, "filler")

    def __enter__(self):
        os.makedirs(self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS}", "tmpfs", self.folder], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=True)  # a reader may still have a file open

    def fill(self):
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))

    def free(self):
        os.remove(self.filler)


class SensorBroker:
    """A Kafka broker in the network namespace of the sensor. It keeps little, so that a long soak does not fill a disk."""

    def __init__(self, wire, folder):
        need("kcat", "java")
        self.wire, self.folder = wire, folder
        self.address = f"127.0.0.1:{BROKER_PORT}"
        self.client = [*inside(wire.sensor), "kcat", "-b", self.address]

    def script(self, *arguments):
        done = subprocess.run([*inside(self.wire.sensor), SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        assert done.returncode == 0, f"{SCRIPT} {' '.join(arguments)}: {done.stdout.decode()}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.script("kill", self.folder)

    def start(self):
        self.script("start", self.folder, str(BROKER_PORT), "num.partitions=4", "log.segment.bytes=33554432",
                    "log.retention.bytes=67108864", "log.retention.check.interval.ms=10000")

    def stop(self):
        self.script("stop", self.folder)

    def pid(self):
        with open(os.path.join(self.folder, "pid"), encoding="utf-8") as file:
            return int(file.read())

    def messages(self):
        """Returns how many messages the topic has got. Each of its partitions numbers its messages from 0."""
        ask = [word for partition in range(4) for word in ("-t", f"{TOPIC}:{partition}:-1")]
        said = subprocess.run([*self.client, "-Q", *ask], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()
        return sum(int(line.rsplit(" ", 1)[1]) for line in said.splitlines())


class PipeReader(threading.Thread):
    """Counts the lines that come through a named pipe. While `paused` is set, it reads nothing."""

    def __init__(self, path):
        super().__init__(daemon=True)
        os.mkfifo(path)
        self.path, self.lines, self.paused = path, 0, threading.Event()

    def run(self):
        with open(self.path, "rb", buffering=0) as pipe:
            while octets := pipe.read(1 << 16):
                self.lines += octets.count(b"\n")
                while self.paused.is_set():
                    time.sleep(0.05)


class FileReader(threading.Thread):
    """Takes every complete file, as a consumer of files does: counts its records by the first part of its name and its
    type, and deletes it. While `paused` is set, it takes none."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.records, self.files, self.error = folder, collections.Counter(), 0, None
        self.paused, self.stopping = threading.Event(), threading.Event()

    def run(self):
        try:
            while not self.stopping.wait(1):
                if not self.paused.is_set():
                    self.take_all()
            self.take_all()
        except Exception as error:  # pylint: disable=broad-except  # reported by the thread that joins this one
            self.error = error

    def take_all(self):
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            kind = name[:name.index("-")] if "-" in name else ""
            if name.endswith(".jsonl"):
                with open(path, "rb") as file:
                    self.records[kind + ".jsonl"] += sum(1 for _ in file)
            elif name.endswith(".csv.zst"):
                text = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
                self.records[kind + ".csv"] += text.count(b"\n") - 1  # without the header
            else:
                continue
            self.files += 1
            os.remove(path)


def config(folder, disk, control_socket, variant=0):
    """Returns the configuration. Each `variant` differs in what a reload may change: timeouts, filter and sinks."""
    sinks = [
        {"type": "csv", "path": f"{disk}/flows-%Y%m%dT%H%M%S.csv.zst", "rotate_every": "10s", "fields": ["nfstream"]},
        {"type": "jsonl", "path": f"{disk}/flows-%Y%m%dT%H%M%S.jsonl", "rotate_size": "16MiB"},
        {"type": "jsonl", "path": f"{folder}/pipe", "fields": ["classic"]},
        {"type": "kafka", "brokers": f"127.0.0.1:{BROKER_PORT}", "topic": TOPIC,
         "spool": {"path": f"{folder}/spool", "mode": "on_failure", "max_bytes": "1GiB"}},
    ]
    if variant % 2:
        sinks.append({"type": "csv", "path": f"{disk}/added-%Y%m%dT%H%M%S.csv.zst", "rotate_every": "10s"})
    return {
        "sensor_id": "soak",
        "workers": 2,
        "input": {"interface": "tap", "filter": "not port 7" if variant % 3 == 1 else ""},
        "decode": {"tunnels": True, "deduplicate": "10us"},
        "flow": {"active_timeout": "8s", "inactive_timeout": "2s" if variant % 2 else "3s"},
        "features": {"statistics": True, "splt": 20, "tcp": True},
        "metrics": [{"name": "large", "when": "greater 667", "count": "packets"},
                    {"name": "mean_gap", "mean": "gap", "direction": "src_to_dst"},
                    {"name": "last_window", "last": "tcp_window"}],
        "sinks": sinks,
        "telemetry": {"listen": METRICS},
        "control": {"socket": control_socket},
    }


def write_config(path, *arguments, **options):
    with open(path + ".new", "w", encoding="utf-8") as file:
        yaml.safe_dump(config(*arguments, **options), file)
    os.replace(path + ".new", path)


def scrape(wire):
    """Returns what Prometheus would get."""
    return command(*inside(wire.sensor), "curl", "-sf", "--max-time", "10", f"http://{METRICS}/metrics")
