"""Finds free ports of the loopback interface."""
import os
import random
import socket

# These ports are below the kernel's ephemeral ports, so that no client can take a broker's port during a restart.
FIRST, COUNT, WORKERS = 20000, 12000, 24


def own_range():
    """Returns the range (first, end) of ports for this pytest-xdist worker, so that cases that run at the same time use
    different ports."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    size = COUNT // WORKERS
    first = FIRST + int(worker) % WORKERS * size
    return first, first + size


def is_free(port, kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count=1, kind=socket.SOCK_STREAM):
    """Returns the first of `count` successive free ports."""
    first, end = own_range()
    while True:
        port = random.randrange(first, end - count)
        if all(is_free(port + at, kind) for at in range(count)):
            return port
