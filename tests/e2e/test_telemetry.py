"""Checks the monitoring of live runs: Prometheus, and DPDK's telemetry socket. Most cases need root."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from support.build import ROOT, patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums, total
from support.links import command, inside
from support.program import Running, need, need_host, spanflowd
from support.records import read_csv
from support.waiting import wait_until

ADDRESS = "127.0.0.1:9752"
DASHBOARD = os.path.join(ROOT, "config", "grafana-dashboard.json")
ALERTS = os.path.join(ROOT, "config", "prometheus-alerts.yaml")


@contextlib.contextmanager
def listening(wire, *arguments, listen=ADDRESS):
    """Runs a sensor that serves Prometheus metrics at the address `listen`."""
    need("curl")
    command("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    with wire.sensor_running("-s", f'telemetry.listen="{listen}"', *arguments) as running:
        if listen != "off":
            wait_until(lambda: "telemetry.listen" in running.stderr(), 10, "the endpoint")
        yield running


def scrape(wire, address=ADDRESS):
    return command(*inside(wire.sensor), "curl", "-sSf", "-g", "--max-time", "5", f"http://{address}/metrics")


SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


class Scrape:
    """The samples of a scrape, by family and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                self.samples.append((name, dict(re.findall(r'([a-z_]+)="([^"]*)"', labels or "")), float(value)))

    def sum(self, wanted, **labels):
        found = [value for name, has, value in self.samples if name == wanted and labels.items() <= has.items()]
        assert found, f"no {wanted} with {labels}"
        return sum(found)

    def families(self):
        return set(re.findall(r"^# TYPE (\S+)", self.text, re.MULTILINE))


def scrape_of(wire, address=ADDRESS):
    return Scrape(scrape(wire, address))


