"""The faults of a soak: what happens outside spanflowd while it runs."""
import contextlib
import os
import random
import signal
import threading
import time

from sensor import scrape, write_config
from support.links import command

FLOWS_LAST_S = 4  # longer than the inactive timeout of both configurations


class Stage:
    """What the faults act on: the process, its link, broker, disk, configuration and readers."""

    def __init__(self, **parts):
        self.__dict__.update(parts)
        self.variant = 0

    def signal(self, number):
        os.kill(self.pid, number)

    def reload(self):
        self.variant += 1
        write_config(self.config_file, *self.config_arguments, variant=self.variant)
        self.signal(signal.SIGHUP)


@contextlib.contextmanager
def reloads(stage):
    stage.reload()
    yield
    stage.reload()


@contextlib.contextmanager
def interface_down(stage):
    command("ip", "-n", stage.wire.sensor, "link", "set", "tap", "down")
    yield
    command("ip", "-n", stage.wire.sensor, "link", "set", "tap", "up")


@contextlib.contextmanager
def disk_full(stage):
    stage.files.paused.set()
    stage.disk.fill()
    yield
    stage.disk.free()
    stage.files.paused.clear()


@contextlib.contextmanager
def broker_away(stage):
    stage.broker.stop()
    yield
    stage.broker.start()


@contextlib.contextmanager
def broker_hangs(stage):
    os.kill(stage.broker.pid(), signal.SIGSTOP)
    yield
    os.kill(stage.broker.pid(), signal.SIGCONT)


@contextlib.contextmanager
def slow_reader(stage):
    stage.pipe.paused.set()
    yield
    stage.pipe.paused.clear()


@contextlib.contextmanager
def rotations(stage):
    for _ in range(5):
        stage.signal(signal.SIGUSR1)
        time.sleep(0.1)
    yield


@contextlib.contextmanager
def flood(stage):
    with stage.flood:
        yield


@contextlib.contextmanager
def flood_without_broker(stage):
    """The most that waits for the broker: the records of a whole flood."""
    with broker_away(stage):
        with stage.flood:
            yield
        time.sleep(FLOWS_LAST_S)


@contextlib.contextmanager
def stopped_process(stage):
    stage.signal(signal.SIGSTOP)
    yield
    stage.signal(signal.SIGCONT)


@contextlib.contextmanager
def many_scrapes(stage):
    for _ in range(10):
        scrape(stage.wire)
    yield


# Each fault, and its longest duration relative to that of the other faults.
FAULTS = {reloads: 1, interface_down: 1, disk_full: 1, broker_away: 1, broker_hangs: 1, slow_reader: 1, rotations: 0.1,
          flood: 1, flood_without_broker: 1, stopped_process: 0.3, many_scrapes: 0.1}


class Faults(threading.Thread):
    """First causes every fault once, as long as a fault may last. Then causes faults at random, one after the other."""

    def __init__(self, stage, seed, longest_s):
        super().__init__(daemon=True)
        self.stage, self.random, self.longest_s = stage, random.Random(seed), longest_s
        self.now, self.counts, self.error = "", {fault.__name__: 0 for fault in FAULTS}, None
        self.warm, self.stopping = threading.Event(), threading.Event()

    def run(self):
        try:
            for fault in self.random.sample(list(FAULTS), len(FAULTS)):
                self.cause(fault, self.longest_s * FAULTS[fault])
            self.warm.set()
            while not self.stopping.is_set():
                fault = self.random.choice(list(FAULTS))
                self.cause(fault, self.longest_s * FAULTS[fault] * self.random.random())
        except Exception as error:  # pylint: disable=broad-except  # reported by the thread that joins this one
            self.error = error
            self.warm.set()

    def cause(self, fault, seconds):
        if self.stopping.is_set():
            return
        self.now = fault.__name__
        self.counts[self.now] += 1
        with fault(self.stage):
            self.stopping.wait(seconds)
        self.now = ""
        self.stopping.wait(self.random.uniform(0.2, 0.5) * self.longest_s)


class Calm(Faults):
    """No faults, but a warm-up of this time."""

    def __init__(self, warm_up_s):
        super().__init__(None, 0, 0)
        self.warm_up_s = warm_up_s

    def run(self):
        self.stopping.wait(self.warm_up_s)
        self.warm.set()
