"""Reads the records that spanflowd wrote."""
import csv
import json

from support.ledgers import assert_sums
from support.program import spanflowd


def parse_csv(content):
    return list(csv.DictReader(content.splitlines()))


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def record_order(record):
    return (int(record["start_time_ns"]), record["flow_id"], int(record["segment"]))


def sorted_records(records, without=("worker", "sequence")):
    """Returns the records without the fields `without`, which may differ between runs. The order of the records does
    not depend on when they were exported."""
    return [{name: value for name, value in record.items() if name not in without}
            for record in sorted(records, key=record_order)]


def fields_with(feature):
    """Returns the names of the fields that only runs with this feature have."""
    rows = (line.split("|") for line in spanflowd("--list-fields").stdout.splitlines()[2:])
    return tuple(row[1].strip(" `") for row in rows if f"with {feature}" in row[3])


def records_of(*captures, settings=(), arguments=(), **options):
    """Reads captures with spanflowd. Checks that the sums of the records agree with the summary, and returns both."""
    command = ["--quiet", *arguments, "-w", "csv:-"]
    for setting in settings:
        command += ["-s", setting]
    run = spanflowd("-r", *captures, *command, **options)
    records = parse_csv(run.stdout)
    assert_sums(records, run.summary)
    return records, run.summary