def assert_well_formed(text):
    need("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    # prometheus-cpp, not spanflow, chooses the names of the metrics exposer_*.
    complaints = [line for line in done.stdout.decode().splitlines() if not line.startswith("exposer_")]
    assert_equal(complaints, [])


def assert_as_in(summary, scraped):
    """Compares the scrape with the summary, for the metrics that no longer change once the traffic has ended."""
    packets = summary["packets"]
    for name in ("received", "metered", "time_backwards", "later_fragments", "handed_over"):
        assert_equal(scraped.sum(f"spanflow_packets_{name}_total"), packets[name], name)
    for group in ("ignored", "malformed"):
        for reason, count in packets[group].items():
            assert_equal(scraped.sum(f"spanflow_packets_{group}_total", reason=reason), count, reason)
    for reason in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"):
        assert_equal(scraped.sum("spanflow_packets_lost_total", reason=reason), packets[reason], reason)
    assert_equal(scraped.sum("spanflow_metered_bytes_total"), summary["octets"]["metered"])
    assert_equal(scraped.sum("spanflow_flows_opened_total"), summary["flows"]["opened"])
    for reason in ("inactive", "active", "closed", "evicted"):
        assert_equal(scraped.sum("spanflow_flows_exported_total", reason=reason), summary["flows"]["exported"][reason], reason)
    for name in ("classified", "pool_full"):
        assert_equal(scraped.sum(f"spanflow_dpi_{name}_total"), summary["dpi"][name], name)


def settled(wire, running):
    """Waits until all sent packets are metered and the counts of the ports include them, and then scrapes. spanflowd
    reads the counts of the ports only from time to time."""
    running.wait_until_received(wire.statistic(wire.sender, "wire", "tx_packets"))
    running.wait_for(is_accounted_for, 10, "packets and flows that are accounted for")
    return scrape_of(wire)


def is_accounted_for(summary):
    packets, flows = summary["packets"], summary["flows"]
    metered = packets["metered"] + total(packets["ignored"]) + total(packets["malformed"])
    at_ports = sum(port["received"] for port in summary["ports"])
    return packets["received"] == metered == at_ports and flows["opened"] == flows["open"] + total(flows["exported"])


# With more than 16 workers, the packet sockets do not suffice, and a distributor reads for all workers.
@pytest.mark.parametrize("workers", [1, 2, 17])
def test_scrape_is_well_formed_under_load_and_then_equal_to_the_summary(workers, wire):
    with listening(wire, "--workers", workers, "-s", "flow.tcp_linger=0s", "-s", "features.tcp=true") as running:
        sender = subprocess.Popen([*inside(wire.sender), "tcpreplay", "-q", "-i", "wire", "--topspeed", "--preload-pcap",
                                   "--loop=400", capture("tls13_web.pcap")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: scrape_of(wire).sum("spanflow_packets_received_total") > 0, 5, "packets")
            assert_equal(sender.poll(), None, "the sender has ended before the scrape")
            assert_well_formed(scrape(wire))
            sender.wait(timeout=patience(60))
        finally:
            sender.kill()
            sender.wait()
        wire.send("--pps=2000", capture("dns.pcap"))
        scraped = settled(wire, running)
        assert_well_formed(scraped.text)
        run = running.finish(signal.SIGTERM, within=5)
    assert_sums(read_csv("flows.csv"), run.summary)
    assert_as_in(run.summary, scraped)
    threads = {labels["worker"] for _, labels, _ in scraped.samples if "worker" in labels}
    distributor = {"distributor"} if workers > 16 else set()
    assert_equal(threads, {"input", *map(str, range(workers))} | distributor)
    assert_equal({labels["port"] for _, labels, _ in scraped.samples if "port" in labels}, {"tap"})
    assert scraped.sum("spanflow_port_received_packets_total", port="tap") == run.summary["packets"]["received"]
    assert_equal(scraped.sum("spanflow_dpi_packets_to_verdict_count"), run.summary["dpi"]["classified"])
    assert 0 < scraped.sum("spanflow_tcp_acks_total") == run.summary["tcp"]["acks"]
    busy = scraped.sum("spanflow_worker_busy_seconds_total")
    assert 0 < busy < workers * scraped.sum("spanflow_uptime_seconds"), busy


@pytest.mark.alone
def test_export_lag_is_that_of_records_that_were_due(wire):
    with listening(wire, "-s", "flow.inactive_timeout=1s", "-s", "flow.active_timeout=60s") as running:
        wire.send("--pps=5000", capture("dns.pcap"))
        scraped = wait_until(lambda: ended(wire, 8), 5, "the flows' timeout")
        wire.send("--pps=5000", capture("dns.pcap"))
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(scraped.sum("spanflow_records_export_lag_seconds_count"), 8)
    late = scraped.sum("spanflow_records_export_lag_seconds_sum") / 8
    assert 0 < late < patience(1), late
    exported, lag = run.summary["flows"]["exported"], run.summary["histograms"]["records.export_lag_ns"]
    assert exported["capture_end"] > 0, exported
    assert 8 <= sum(lag["counts"]) <= sum(exported.values()) - exported["capture_end"], (lag, exported)


def ended(wire, flows):
    scraped = scrape_of(wire)
    done = scraped.sum("spanflow_flows_exported_total") == flows == scraped.sum("spanflow_sink_delivered_records_total")
    return scraped if done else None


@pytest.mark.alone
@pytest.mark.release_only
def test_idle_worker_is_not_busy(wire):
    with listening(wire) as running:
        time.sleep(1)  # the worker is idle in this time
        scraped = scrape_of(wire)
        running.finish(signal.SIGTERM, within=5)
    share = scraped.sum("spanflow_worker_busy_seconds_total") / scraped.sum("spanflow_uptime_seconds")
    assert share < 0.05, share


def listeners(wire):
    return command(*inside(wire.sensor), "cat", "/proc/net/tcp", "/proc/net/tcp6").count(" 0A ")


def test_off_opens_nothing(wire):
    with listening(wire, listen="off") as running:
        assert_equal(listeners(wire), 0)
        run = running.finish(signal.SIGTERM, within=5)
    assert "telemetry" not in run.stderr, run.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:19752", "localhost:9752"])
def test_listens_where_it_is_told_to(address, wire):
    need_host(address.split(":")[0])
    with listening(wire, listen=address) as running:
        assert scrape_of(wire, address).sum("spanflow_build_info") == 1
        assert_equal(listeners(wire), 1)
        run = running.finish(signal.SIGTERM, within=5)
    assert f"spanflowd: info: telemetry.listen: http://{address}/metrics\n" in run.stderr, run.stderr


def test_port_in_use_is_a_warning_and_the_capture_goes_on(wire):
    with listening(wire) as first:
        with Running("-i", "tap", "-w", "csv:second.csv", "--quiet", "-s", f"telemetry.listen={ADDRESS}",
                     prefix=inside(wire.sensor)) as running:
            wait_until(lambda: "telemetry.listen" in running.stderr(), 20, "a warning")
            sent = wire.send("--pps=2000", capture("http.pcap"))
            running.wait_until_received(sent)
            run = running.finish(signal.SIGTERM, within=5)
        first.finish(signal.SIGTERM, within=5)
    assert_equal(run.summary["packets"]["received"], sent)
    assert re.search(r"spanflowd: warning: telemetry\.listen: .*127\.0\.0\.1:9752.*Address already in use.*\n", run.stderr), run.stderr


def test_address_of_somebody_else_is_a_warning_too(wire):
    with listening(wire, listen="192.0.2.1:9752") as running:
        assert_equal(listeners(wire), 0)
        run = running.finish(signal.SIGTERM, within=5)
    assert re.search(r"spanflowd: warning: telemetry\.listen: .*192\.0\.2\.1:9752", run.stderr), run.stderr


def test_capture_file_has_no_endpoint():
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:flows.csv", "-s", "telemetry.listen=192.0.2.1:9752")
    assert_equal(run.stderr, "")


@pytest.mark.parametrize("address", [
    "9752", "localhost", "[::1]:9752", "127.0.0.1:0", "127.0.0.1:65536", "::1:9752", "127.0.0.1:9752,8080", "a b:1"])
def test_what_is_no_address(address):
    run = spanflowd("-r", "a.pcap", "-w", "csv:-", "-s", f"telemetry.listen={address}", code=2)
    assert "telemetry.listen: expected off, or HOST:PORT" in run.stderr, run.stderr


# --- Alerts and dashboard ---


def expressions():
    try:
        import yaml
    except ImportError:
        pytest.skip("not installed: python3-yaml")
    with open(ALERTS, encoding="utf-8") as file:
        rules = [rule["expr"] for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    return rules, [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def labels_in(expression):
    """Returns the labels in the selectors of an expression, and after its keywords `by`, `without` and `on`."""
    grouped = re.findall(r"\b(?:by|without|on) \(([^)]*)\)", expression)
    chosen = re.findall(r"([a-z_]+)=~?\"", expression)
    return {*chosen, *(label for group in grouped for label in group.split(", "))}


def test_alerts_and_dashboard_name_what_is_in_a_scrape(wire):
    """The run has a sink with a spool, so that the scrape has the spool's metrics."""
    config = f"""
      input: {{devices: ["net_pcap0,rx_pcap={capture('dns.pcap')}"]}}
      sinks: [{{type: kafka, brokers: "127.0.0.1:1", topic: flows, spool: {{mode: always, path: spool}}}}]
    """
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(config)
    command("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    with Running("-c", "c.yaml", "--quiet", "-s", f"telemetry.listen={ADDRESS}", prefix=inside(wire.sensor)) as running:
        wait_until(lambda: "telemetry.listen" in running.stderr(), 20, "the endpoint")
        scraped = scrape_of(wire)
    series = {name for name, _, _ in scraped.samples}
    labels = {name for _, has, _ in scraped.samples for name in has} | {"instance"}
    for expression in [each for part in expressions() for each in part]:
        names = re.findall(r"\b(?:spanflow|process)_[a-z_]+", expression)
        assert names, expression
        assert_equal([name for name in names if name not in series], [], expression)
        assert_equal([label for label in labels_in(expression) if label not in labels], [], expression)
    assert "spanflow_sink_spool_bytes" in series


def test_every_family_of_a_scrape_is_in_the_reference(wire):
    listed = set(re.findall(r"^\| `([a-z_]+)`", spanflowd("--list-telemetry").stdout, re.MULTILINE))
    with listening(wire) as running:
        scraped = scrape_of(wire).families()
        running.finish(signal.SIGTERM, within=5)
    assert_equal({name for name in scraped if not name.startswith("exposer_")} - listed, set())
    assert_equal({name for name in listed - scraped if not name.startswith("spanflow_sink_spool_")}, set())


@pytest.mark.release_only
def test_alerts_are_rules_and_fire_when_they_should():
    need("promtool")
    for action, path in (("check", ALERTS), ("test", os.path.join(ROOT, "tests", "e2e", "prometheus-alerts.yaml"))):
        done = subprocess.run(["promtool", action, "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert_equal(done.returncode, 0, done.stdout.decode())


# --- DPDK's telemetry socket ---


class DpdkClient:
    """A client of DPDK's telemetry socket, like dpdk-telemetry.py."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(patience(5))
        self.socket.connect(os.path.join(folder, "dpdk_telemetry.v2"))
        self.greeting = json.loads(self.socket.recv(1024))

    def ask(self, question):
        self.socket.send(question.encode())
        return json.loads(self.socket.recv(self.greeting["max_output_len"]))[question.split(",")[0]]


@contextlib.contextmanager
def device_running(name):
    """Runs spanflowd on a DPDK device that gives the 58 packets of a capture. The runtime files are in run/, in the
    case's folder. Returns the run and the folder of DPDK's socket."""
    environment = {**os.environ, "RUNTIME_DIRECTORY": os.path.abspath("run")}
    with Running("-d", f"net_pcap0,rx_pcap={capture('http.pcap')}", "--quiet", "-w", f"csv:{name}.csv",
                 "-s", "control.socket=off", env=environment) as running:
        folder = os.path.join("run", "dpdk", f"spanflow-{running.process.pid}")
        wait_until(lambda: os.path.exists(os.path.join(folder, "dpdk_telemetry.v2")), 20, "the socket")
        yield running, folder


def asked_until(client, question, is_right):
    """Asks until the answer is right, because DPDK opens the socket before the run has started."""
    def right_answer():
        said = client.ask(question)
        return said if is_right(said) else None
    return wait_until(right_answer, 20, question)


def test_dpdk_socket_answers_and_is_gone_at_the_end():
    os.mkdir("run")
    with device_running("flows") as (running, folder):
        client = DpdkClient(folder)
        assert_equal(client.greeting["pid"], running.process.pid)
        asked_until(client, "/spanflow/summary", lambda said: said and said["packets_received"] == 58)
        summary = asked_until(client, "/spanflow/ports,0", lambda said: said["received"] == 58) and client.ask("/spanflow/summary")
        assert_equal(client.ask("/spanflow/workers"), ["0"])
        assert_equal(client.ask("/spanflow/workers,0")["packets_received"], 58)
        assert_equal(client.ask("/spanflow/workers,1"), None)
        assert_equal(client.ask("/spanflow/workers,x"), None)
        assert_equal(client.ask("/spanflow/sinks"), ["csv:flows.csv"])
        assert_equal(client.ask("/spanflow/sinks,0")["dropped_queue_full"], 0)
        assert_equal(client.ask("/spanflow/ports"), ["net_pcap0"])
        assert_equal(client.ask("/spanflow/ports,0")["received"], 58)
        assert "/ethdev/stats" in client.ask("/")
        run = running.finish(signal.SIGTERM, within=5)
    assert_equal(summary["octets_metered"], run.summary["octets"]["metered"])
    assert_equal(run.summary["ports"], [{"name": "net_pcap0", "up": True, "received": 58, "nic_missed": 0, "no_mbuf": 0,
                                        "kernel_dropped": 0, "nic_errors": 0}])
    assert not os.path.exists(folder), os.listdir(folder)


def test_processes_side_by_side_have_sockets_of_their_own():
    os.mkdir("run")
    with device_running("one") as (one, folder), device_running("other") as (other, other_folder):
        clients = DpdkClient(folder), DpdkClient(other_folder)
        for client, name in zip(clients, ("one", "other")):
            asked_until(client, "/spanflow/sinks", lambda said, name=name: said == [f"csv:{name}.csv"])
        one.finish(signal.SIGTERM, within=5)
        assert_equal(clients[1].ask("/spanflow/sinks"), ["csv:other.csv"])
        other.finish(signal.SIGTERM, within=5)


def test_dpdk_socket_can_be_switched_off():
    os.mkdir("run")
    environment = {**os.environ, "RUNTIME_DIRECTORY": os.path.abspath("run")}
    with Running("-d", "net_null0", "--quiet", "-w", "csv:flows.csv", "-s", "input.eal_arguments=[--no-telemetry]",
                 env=environment) as running:
        wait_until(lambda: os.path.exists("flows.csv.part"), 20, "a run")
        assert_equal(sockets_below("run"), [])
        running.finish(signal.SIGTERM, within=5)


def sockets_below(folder):
    return [name for _, _, names in os.walk(folder) for name in names if name.startswith("dpdk_telemetry")]
