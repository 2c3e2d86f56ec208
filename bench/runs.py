"""Measures runs of whole programs, for bench/peers and bench/guard."""
import subprocess
import sys
import tempfile


def measure(command):
    """Returns (wall s, CPU s, peak MB) of one run, including child processes. A run that fails ends the benchmark."""
    with tempfile.NamedTemporaryFile("r") as usage:
        done = subprocess.run(["/usr/bin/time", "-o", usage.name, "-f", "%e %U %S %M"] + command,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(f"{command[0]} failed with {done.returncode}")
        wall, user, system, peak = map(float, usage.read().split())
    return wall, user + system, peak / 1024
