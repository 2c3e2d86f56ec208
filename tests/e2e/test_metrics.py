"""Checks user metrics: the examples of docs/metrics.md, and that the three kinds of user metrics agree."""
import json
import os
import re

import pytest

from support.build import ROOT
from support.captures import capture, capture_names
from support.cases import named
from support.compare import assert_equal
from support.library import build_shared_object, compile_program, run_program, set_metrics, write_file
from support.program import spanflowd
from support.records import parse_csv, sorted_records

NAME = "count_pkts_gt_666"


def blocks(language):
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


def jsonl(*arguments, **options):
    return [json.loads(line) for line in spanflowd("--quiet", *arguments, **options).stdout.splitlines()]


YAML_COUNT = '{name: yaml, when: "greater 667", count: packets}'
PLUGIN_COUNT = f"{{name: {NAME}, plugin: ./count_large.so}}"


def build_count_large():
    build_shared_object(write_file("count_large.cc", blocks("cpp")[0]), "count_large.so")


def test_configuration_of_the_page_gives_what_it_shows():
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        shown = json.loads("{" + re.search(r'"metrics":\{.*?\}\}', file.read())[0])
    first = jsonl("-c", write_file("metrics.yaml", blocks("yaml")[0]), "-r", capture("tls12_instagram.pcap"), "-w", "jsonl:-")[0]
    assert_equal(first["metrics"], shown["metrics"])


def test_shared_object_and_configuration_of_the_page_agree():
    build_count_large()
    arguments = ("-r", capture("mixed.pcap"), "-w", "jsonl:-")
    by_yaml = jsonl("-c", write_file("a.yaml", blocks("yaml")[0]), *arguments)
    by_plugin = jsonl("-c", write_file("b.yaml", blocks("yaml")[1]), *arguments)
    values = [record["metrics"][NAME] for record in by_plugin]
    assert_equal(values, [record["metrics"][NAME] for record in by_yaml])
    assert sum(values) > 0, "nothing was counted"


THREE_WAYS = """
#include <spanflow/streamer.h>
#include <iostream>
using namespace spanflow;
int main(int, char** argv) {
  Streamer streamer{{.source = argv[1],
                     .settings = {argv[2]},
                     .user_metrics = {{"callback", [](const PacketInfo& packet, Flow& flow) {
                                         if (packet.size > 666) flow.metrics["callback"] += 1;
                                       }}}}};
  for (const FlowRecord& flow : streamer) std::cout << flow << '\\n';
}
"""


def test_three_ways_agree_on_every_capture():
    build_count_large()
    compile_program(THREE_WAYS)
    setting = f"metrics=[{YAML_COUNT}, {{name: {NAME}, plugin: {os.path.abspath('count_large.so')}}}]"
    counted = 0
    for name in capture_names():
        for line in run_program(capture(name), setting).splitlines():
            values = json.loads(line)["metrics"]
            assert_equal(values, {name: values["yaml"] for name in ("yaml", NAME, "callback")}, name)
            counted += values["yaml"]
    assert counted > 100, counted


def test_values_are_columns_after_the_fields():
    run = spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:-", "-s", "output.fields=classic",
                    *set_metrics('{name: least, min: payload_size, when: "udp"}', YAML_COUNT))
    header = run.stdout.splitlines()[0].split(",")
    assert_equal(header[-3:], ["export_reason", "metrics.least", "metrics.yaml"])
    for record in parse_csv(run.stdout):
        assert_equal(record["metrics.least"] != "", record["ip_protocol"] == "17", str(record))


def test_every_number_of_workers_gives_the_same_values():
    metrics = set_metrics(YAML_COUNT, "{name: a, sum: size}", "{name: b, mean: gap}", "{name: c, last: ttl}")

    def values(workers):
        run = spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:-", "--workers", workers, *metrics)
        names = ("flow_id", "segment", "start_time_ns", "metrics.yaml", "metrics.a", "metrics.b", "metrics.c")
        return [{name: record[name] for name in names} for record in sorted_records(parse_csv(run.stdout))]

    assert_equal(values(3), values(1))


