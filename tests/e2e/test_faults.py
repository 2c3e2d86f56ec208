"""Checks that a fault outside spanflowd is named, costs no more than it must, and leaves ledgers that balance."""
import contextlib
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time

import pytest

from support import build, pcap_file
from support.build import patience
from support.captures import capture
from support.compare import assert_equal
from support.links import command, inside
from support.program import Running, spanflowd
from support.records import read_csv
from support.waiting import wait_until

# --- Files ---


@pytest.mark.parametrize("name", ["flows.csv", "flows.csv.zst", "flows-%H.jsonl"])
def test_a_removed_file_is_counted_and_the_next_one_begins(name, wire):
    kind = "jsonl" if "jsonl" in name else "csv"
    with Running("-i", "tap", "--quiet", "-w", f"{kind}:{name}", "-s", "flow.inactive_timeout=300ms", "-s",
                 "flow.tcp_close=false", prefix=inside(wire.sensor)) as running:
        running.wait_until_started()
        running.wait_until_polling()
        sent = wire.send("--pps=5000", capture("mixed.pcap"))
        running.wait_until_received(sent)
        running.wait_for(lambda summary: summary["records"]["sinks"][0]["delivered"] > 0 and summary["flows"]["open"] == 0,
                         10, "delivered records")
        part = next(entry for entry in os.listdir() if entry.endswith(".part"))
        os.remove(part)
        wait_until(lambda: "somebody removed the file" in running.stderr(), 10, "an error about the file")
        sent += wire.send("--pps=5000", capture("mixed.pcap"))
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=5, code=1)
    ledger = run.summary["records"]["sinks"][0]
    assert ledger["dropped"]["write_failed"] > 0 and ledger["delivered"] > 0, ledger
    assert not [entry for entry in os.listdir() if entry.endswith(".part")], os.listdir()
    if name == "flows.csv":
        assert_equal(len(read_csv("flows.csv")), ledger["delivered"])


def test_a_link_in_the_place_of_a_file_is_not_followed():
    with open("victim", "w", encoding="utf-8") as file:
        file.write("first line\nlast line without end")
    os.symlink("victim", "flows.csv.part")
    run = spanflowd("-r", capture("dns.pcap"), "-w", "csv:flows.csv", "--quiet", code=1)
    assert "flows.csv.part is a link, or is not a file of this user" in run.stderr, run.stderr
    with open("victim", encoding="utf-8") as file:
        assert_equal(file.read(), "first line\nlast line without end")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.link("victim", path)], ids=["named pipe", "hard link"])
def test_only_a_file_of_its_own_is_written(make):
    with open("victim", "w", encoding="utf-8") as file:
        file.write("text")
    make("flows.csv.part")
    run = spanflowd("-r", capture("dns.pcap"), "-w", "csv:flows.csv", "--quiet", code=1)
    assert "is a link, or is not a file of this user" in run.stderr, run.stderr
    with open("victim", encoding="utf-8") as file:
        assert_equal(file.read(), "text")


def test_one_unreadable_capture_among_several_does_not_hide_the_others():
    with open("bad.pcap", "w", encoding="utf-8") as file:
        file.write("this is no capture, but it has some octets")
    alone = spanflowd("-r", capture("dns.pcap"), capture("http.pcap"), "--quiet", "-w", "csv:-")
    run = spanflowd("-r", capture("dns.pcap"), "bad.pcap", capture("http.pcap"), "--quiet", "-w", "csv:-", code=1)
    assert_equal(len(run.stdout.splitlines()), len(alone.stdout.splitlines()))
    assert "warning: bad.pcap: not a capture" in run.stderr, run.stderr
    assert "error: 1 of 3 capture files could not be read whole: bad.pcap" in run.stderr, run.stderr


def test_a_named_pipe_without_a_writer_does_not_hang_the_stop():
    os.mkfifo("pipe")
    with Running("-r", "pipe", "--quiet", "-w", "csv:flows.csv") as running:
        running.wait_until_started()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=patience(3)) in (0, 1)


# --- Interfaces ---


INPUTS = {
    "af_packet": (("-i", "tap"), "tap: the interface"),
    "af_xdp": (("-i", "tap", "-s", "input.driver=af_xdp"), "tap: the interface"),
    "device of DPDK": (("-d", "net_af_packet0,iface=tap"), "net_af_packet0: the device"),
}


@contextlib.contextmanager
def capturing(wire, arguments):
    with Running(*arguments, "--quiet", "-w", "csv:flows.csv", prefix=inside(wire.sensor)) as running:
        running.wait_until_started()
        running.wait_until_polling()
        yield running


