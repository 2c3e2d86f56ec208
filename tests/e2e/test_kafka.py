"""Checks records that go through a real Apache Kafka broker: which records arrive, and what spanflowd reports about the
other records."""
import ast
import collections
import ipaddress
import json
import os
import random
import signal
import subprocess
import time

import pytest

from support import build
from support.broker import Broker
from support.build import ROOT, patience
from support.captures import capture
from support.compare import assert_equal
from support.ledgers import assert_sums
from support.program import Running, need, spanflowd
from support.records import read_jsonl
from support.waiting import wait_until

# The length of an outage in seconds, and the number of killed runs. Both are larger in .ci/nightly.
OUTAGE = 60 if build.thorough else 3
KILLS = 20 if build.thorough else 5


def records_in(broker, topic="flows"):
    return [json.loads(message.value) for message in broker.messages(topic)]


def identity(record):
    return record.get("sensor_id", ""), record["boot_id"], record["worker"], record["sequence"]


# Returns the arguments of a run that replays a capture from memory without end. Flows end after 20 ms, so there are
# always new records.
def endless(*arguments):
    return ("-d", f"net_pcap0,rx_pcap={capture('mixed.pcap')},infinite_rx=1", "-s", "flow.active_timeout=20ms",
            "-s", "flow.inactive_timeout=20ms", "-s", "overload.enabled=false", "-s", "input.memory=64MiB",
            "-s", "dpi.enabled=false", *arguments)


def sink_of(summary):
    return summary["records"]["sinks"][0]


def test_records_arrive_as_a_file_sink_writes_them(broker):
    run = spanflowd("-r", capture("mixed.pcap"), "-w", "jsonl:flows.jsonl", "-w", f"kafka:{broker.address}/as_in_file")
    messages = broker.messages("as_in_file")
    records = [json.loads(message.value) for message in messages]
    assert_sums(records, run.summary)
    assert_equal(run.summary["records"]["sinks"][1]["delivered"], len(records))
    for message, record in zip(messages, records):
        assert_equal(message.key, record["community_id"], "key")
        record.pop("boot_id")
    assert_equal(sorted(records, key=lambda record: record["sequence"]), read_jsonl("flows.jsonl"))


def decoded(message):
    """Returns the fields of a protobuf message, as protoc decodes them with flow.proto: lists of numbers, texts and octets."""
    text = subprocess.run(["protoc", "--proto_path", f"{ROOT}/lib/sinks", "--decode", "spanflow.Flow", "flow.proto"],
                          input=message, stdout=subprocess.PIPE, check=True).stdout.decode()
    fields = collections.defaultdict(list)
    for line in text.splitlines():
        name, value = line.split(": ", 1)
        fields[name].append(ast.literal_eval("b" + value if value.startswith('"') else value))
    return fields


def as_in_json(name, value):
    if name in ("ip_src", "ip_dst"):
        return str(ipaddress.ip_address(value))
    if name.endswith(("_mac", "_oui")):
        return value.hex(":")
    if name in ("flow_id", "boot_id"):
        return f"{value:016x}"
    return value.decode() if isinstance(value, bytes) else value


def test_protobuf_holds_what_json_does(broker):
    need("protoc")
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(f"sensor_id: north\nfeatures: {{tcp: true}}\nsinks:\n  - {{type: jsonl, path: flows.jsonl}}\n"
                   f"  - {{type: kafka, brokers: '{broker.address}', topic: protobuf, value: protobuf}}\n")
    spanflowd("-c", "c.yaml", "-r", capture("tls13_web.pcap"), "--quiet")
    messages = [decoded(message) for message in broker.octets("protobuf")]
    expected = {record["sequence"]: record for record in read_jsonl("flows.jsonl")}
    assert_equal(len(messages), len(expected))
    for message in messages:
        record = {name: [as_in_json(name, value) for value in values] for name, values in message.items()}
        record.pop("boot_id")
        wanted = expected[record["sequence"][0]]
        assert_equal(set(record), set(wanted), "fields")
        for name, value in wanted.items():
            assert_equal(record[name], value if isinstance(value, list) else [value], name)


def test_records_of_a_flow_go_to_one_partition_in_order(broker):
    spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", f"kafka:{broker.address}/in_order",
              "-s", "flow.active_timeout=5ms", "-s", "flow.inactive_timeout=5ms")
    messages = broker.messages("in_order")
    partitions, segments = collections.defaultdict(set), collections.defaultdict(list)
    for message in messages:
        record = json.loads(message.value)
        partitions[record["community_id"]].add(message.partition)
        segments[record["flow_id"]].append(record["segment"])
    assert len({next(iter(found)) for found in partitions.values()}) > 1, "all in one partition"
    assert all(len(found) == 1 for found in partitions.values()), partitions
    assert any(len(found) > 1 for found in segments.values()), "no flow was cut"
    assert all(found == sorted(found) for found in segments.values()), segments


