"""Measures runs of whole programs, for bench/peers and bench/guard, and runs the programs of bench/ for the others."""
import json
import os
import subprocess
import sys
import tempfile

_CAPTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "captures")


def captures(*names):
    return [os.path.join(_CAPTURES, name + ".pcap") for name in names]


# Small captures of real programs, whose flows bench_meter repeats.
REAL_PROGRAMS = captures("mixed", "tls13_web", "http", "dns", "ssh", "mail", "mqtt", "redis")


def result_of(*command):
    """Runs a program that prints a JSON object, and returns the object. A run that fails raises CalledProcessError."""
    return json.loads(subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE).stdout)


def measure(command):
    """Returns (wall s, CPU s, peak MB) of one run, including child processes. A run that fails ends the benchmark."""
    with tempfile.NamedTemporaryFile("r") as usage:
        done = subprocess.run(["/usr/bin/time", "-o", usage.name, "-f", "%e %U %S %M"] + command,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(f"{command[0]} failed with {done.returncode}")
        wall, user, system, peak = map(float, usage.read().split())
    return wall, user + system, peak / 1024