@pytest.mark.parametrize("name", INPUTS)
def test_a_removed_interface_is_an_error(name, wire):
    arguments, what = INPUTS[name]
    with capturing(wire, arguments) as running:
        sent = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        command("ip", "-n", wire.sensor, "link", "del", "tap")
        run = running.finish(within=5, code=1)
    assert f"error: {what} was removed" in run.stderr, run.stderr
    assert run.summary["packets"]["received"] >= sent, run.summary["packets"]


@pytest.mark.parametrize("name", INPUTS)
def test_an_interface_that_goes_down_and_up_is_named_and_the_capture_goes_on(name, wire):
    arguments, what = INPUTS[name]
    with capturing(wire, arguments) as running:
        command("ip", "-n", wire.sensor, "link", "set", "tap", "down")
        running.wait_for(lambda summary: not summary["ports"][0]["up"], 10, "a port that is down")
        command("ip", "-n", wire.sensor, "link", "set", "tap", "up")
        running.wait_for(lambda summary: summary["ports"][0]["up"], 10, "a port that is up")
        sent = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        run = running.finish(signal.SIGTERM, within=3)
    assert f"warning: {what} is down" in run.stderr, run.stderr
    assert f"warning: {what} is up again" in run.stderr, run.stderr


# --- Resources ---


@pytest.mark.release_only  # the sanitizers need descriptors of their own
def test_without_a_free_descriptor_the_run_ends_in_order(wire):
    with wire.sensor_running() as running:
        sent = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        used = len(os.listdir(f"/proc/{running.process.pid}/fd"))
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (used, used))
        time.sleep(1)  # spanflowd reads its counts in this time
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(run.summary["packets"]["received"], sent)
    assert_equal(len(read_csv("flows.csv")), run.summary["records"]["sinks"][0]["delivered"])


def test_leftovers_of_killed_runs_are_removed(wire):
    folder = "/var/run/dpdk"
    with wire.sensor_running() as running:
        killed = f"spanflow-{running.process.pid}"
        wait_until(lambda: os.path.isdir(os.path.join(folder, killed)), 10, "a runtime folder of DPDK")
        running.process.kill()
        running.process.wait()
    assert os.path.isdir(os.path.join(folder, killed))
    with wire.sensor_running() as running:
        assert not os.path.exists(os.path.join(folder, killed))
        assert os.path.isdir(os.path.join(folder, f"spanflow-{running.process.pid}"))
        running.finish(signal.SIGTERM, within=3)


# --- Peers ---


def test_slow_control_clients_delay_nobody(wire):
    with wire.sensor_running() as running, contextlib.ExitStack() as stack:
        for _ in range(40):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(running.control_socket)
            peer.send(b" ")
        start = time.monotonic()
        assert running.summary() is not None
        assert time.monotonic() - start < patience(1)
        run = running.finish(signal.SIGTERM, within=3)
    assert run.seconds < patience(2)


def test_a_control_client_has_one_deadline_for_its_request(wire):
    with wire.sensor_running() as running, socket.socket(socket.AF_UNIX) as peer:
        peer.connect(running.control_socket)
        start = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - start < patience(10):
                peer.send(b" ")
                time.sleep(0.3)  # an octet now and then
        assert time.monotonic() - start < patience(5)
        running.finish(signal.SIGTERM, within=3)


