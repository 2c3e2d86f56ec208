"""Runs captures in the same way as the service: as an unprivileged user, with exactly the rights that the unit grants. Needs root."""
import contextlib
import os
import re
import signal
import subprocess

import pytest

from support import build
from support.captures import capture
from support.compare import assert_equal
from support.installation import unit_settings
from support.ledgers import assert_sums
from support.library import build_shared_object, set_metrics, write_file
from support.links import check_run, inside, send_and_stop
from support.program import Running, need
from support.records import read_csv
from support.waiting import wait_until

USER = 65534  # a user id that owns no files
UNIT = "spanflowd@.service"


def granted():
    """Returns the capabilities of the unit, as setpriv names them."""
    found = [name.removeprefix("CAP_").lower() for name in unit_settings(UNIT)["AmbientCapabilities"]]
    assert_equal(found, [name.removeprefix("CAP_").lower() for name in unit_settings(UNIT)["CapabilityBoundingSet"]])
    return found


def as_service():
    need("setpriv")
    only = "-all," + ",".join("+" + name for name in granted())
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", f"--bounding-set={only}",
            f"--inh-caps={only}", f"--ambient-caps={only}")


def polling(process):
    """Returns the id of the process, `process` or one of its children, that has a packet socket for all protocols
    (ETH_P_ALL). Returns None if there is no such socket yet."""
    with contextlib.suppress(OSError):  # the process may have just ended
        with open(f"/proc/{process}/net/packet", encoding="ascii") as file:
            sockets = {f"socket:[{line.split()[8]}]" for line in file if line.split()[3] == "0003"}
        with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
            candidates = [process, *map(int, file.read().split())]
        for candidate in candidates:
            if sockets & {os.readlink(entry.path) for entry in os.scandir(f"/proc/{candidate}/fd")}:
                return candidate
    return None


@contextlib.contextmanager
def instance(name, wire, *arguments, tracing=()):
    """Runs an instance with its own folders, which are like those that systemd makes for a unit."""
    os.chmod(".", 0o711)
    folders = [os.path.abspath(os.path.join(name, kind)) for kind in ("run", "log")]
    for folder in folders:
        os.makedirs(folder)
        os.chown(folder, USER, USER)
    runtime, log = folders
    # strace keeps root's rights, because the user may be unable to read the program's folder.
    prefix = (*inside(wire.sensor), *tracing, "env", f"RUNTIME_DIRECTORY={runtime}", *as_service())
    control = f"control.socket={runtime}/control.sock"
    with Running("-i", "tap", "--quiet", "-w", f"csv:{log}/flows.csv", "-s", control, *arguments, prefix=prefix, umask=0o027) as running:
        os.chown(running.folder.name, USER, USER)  # the user must be able to write the summary
        running.pid = wait_until(lambda: polling(running.process.pid), 20, "a packet socket on the interface")
        running.wait_until_polling()
        yield running
    assert_equal(os.listdir(os.path.join(runtime, "dpdk")), [], "left behind")


def status_of(process, *names):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        found = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    return [found[name] for name in names]


def test_user_without_rights_captures_every_packet_with_what_the_unit_grants(wire):
    numbers = {"net_admin": 12, "net_raw": 13, "ipc_lock": 14}
    mask = sum(1 << numbers[name] for name in granted())
    with instance("one", wire) as running:
        assert_equal(status_of(running.process, "Uid", "CapEff", "CapBnd", "NoNewPrivs"),
                     ["\t".join([str(USER)] * 4), f"{mask:016x}", f"{mask:016x}", "1"])
        run, sent = send_and_stop(wire, running, "--pps=2000", capture("mixed.pcap"))
    assert "warning" not in run.stderr, run.stderr
    check_run(run, sent, read_csv("one/log/flows.csv"))
    status = os.stat("one/log/flows.csv")
    assert_equal((status.st_uid, oct(status.st_mode)), (USER, oct(0o100640)))


def test_instances_on_one_interface_have_every_packet_each(wire):
    with instance("one", wire) as one, instance("two", wire, "--workers", "2") as two:
        sent = wire.send("--pps=2000", capture("mixed.pcap"))
        for name, running in (("one", one), ("two", two)):
            running.wait_until_received(sent)
            check_run(running.finish(signal.SIGTERM, within=3), sent, read_csv(f"{name}/log/flows.csv"))


METRIC = """
#include <spanflow/metric.h>
struct Packets {
  double count = 0;
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) { ++count; }
  double value() const { return count; }
};
SPANFLOW_METRIC(packets, Packets);
"""


def allowed_calls():
    """Returns the system calls that the unit's filter allows."""
    need("systemd-analyze")
    sets, names = list(unit_settings(UNIT)["SystemCallFilter"]), set()
    while sets:
        said = subprocess.run(["systemd-analyze", "syscall-filter", sets.pop()], stdout=subprocess.PIPE, check=True)
        words = re.findall(r"^ +(@?[\w-]+)$", said.stdout.decode(), re.MULTILINE)
        sets += [word for word in words if word.startswith("@")]
        names.update(words)
    return names


def test_a_run_needs_nothing_that_the_unit_denies(wire):
    need("strace")
    if build.slow:
        pytest.skip("the leak sanitizer does not work under strace")
    build_shared_object(write_file("packets.cc", METRIC), "packets.so")
    with instance("one", wire, *set_metrics(f"{{name: packets, plugin: {os.path.abspath('packets.so')}}}"),
                                  tracing=("strace", "-f", "-qq", "-o", os.path.abspath("one/log/calls"))) as running:
        sent = wire.send("--pps=500", capture("http.pcap"))
        running.wait_until_received(sent)
        os.kill(running.pid, signal.SIGTERM)
        run = running.finish(within=10)
    records = read_csv("one/log/flows.csv")
    assert_equal(run.summary["packets"]["received"], sent)
    assert_sums(records, run.summary)
    with open("one/log/calls", encoding="utf-8", errors="replace") as file:
        calls = file.read()
    calls = calls[calls.rindex(" execve("):]  # drops the calls of env and setpriv, which run before spanflowd
    # Calls that fail with EPERM or ENOSYS are left out: spanflowd runs without them (for example DPDK's iopl).
    made = set(re.findall(r"^\d+ +(\w+)\((?!.* = -1 E(?:PERM|NOSYS))", calls, re.MULTILINE))
    assert len(made) > 40, made
    assert made <= allowed_calls(), made - allowed_calls()
    families = set(re.findall(r" socket\((AF_\w+)", calls))
    assert "AF_PACKET" in families and families <= set(unit_settings(UNIT)["RestrictAddressFamilies"]), families
    # The unit's MemoryDenyWriteExecute forbids mappings that are writable and executable, or become executable later.
    executable = re.findall(r"mmap\([^)]*PROT_WRITE\|PROT_EXEC.*|mprotect\([^)]*PROT_EXEC.*", calls)
    assert not executable, executable
