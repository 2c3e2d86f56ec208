"""Runs with too little memory and too few threads, each limit as the system sets it. Descriptors are in
tests/e2e/test_faults.py."""
import os
import resource
import signal
import subprocess

import pytest

from support import build
from support.build import patience
from support.captures import capture
from support.ledgers import assert_balanced
from support.pcap_file import many_flows
from support.program import command_line, read_summary
from support.records import read_csv

MIB = 1 << 20


def limited(limit, amount, **options):
    """Reads many.pcap under a limit, and returns the exit code and standard error."""
    if os.path.exists("summary"):
        os.unlink("summary")
    done = subprocess.run(command_line("summary", ["-r", "many.pcap", "--quiet", "--workers", 2, "-w", "csv:flows.csv"]),
                          preexec_fn=lambda: resource.setrlimit(limit, (amount, amount)), stderr=subprocess.PIPE,
                          timeout=patience(30), check=False, **options)
    return done.returncode, done.stderr.decode()


def assert_in_order(code, said, what):
    assert code in (0, 1), f"{what}: exit code {code}: {said}"
    summary = read_summary("summary")
    assert code == 0 or "spanflowd: error: " in said, f"{what}: {said}"
    if summary is not None:
        assert_balanced(summary)
        assert len(read_csv("flows.csv")) >= summary["records"]["sinks"][0]["delivered"], what


@pytest.mark.release_only  # the address sanitizer needs an address space without a limit
def test_a_run_with_too_little_memory_ends_in_order():
    many_flows("many.pcap", 3000)
    codes = []
    for mib in range(60, 900, 20 if build.thorough else 64):
        code, said = limited(resource.RLIMIT_AS, mib * MIB)
        if "error while loading shared libraries" in said:
            continue
        assert_in_order(code, said, f"{mib} MiB")
        assert "without writing its last records" not in said, f"{mib} MiB: the reserve did not suffice"
        codes.append(code)
    assert 1 in codes, "no run had too little memory"


@pytest.mark.root
@pytest.mark.release_only  # the leak sanitizer needs a thread at the end
def test_a_user_with_too_few_threads_gets_an_error():
    if os.geteuid() != 0:
        pytest.skip("another user needs root")
    many_flows("many.pcap", 3000)
    os.chmod(".", 0o777)
    user = 54321  # a user that runs nothing else, because the limit counts all threads of the user
    codes = []
    for threads in range(1, 16):
        code, said = limited(resource.RLIMIT_NPROC, threads, user=user, group=user)
        assert_in_order(code, said, f"{threads} threads")
        assert code == 0 or 'cannot be started: Resource temporarily unavailable' in said, said
        codes.append(code)
    assert codes[0] == 1 and codes[-1] == 0, codes