def test_examples_run():
    build_shared_object(os.path.join(ROOT, "config", "examples", "metrics.cc"), "metrics.so")
    run = spanflowd("-r", capture("dns.pcap"), "--quiet", "-w", "csv:-",
                    *set_metrics("{name: size_entropy, plugin: ./metrics.so}",
                                 "{name: until_first_answer_ns, plugin: ./metrics.so}"))
    answered = [record for record in parse_csv(run.stdout) if record["metrics.until_first_answer_ns"]]
    assert answered, run.stdout
    assert_equal(run.summary["flows"]["exported"]["plugin"], len(answered))
    for record in answered:
        assert_equal((record["end_reason"], record["export_reason"], record["dst_to_src_pkts"]), ("plugin", "4", "1"))
        assert_equal(record["metrics.until_first_answer_ns"], record["duration_ns"])


THROWING = """
#include <spanflow/metric.h>
#include <stdexcept>
struct Throwing {
  void on_packet(const spanflow::PacketInfo&, spanflow::Flow&) { throw std::runtime_error("a mistake of mine"); }
  double value() const { return 1; }
};
SPANFLOW_METRIC(throwing, Throwing);
"""


def test_metric_that_throws_is_switched_off_and_the_run_goes_on():
    build_shared_object(write_file("throwing.cc", THROWING), "throwing.so")
    run = spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "jsonl:-",
                    *set_metrics("{name: throwing, plugin: throwing.so}", "{name: n, count: packets}"))
    assert_equal(run.stderr, "spanflowd: error: metric throwing is switched off: it threw a mistake of mine\n")
    assert_equal(run.summary["metrics"], {"switched_off": 1})
    for record in map(json.loads, run.stdout.splitlines()):
        assert_equal(record["metrics"], {"n": record["src_to_dst_pkts"] + record["dst_to_src_pkts"]})


OTHER_VERSION = """
#include <spanflow/metric.h>
extern "C" {
extern const spanflow::MetricInterface spanflow_metric_x;
const spanflow::MetricInterface spanflow_metric_x{.abi = spanflow::kMetricAbi + 1};
}
"""


def refusal(*arguments):
    run = spanflowd("-r", capture("dns.pcap"), "--quiet", "-w", "jsonl:-", *arguments, code=2)
    assert_equal(run.stdout, "")
    return run.stderr


def test_shared_object_of_another_version_is_refused():
    build_shared_object(write_file("other.cc", OTHER_VERSION), "other.so")
    line = refusal(*set_metrics("{name: x, plugin: other.so}"))
    assert re.fullmatch(r"spanflowd: error: metrics\[0\]\.plugin: x was built for another version \(interface 2, packet \d+, "
                        r"flow \d+ octets; this spanflow has 1, \d+ and \d+\): build it again with this spanflow's "
                        r"headers\n", line), line


def test_shared_object_without_the_metric_is_refused():
    build_count_large()
    assert_equal(refusal(*set_metrics("{name: x, plugin: count_large.so}")),
                 "spanflowd: error: metrics[0].plugin: count_large.so has no SPANFLOW_METRIC(x, ...)\n")


@pytest.mark.parametrize("argument", ["--workers=1", "--check-config"])
def test_shared_object_that_is_missing_is_refused(argument):
    assert_equal(refusal(argument, *set_metrics("{name: x, plugin: absent.so}")),
                 "spanflowd: error: metrics[0].plugin: cannot be loaded: ./absent.so: cannot open shared object file: "
                 "No such file or directory\n")


@pytest.mark.parametrize("metric, complaint", named(
    ("two aggregates", "{name: x, sum: size, max: size}", ".max: a metric has one aggregate only"),
    ("no aggregate", "{name: x}", ": a metric needs one of count, sum, min, max, mean, first, last or plugin"),
    ("unknown key", "{name: x, sum: size, directon: both}", ".directon: unknown key, did you mean direction?")))
def test_mistake(metric, complaint):
    _, setting = set_metrics(metric)
    assert_equal(refusal("-s", setting), f"spanflowd: error: --set {setting}: metrics[0]{complaint}\n")