def test_half_sent_requests_do_not_shut_prometheus_out(wire):
    address = "127.0.0.1:9752"
    command("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    with wire.sensor_running("-s", f"telemetry.listen={address}") as running:
        holder = subprocess.Popen(
            [*inside(wire.sensor), "python3", "-c",
             "import socket,time\npeers=[socket.create_connection(('127.0.0.1',9752)) for _ in range(30)]\n"
             "[peer.send(b'GET /met') for peer in peers]\nprint('sent',flush=True)\ntime.sleep(30)"],
            stdout=subprocess.PIPE)
        assert_equal(holder.stdout.readline(), b"sent\n")
        said = command(*inside(wire.sensor), "curl", "-s", "--max-time", str(patience(8)), f"http://{address}/metrics")
        holder.kill()
        holder.wait()
        assert "spanflow_build_info" in said
        running.finish(signal.SIGTERM, within=5)


# --- Text ---


def config(text):
    with open("spanflow.yaml", "w", encoding="utf-8") as file:
        file.write(text)
    return spanflowd("--check-config", "-c", "spanflow.yaml", code=2)


LONG = "a" * 300_000


@pytest.mark.parametrize("text", [
    f'telemetry: {{listen: "{LONG}:1"}}', f"sinks: [{{type: {LONG}}}]", f"{LONG}: 1", f"workers: {LONG}", f"flow: {{{LONG}: 1}}",
    f'input: {{filter: "{LONG}"}}', f"output: {{fields: [{LONG}]}}", f"decode: {{tunnels: [{LONG}]}}",
    f"decode: {{tunnel_ports: {{{LONG}: [1]}}}}", f"metrics: [{{name: {LONG}-}}]", f"flow: {{active_timeout: {LONG}}}",
], ids=lambda text: text.replace(LONG, "LONG"))
def test_an_error_echoes_little_of_what_was_wrong(text):
    run = config("input: {files: [a.pcap]}\n" + text)
    assert_equal(run.stderr.count("\n"), 1)
    assert len(run.stderr) < 1500, len(run.stderr)
    assert ("a" * 201 in run.stderr) is False


@pytest.mark.parametrize("argument", [("-s", LONG), ("-s", f"{LONG}=1"), ("-w", LONG), ("--workers", LONG), (f"--{LONG}",)],
                         ids=lambda words: " ".join(words).replace(LONG, "LONG"))
def test_an_error_of_the_command_line_echoes_little_too(argument):
    arguments = [word[:100_000] for word in argument]
    run = spanflowd("-r", capture("dns.pcap"), *arguments, code=2)
    assert len(run.stderr) < 1500, len(run.stderr)


def test_a_filter_that_is_too_long_is_refused():
    run = config('input: {files: [a.pcap], filter: "' + " or ".join(["port 80"] * 10_000) + '"}')
    assert "longer than 65536 octets" in run.stderr, run.stderr


@pytest.mark.parametrize("text", ['sinks: [{type: csv, path: "out.csv\\0.txt"}]', 'sensor_id: "a\\0b"',
                                  'input: {files: ["a\\0b"]}', 'sinks: [{type: kafka, brokers: "a\\0b:1", topic: t}]'])
def test_a_nul_character_is_refused(text):
    run = config(text)
    assert re.search(r"spanflow\.yaml:1:\d+: .*contains a NUL character\n$", run.stderr), run.stderr


# --- Rights ---


def threads_of(process):
    folder = f"/proc/{process}/task"
    for thread in os.listdir(folder):
        with open(os.path.join(folder, thread, "status"), encoding="utf-8") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_every_thread_gives_up_the_rights_of_root(wire):
    os.chmod(".", 0o777)
    socket_path = os.path.abspath("control.sock")
    with wire.sensor_running("--user", "nobody", "-w", "kafka:127.0.0.1:1/flows", "-s", f"control.socket={socket_path}") as running:
        sent = wire.send("--pps=5000", capture("http.pcap"))
        running.wait_until_received(sent)
        threads = list(threads_of(running.process.pid))
        run = running.finish(signal.SIGTERM, within=8, code=1)
    assert len(threads) > 5
    for thread in threads:
        assert_equal((thread["CapEff"], thread["CapPrm"], thread["CapBnd"], thread["NoNewPrivs"]),
                     ("0" * 16, "0" * 16, "0" * 16, "1"), thread["Name"])
        assert_equal(set(thread["Uid"].split()), {"65534"}, thread["Name"])
    assert_equal(run.summary["packets"]["received"], sent)
    assert_equal(stat.S_IMODE(os.stat("flows.csv").st_mode) & 0o400, 0o400)
    assert_equal(os.stat("flows.csv").st_uid, 65534)


def test_a_user_who_is_not_there_is_named():
    run = spanflowd("-r", capture("dns.pcap"), "--user", "nobody-here", "-w", "csv:-", code=2)
    assert "user: there is no user nobody-here" in run.stderr, run.stderr


@pytest.mark.release_only
@pytest.mark.parametrize("name", ["daemon/spanflowd", "daemon/spanflowctl", "lib/libspanflow.so"])
def test_everything_that_is_built_is_hardened(name):
    path = os.path.join(build.folder, name)
    said = command("readelf", "-hldW", path) + command("readelf", "-sW", "--dyn-syms", path)
    assert ("DYN (Shared object file)" if name.endswith(".so") else "DYN (Position-Independent Executable file)") in said
    assert "GNU_RELRO" in said and "BIND_NOW" in said
    assert re.search(r"GNU_STACK .* RW ", said)
    assert "__stack_chk_fail" in said
    assert re.search(r"__(?!stack)[a-z]+_chk@", said), "no call that _FORTIFY_SOURCE has replaced"
    landing = {"x86_64": "endbr64", "aarch64": "bti"}[os.uname().machine]  # where an indirect branch may lead
    assert command("objdump", "-d", "--no-show-raw-insn", path).count(landing) > 100
