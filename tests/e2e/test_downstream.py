"""Checks that the steps of docs/downstream.md work on records from a real Kafka broker."""
import json
import os
import re
import subprocess

import pytest

from support.broker import Broker
from support.build import ROOT
from support.captures import capture
from support.compare import assert_equal
from support.program import spanflowd
from support.records import read_jsonl
from support.waiting import wait_until

pytestmark = pytest.mark.release_only  # other programs do most of the work, and sanitizers do not check them

PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
PROBES = {"north": "mixed.pcap", "south": "tls13_web.pcap"}


def blocks(kind):
    with open(os.path.join(ROOT, "docs", "downstream.md"), encoding="utf-8") as page:
        return re.findall(f"```{kind}\n(.*?)```", page.read(), re.DOTALL)


def need_module(name):
    if not os.path.exists(PYTHON) or subprocess.run([PYTHON, "-c", f"import {name}"], stderr=subprocess.DEVNULL,
                                                    check=False).returncode != 0:
        pytest.skip(f"no .venv with {name}; see .ci/dependencies")


def run_probe(sensor, sink):
    with open(f"{sensor}.yaml", "w", encoding="utf-8") as file:
        file.write(f"sensor_id: {sensor}\nsinks:\n  - {sink}\n")
    return spanflowd("-c", f"{sensor}.yaml", "-r", capture(PROBES[sensor]), "--quiet").summary


CREATE_TOPIC = """
import sys
from confluent_kafka.admin import AdminClient, NewTopic
client = AdminClient({"bootstrap.servers": sys.argv[1]})
client.create_topics([NewTopic("flows", 4, 1)])["flows"].result()
"""


def start_consumer(code, broker, number):
    with open(f"consumer{number}", "wb") as stderr:
        return subprocess.Popen([PYTHON, "-c", code, broker.address], stdout=subprocess.PIPE, stderr=stderr)


def last_line(path):
    with open(path, encoding="utf-8") as file:
        return (file.read().splitlines() or [""])[-1]


@pytest.mark.slow
@pytest.mark.broker
def test_a_consumer_group_over_several_probes_leaves_out_repeats():
    need_module("confluent_kafka")
    code, = blocks("python")
    with Broker(auto_create_topics_enable="false") as broker:
        subprocess.run([PYTHON, "-c", CREATE_TOPIC, broker.address], check=True)
        consumers = [start_consumer(code, broker, number) for number in range(2)]
        wait_until(lambda: all(last_line(f"consumer{number}") == "2 partitions" for number in range(2)), 30,
                   "each consumer has half of the partitions")
        kafka = f"{{type: kafka, brokers: '{broker.address}', topic: flows}}"
        summaries = [run_probe(sensor, kafka) for sensor in PROBES]
        records = [json.loads(message.value) for message in broker.messages("flows")]
        # Sends every third record again, because Kafka may deliver a record twice.
        again = "\n".join(f"{record['community_id']}\t{json.dumps(record)}" for record in records[::3])
        subprocess.run(["kcat", "-b", broker.address, "-X", "partitioner=murmur2_random", "-P", "-t", "flows", "-K", "\t"],
                       input=again.encode(), check=True)
        results = [json.loads(consumer.communicate(timeout=90)[0]) for consumer in consumers]
    assert all(result["records"] for result in results), results
    sums = {name: sum(result[name] for result in results) for name in results[0]}
    assert_equal(sums["records"], sum(summary["records"]["exported"] for summary in summaries), "records")
    assert_equal(sums["octets"], sum(r["src_to_dst_bytes"] + r["dst_to_src_bytes"] for r in records), "octets")
    assert_equal(sums["repeats"], len(records[::3]), "repeats")


CLICKHOUSE = """
import sys
from chdb.session import Session
session = Session()
for statement in open("schema.sql").read().split(";"):
    if statement.strip():
        session.query(statement)
for _ in range(2):
    session.query("INSERT INTO flows_queue SELECT * FROM file('flows.jsonl', JSONEachRow) "
                  "SETTINGS input_format_skip_unknown_fields = 1", "CSV")
print(session.query("SELECT count(), sum(src_to_dst_pkts + dst_to_src_pkts), sum(src_to_dst_bytes + dst_to_src_bytes), "
                    "uniqExact(sensor_id), max(end) >= min(start) FROM flows FINAL", "TSV"), end="")
print(session.query("SELECT count() FROM flows WHERE ip_dst = toIPv6('::1') OR ip_src = toIPv6('0.0.0.0')", "TSV"), end="")
print(session.query(open("missing.sql").read(), "TSV"), end="")
"""


@pytest.mark.slow
def test_the_clickhouse_schema_holds_what_was_metered_once():
    need_module("chdb")
    schema, missing = blocks("sql")
    # chdb has no Kafka engine, so the case itself inserts the rows that this engine would insert.
    schema, replaced = re.subn(r"ENGINE = Kafka\nSETTINGS .*?;", "ENGINE = Null;", schema, flags=re.DOTALL)
    assert_equal(replaced, 1)
    with open("schema.sql", "w", encoding="utf-8") as file:
        file.write(schema)
    with open("missing.sql", "w", encoding="utf-8") as file:
        file.write(missing.rstrip().rstrip(";"))
    records = []
    for sensor in PROBES:
        run_probe(sensor, f"{{type: jsonl, path: {sensor}.jsonl, fields: [full, boot_id]}}")
        records += read_jsonl(f"{sensor}.jsonl")
    with open("flows.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    done = subprocess.run([PYTHON, "-c", CLICKHOUSE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
    packets = sum(record["src_to_dst_pkts"] + record["dst_to_src_pkts"] for record in records)
    octets = sum(record["src_to_dst_bytes"] + record["dst_to_src_bytes"] for record in records)
    assert_equal(lines[0], [str(len(records)), str(packets), str(octets), "2", "1"])
    assert_equal(lines[1], ["0"])
    assert_equal([line[2] for line in lines[2:]], ["0", "0"], "missing")
