"""Runs spanflowd as a service: notifications to systemd, reloads, and the control socket. Needs root for veth."""
import contextlib
import glob
import json
import os
import pwd
import signal
import socket
import subprocess
import time

import pytest

from support.build import binary, patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums, total
from support.library import build_shared_object, write_file
from support.links import inside, wait_until_capturing
from support.program import Running
from support.records import read_csv
from support.waiting import wait_until


class NotifySocket:
    """Takes the place of systemd: a socket that receives notifications such as READY=1."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.abspath("notify"))
        self.socket.setblocking(False)
        self.messages = []  # list of (time, text)

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": os.path.abspath("notify"), **more}

    def lines(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages.append((time.monotonic(), self.socket.recv(4096).decode()))
        return [text for _, text in self.messages]

    def times_of(self, line):
        self.lines()
        return [at for at, text in self.messages if line in text.split("\n")]


def configuration(**changes):
    """Writes spanflow.yaml. `sinks` is a list with one sink per item. Other options have their dotted names as keys."""
    settings = {"input.interface": "tap", "log.level": "info",
                "sinks": ['{type: csv, path: "flows.csv"}'], **changes}
    sections = {}
    for name, value in settings.items():
        section, _, key = name.rpartition(".")
        sections.setdefault(section, []).append((key, value))
    with open("new.yaml", "w", encoding="utf-8") as file:
        for section, entries in sections.items():
            if section:
                file.write(f"{section}:\n")
            for key, value in entries:
                shown = "".join(f"\n  - {item}" for item in value) if isinstance(value, list) else f" {value}"
                file.write(f"{'  ' if section else ''}{key}:{shown}\n")
    os.rename("new.yaml", "spanflow.yaml")


@contextlib.contextmanager
def service(wire, **options):
    """Runs the daemon on the interface of `wire`, with spanflow.yaml and a control socket."""
    with Running("-c", "spanflow.yaml", "--quiet", "-s", "control.socket=control.sock", prefix=inside(wire.sensor),
                 **options) as running:
        wait_until_capturing(running)
        yield running


def ctl(*arguments, code=0, prefix=()):
    done = subprocess.run([*prefix, binary("spanflowctl"), "--socket", "control.sock", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patience(30), check=False)
    assert_equal((done.returncode, code), (code, code), f"{arguments}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode() if code == 0 else done.stderr.decode()


def reload():
    return json.loads(ctl("--json", "reload"))


# --- systemd ---


def test_service_manager_hears_of_start_reload_and_stop(wire):
    manager = NotifySocket()
    configuration()
    with service(wire, env=manager.environment()) as running:
        wait_until(lambda: manager.lines() and manager.lines()[0] == "READY=1", 5, "READY=1 as the first notification")
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: manager.lines().count("READY=1") == 2, 5, "READY=1 after a reload")
        running.finish(signal.SIGTERM, within=5)
    said = [text for text in manager.lines() if not text.startswith("STATUS=")]
    assert_equal([text.split("\n")[0] for text in said], ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])
    since = int(said[1].split("MONOTONIC_USEC=")[1])
    assert 0 < time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - since < 60_000_000, since
    assert any("packets/s" in text for text in manager.lines() if text.startswith("STATUS=")), manager.lines()


@pytest.mark.alone
def test_watchdog_is_fed_while_nothing_comes(wire):
    manager = NotifySocket()
    configuration()
    with service(wire, env=manager.environment(WATCHDOG_USEC="1000000")) as running:
        wait_until(lambda: len(manager.times_of("WATCHDOG=1")) >= 6, 10, "six pings")
        running.finish(signal.SIGTERM, within=5)
    times = manager.times_of("WATCHDOG=1")
    assert max(after - before for before, after in zip(times, times[1:6])) < patience(1), times


HANGING_METRIC = """
#include <spanflow/metric.h>
#include <unistd.h>