def test_two_starts_are_told_apart(broker):
    for _ in range(2):
        spanflowd("-r", capture("http.pcap"), "--quiet", "-w", f"kafka:{broker.address}/two_starts",
                  "-s", "sensor_id=north", "-s", "output.fields=classic")
    records = records_in(broker, "two_starts")
    assert_equal(len({record["boot_id"] for record in records}), 2)
    assert_equal(len({identity(record) for record in records}), len(records))
    assert_equal({record["sensor_id"] for record in records}, {"north"})


def wait_until_delivered(running, count):
    running.wait_for(lambda summary: sink_of(summary)["delivered"] > count, 30, f"{count} records delivered")


@pytest.mark.alone  # without a spool, the last records must be delivered within the time that a sink has at the end
@pytest.mark.slow
def test_an_outage_under_load_loses_nothing(own_broker):
    with Running(*endless("-w", f"kafka:{own_broker.address}/flows", "--quiet")) as running:
        wait_until_delivered(running, 1000)
        own_broker.stop()
        time.sleep(OUTAGE)
        own_broker.start()
        wait_until(lambda: "delivery works again" in running.stderr(), 30, "deliveries after the outage")
        wait_until_delivered(running, sink_of(running.summary())["delivered"] + 1000)
        run = running.finish(signal.SIGINT, within=20)
    records = records_in(own_broker)
    sink = sink_of(run.summary)
    assert_equal(sink["handed"], sink["delivered"], "delivered")
    assert_equal({record["sequence"] for record in records}, set(range(sink["delivered"])), "sequence numbers")
    once = list({identity(record): record for record in records}.values())
    assert_sums(once, run.summary)
    assert_equal(run.stderr.count("spanflowd: error: "), 1, run.stderr)


def write_spool_config(broker, fields="classic", **spool):
    settings = ", ".join(f"{name}: {value}" for name, value in {"path": "spool", **spool}.items())
    with open("spool.yaml", "w", encoding="utf-8") as file:
        file.write(f"sinks:\n  - type: kafka\n    brokers: {broker.address}\n    topic: flows\n    fields: {fields}\n"
                   f"    spool: {{{settings}}}\n")


def run_over_little():
    """Runs spanflowd on a small capture. The run also sends the records in the spool."""
    return spanflowd("-c", "spool.yaml", "-r", capture("ping.pcap"), "--quiet", timeout=120)


def deliver_the_rest():
    """Sends the records in the spool and those of a small capture, and returns the sink's ledger."""
    return sink_of(run_over_little().summary)