struct Hang {
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) { for (;;) ::pause(); }
  double value() const { return 0; }
};
SPANFLOW_METRIC(hang, Hang);
"""


def test_worker_that_hangs_stops_the_watchdog(wire):
    build_shared_object(write_file("hang.cc", HANGING_METRIC), "hang.so")
    manager = NotifySocket()
    configuration(metrics=["{name: hang, plugin: ./hang.so}"], workers="2")
    with service(wire, env=manager.environment(WATCHDOG_USEC="400000")):
        wait_until(lambda: len(manager.times_of("WATCHDOG=1")) >= 3, 10, "pings while no packet has come")
        wire.send("--limit=10", capture("http.pcap"))
        time.sleep(1)  # a ping that was due when the packets came may still be sent
        before = len(manager.times_of("WATCHDOG=1"))
        time.sleep(1.5)  # seven pings would be due in this time
        assert_equal(len(manager.times_of("WATCHDOG=1")), before, "pings while a worker hangs")


# --- Reload ---


@pytest.mark.alone
def test_hundred_reloads_under_traffic_lose_nothing(wire):
    configuration()
    with service(wire) as running:
        sender = subprocess.Popen([*inside(wire.sender), "tcpreplay", "-q", "-i", "wire", "--pps=4000", "--loop=100000",
                                   f"--duration={int(patience(60))}", capture("mixed.pcap")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for number in range(100):
                configuration(**{
                    "flow.active_timeout": f"{1 + number % 3}s", "flow.inactive_timeout": f"{300 + number % 5}ms",
                    "input.filter": ("", "tcp", "not port 53")[number % 3] or '""',
                    "sinks": ['{type: csv, path: "flows.csv"}',
                              f'{{type: csv, path: "changing.csv", queue: {40000 + number}}}',
                              f'{{type: jsonl, path: "other{number % 2}.jsonl"}}']})
                assert_equal(reload()["need_restart"], [])
                time.sleep(0.05)  # time for traffic between two reloads
        finally:
            sender.terminate()
            sender.wait()
        sent = wire.statistic(wire.sender, "wire", "tx_packets")
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=10)
    packets = run.summary["packets"]
    lost = sum(packets[name] for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"))
    assert_equal((packets["received"], lost), (sent, 0))
    assert packets["ignored"]["filtered"] > 0 and run.summary["records"]["exported"] > 100, run.summary
    records = read_csv("flows.csv")
    assert_sums(records, run.summary)
    changing = [record for name in glob.glob("changing*.csv") for record in read_csv(name)]
    assert_equal(sorted(record["sequence"] for record in changing), sorted(record["sequence"] for record in records))
    sinks = {sink["name"]: sink for sink in run.summary["records"]["sinks"]}
    for name, sink in sinks.items():
        assert_equal((sink["delivered"], total(sink["dropped"])), (sink["handed"], 0), name)
    for number in range(2):
        lines = sum(len(open(name, encoding="utf-8").readlines()) for name in glob.glob(f"other{number}*.jsonl"))
        assert_equal(lines, sinks[f"jsonl:other{number}.jsonl"]["handed"], f"records in other{number}.jsonl")


def test_reload_names_what_changed_and_what_needs_a_restart(wire):
    configuration()
    with service(wire) as running:
        assert_equal(reload()["changed"], [])
        configuration(**{"flow.active_timeout": "30s", "log.level": "debug", "workers": "2", "dpi.enabled": "false"})
        reply = reload()
        assert_equal(reply["changed"], ["flow.active_timeout", "log.level"])
        assert_equal(reply["need_restart"], ["workers", "dpi.enabled"])
        assert_equal(reload()["need_restart"], ["workers", "dpi.enabled"], "each reload names the options that need a restart")
        run = running.finish(signal.SIGTERM, within=5)
    assert "reload: workers, dpi.enabled need a restart" in run.stderr, run.stderr
    assert "reload: changed flow.active_timeout, log.level" in run.stderr, run.stderr


def test_mistake_in_a_reload_changes_nothing(wire):
    configuration(**{"flow.active_timeout": "60s"})
    with service(wire) as running:
        configuration(**{"flow.active_timeout": "1s", "flow.capactiy": "10"})
        said = ctl("reload", code=1)
        assert "spanflow.yaml:9:3: flow.capactiy: unknown key, did you mean flow.capacity?" in said, said
        configuration(**{"flow.active_timeout": "1s", "sinks": ['{type: csv, path: "flows.csv", fields: classic}',
                                                                '{type: csv, path: "no/such/folder.csv"}']})
        said = ctl("reload", code=1)
        assert "no/such/folder.csv" in said, said
        running.wait_until_received(wire.send("--pps=5000", capture("http.pcap")))
        run = running.finish(signal.SIGTERM, within=5)
    assert run.stderr.count("nothing has changed") == 2, run.stderr
    records = read_csv("flows.csv")
    assert "src_to_dst_link_bytes" in records[0], "the fields must not have changed"
    assert_sums(records, run.summary)


def test_filter_and_timeouts_change_for_flows_that_are_open(wire):
    configuration(**{"flow.inactive_timeout": "60s"})
    with service(wire) as running:
        before = wire.send("--pps=5000", capture("dns.pcap"))
        running.wait_until_received(before)
        configuration(**{"flow.inactive_timeout": "100ms", "input.filter": "udp port 1"})
        assert_equal(reload()["changed"], ["input.filter", "flow.inactive_timeout"])
        wait_until(lambda: running.summary()["flows"]["open"] == 0, 5, "the end of all flows")
        metered = running.summary()["packets"]["metered"]
        sent = wire.send("--pps=5000", capture("dns.pcap"))
        running.wait_until_received(before + sent)
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal((run.summary["packets"]["metered"], run.summary["packets"]["ignored"]["filtered"]), (metered, sent))
    assert_equal({record["end_reason"] for record in read_csv("flows.csv")}, {"inactive", "closed"})


def test_hang_up_without_a_configuration_file_ends_the_run(wire):
    with wire.sensor_running() as running:
        running.finish(signal.SIGHUP, within=5)


def test_spooled_records_stay_in_the_ledger_through_a_reload(wire):
    def sinks(compression):
        return {"sinks": [f"{{type: kafka, brokers: '127.0.0.1:1', topic: flows, compression: {compression}, "
                          "flush_timeout: 0s, spool: {path: spool}}"]}
    configuration(**sinks("lz4"))
    with service(wire) as running:
        wire.send("--pps=5000", capture("portscan.pcap"))
        configuration(**{"flow.inactive_timeout": "100ms"}, **sinks("lz4"))
        reload()
        wait_until(lambda: running.summary()["records"]["exported"] > 10, 5, "records")
        configuration(**sinks("zstd"))
        assert_equal(reload()["changed"], ["flow.inactive_timeout", "sinks"])
        run = running.finish(signal.SIGTERM, within=10)
    sink = run.summary["records"]["sinks"][0]
    assert_equal((sink["spooled"], sink["recovered"]), (sink["handed"], 0), f"{sink}")


# --- The control socket ---


def test_status_is_the_run_as_it_is(wire):
    configuration(sensor_id="edge1")
    with service(wire) as running:
        sent = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        reply = json.loads(ctl("--json", "status"))
        shown = ctl("status")
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal((reply["sensor_id"], reply["pid"], reply["ok"]), ("edge1", running.process.pid, True))
    assert_equal(reply["summary"]["packets"]["received"], sent)
    assert_equal(reply["summary"]["packets"], run.summary["packets"])
    assert "packets/s" in shown and f"{sent} received" in shown and "csv:flows.csv: 0 handed" in shown, shown
    assert not os.path.exists("control.sock"), "the socket must be removed at the end"


def test_log_level_changes_until_the_next_reload(wire):
    configuration()
    with service(wire) as running:
        ctl("log-level", "error")
        ctl("reload")  # sets the level back to info before it writes its log line
        ctl("reload")
        assert "expected one of debug, info, warning, error" in ctl("log-level", "loud", code=1)
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(run.stderr.count("nothing to change"), 2, run.stderr)


def test_only_its_group_may_look_and_only_its_user_may_change(wire):
    configuration()
    nobody = pwd.getpwnam("nobody")
    with service(wire):
        os.chmod("control.sock", 0o666)  # everybody may connect, so the daemon itself has to refuse
        os.chmod(".", 0o755)
        stranger = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
        member = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--groups=0")
        assert "members of its group" in ctl("status", code=1, prefix=stranger)
        assert "received" in ctl("status", prefix=member)
        assert "only for root" in ctl("reload", code=1, prefix=member)
        assert "only for root" in ctl("log-level", "debug", code=1, prefix=member)


def test_nobody_answers():
    said = ctl("status", code=1)
    assert_equal(said, "spanflowctl: control.sock: No such file or directory; is spanflowd running, and is this its socket?\n")


def test_socket_of_a_dead_run_is_replaced_and_of_a_living_one_not(wire):
    left = socket.socket(socket.AF_UNIX)
    left.bind("control.sock")
    left.close()
    configuration()
    with service(wire) as running:
        wait_until(lambda: "received" in ctl("status"), 5, "an answer")
        with Running("-c", "spanflow.yaml", "-s", "control.socket=control.sock", "-w", "csv:second.csv",
                     prefix=inside(wire.sensor)) as second:
            run = second.finish(within=20, code=1)
        assert "control.sock: another process listens there" in run.stderr, run.stderr
        assert "received" in ctl("status")
        running.finish(signal.SIGTERM, within=5)


def test_what_is_no_request_is_refused(wire):
    configuration()
    with service(wire):
        for request, why in ((b"hello\n", "not a request"), (b'{"command": "fly"}\n', "fly: no such command"),
                             (b"{}\n", "not a request"), (b"[" * 100_000, "not a request")):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect("control.sock")
                with contextlib.suppress(BrokenPipeError):
                    peer.sendall(request)
                reply = json.loads(peer.makefile().readline())
            assert not reply["ok"] and why in reply["error"], reply