def sequences(records):
    """Returns the records' sequence numbers as {boot_id: numbers}. Each start of spanflowd has its own boot_id."""
    found = collections.defaultdict(set)
    for record in records:
        found[record["boot_id"]].add(record["sequence"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["on_failure", "always"])
def test_an_outage_is_spooled(mode, own_broker):
    write_spool_config(own_broker, mode=mode)
    with Running("-c", "spool.yaml", *endless("--quiet")) as running:
        wait_until_delivered(running, 1000)
        own_broker.stop()
        time.sleep(OUTAGE)
        own_broker.start()
        wait_until(lambda: "delivery works again" in running.stderr(), 30, "deliveries after the outage")
        run = running.finish(signal.SIGINT, within=30)
    first = sink_of(run.summary)
    rest = deliver_the_rest()
    found = sequences(records_in(own_broker))
    assert_equal(sum(first["dropped"].values()) + sum(rest["dropped"].values()), 0, "dropped")
    assert_equal(first["handed"], first["delivered"] + first["spooled"])
    assert_equal(rest["recovered"], first["spooled"])
    assert set(range(first["handed"])) in found.values(), {boot: len(numbers) for boot, numbers in found.items()}
    assert_equal(sum(map(len, found.values())), first["handed"] + rest["handed"])


def files_in(folder):
    return set(os.listdir(folder)) if os.path.isdir(folder) else set()


@pytest.mark.slow
@pytest.mark.parametrize("brokers", ["up", "down"])
def test_kill_at_any_moment_loses_only_what_was_not_in_the_spool_yet(brokers, own_broker):
    moments = random.Random(7)
    write_spool_config(own_broker, mode="always")
    if brokers == "down":
        own_broker.stop()
    for _ in range(KILLS):
        before = files_in("spool")
        with Running("-c", "spool.yaml", *endless("--quiet")) as running:
            wait_until(lambda before=before: files_in("spool") - before, 20, "a new file in the spool")
            time.sleep(moments.uniform(0, 1))  # kills at a different moment in each round
            running.process.kill()
            running.process.wait()
    if brokers == "down":
        own_broker.start()
    runs = [run_over_little()]
    while sink_of(runs[-1].summary)["spooled"]:
        runs.append(run_over_little())
    found = sequences(records_in(own_broker))
    # A kill in the middle of a write leaves a torn record. The next start cuts the record off, counts it, and logs the
    # file. Therefore `runs` can have found only the torn record of the last kill.
    torn = sum(run.stderr.count(": torn at offset ") for run in runs)
    dropped = sum((collections.Counter(sink_of(run.summary)["dropped"]) for run in runs), collections.Counter())
    assert torn <= 1, [run.stderr for run in runs]
    assert_equal(dropped, collections.Counter(spool_damaged=torn), "dropped")
    assert len(found) >= KILLS - 1, f"records of {len(found)} starts"
    for boot, numbers in found.items():
        assert_equal(numbers, set(range(len(numbers))), f"sequence numbers of start {boot}")


@pytest.fixture
def small_disk():
    """Mounts a file system with room for 12 MiB at disk/."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    os.mkdir("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", "disk"], check=False).returncode != 0:
        pytest.skip("no mounts here")
    yield
    subprocess.run(["umount", "-l", "disk"], check=False)


@pytest.mark.slow
@pytest.mark.root
def test_a_full_disk_drops_the_oldest_and_goes_on(small_disk, own_broker):
    write_spool_config(own_broker, fields="full", path="disk/spool", max_bytes="16MiB")
    own_broker.stop()
    with Running("-c", "spool.yaml", *endless("--quiet")) as running:
        wait_until(lambda: "no_space: " in running.stderr(), 60, "a full disk")
        running.wait_for(lambda summary: sink_of(summary)["dropped"]["spool_full"] > 1000, 30, "records that are dropped")
        own_broker.start()
        wait_until(lambda: "delivery works again" in running.stderr(), 30, "deliveries after the outage")
        run = running.finish(signal.SIGINT, within=30)
    first = sink_of(run.summary)
    rest = deliver_the_rest()
    found = sequences(records_in(own_broker))
    assert first["dropped"]["spool_full"] > 0, first
    assert_equal(first["handed"], first["delivered"] + first["spooled"] + sum(first["dropped"].values()))
    # The spool may drop a record that is being sent. This record counts as dropped, but may arrive nevertheless.
    arrived = sum(map(len, found.values()))
    sent = first["delivered"] + rest["delivered"]
    assert sent <= arrived <= sent + first["dropped"]["spool_full"], (sent, arrived, first)


def test_without_a_broker_records_are_counted_and_the_run_fails():
    started = time.monotonic()
    run = spanflowd("-r", capture("http.pcap"), "-w", "kafka:127.0.0.1:1/flows", code=1)
    assert time.monotonic() - started < patience(15)
    sink = sink_of(run.summary)
    assert_equal(sink["dropped"]["stopped"], sink["handed"])
    last = run.stderr.splitlines()[-1]
    assert last.startswith("spanflowd: error: kafka:127.0.0.1:1/flows: no broker can be reached: "), last
    assert last.endswith(f"; {sink['handed']} records were not delivered"), last


@pytest.mark.broker
def test_a_topic_that_is_missing_is_named():
    with Broker(auto_create_topics_enable="false") as broker:
        target = f"kafka:{broker.address}/flows"
        run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", target, code=1)
    handed = sink_of(run.summary)["handed"]
    assert_equal(run.stderr.splitlines()[-1], f"spanflowd: error: {target}: topic flows: Broker: Unknown topic or partition; "
                                              f"{handed} records were not delivered")


def make_certificate():
    """Makes a self-signed certificate for 127.0.0.1: key.pem, ca.pem, and both.pem with the content of both files."""
    need("openssl")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "ca.pem",
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, stderr=subprocess.DEVNULL)
    with open("both.pem", "w", encoding="utf-8") as both:
        for name in ("key.pem", "ca.pem"):
            with open(name, encoding="utf-8") as part:
                both.write(part.read())


def secured():
    make_certificate()
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    broker = Broker()
    broker.properties = [
        f"listeners=SASL_SSL://{broker.address},CONTROLLER://127.0.0.1:{broker.port + 1}",
        f"advertised.listeners=SASL_SSL://{broker.address}", "inter.broker.listener.name=SASL_SSL",
        "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms=PLAIN", "sasl.mechanism.inter.broker.protocol=PLAIN",
        f'listener.name.sasl_ssl.plain.sasl.jaas.config={login} username="broker" password="b" user_broker="b" '
        'user_spanflow="secret";',
        "ssl.keystore.type=PEM", f"ssl.keystore.location={os.path.abspath('both.pem')}",
        "ssl.truststore.type=PEM", f"ssl.truststore.location={os.path.abspath('ca.pem')}"]
    for setting in ("security.protocol=sasl_ssl", "ssl.ca.location=ca.pem", "sasl.mechanism=PLAIN",
                    "sasl.username=spanflow", "sasl.password=secret"):
        broker.client += ["-X", setting]
    return broker


def write_config(broker, password):
    with open("password", "w", encoding="utf-8") as file:
        file.write(password + "\n")
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(f"sinks:\n  - type: kafka\n    brokers: {broker.address}\n    topic: flows\n    flush_timeout: 4s\n"
                   "    tls: {ca: ca.pem}\n    sasl: {mechanism: PLAIN, username: spanflow, password_file: password}\n")


@pytest.mark.broker
def test_tls_and_a_password():
    with secured() as broker:
        write_config(broker, "secret")
        run = spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "--quiet")
        assert_equal(len(broker.messages("flows")), run.summary["records"]["exported"])
        write_config(broker, "wrong")
        run = spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "--quiet", code=1)
        assert "Invalid username or password" in run.stderr, run.stderr
