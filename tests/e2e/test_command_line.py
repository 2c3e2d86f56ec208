"""Checks the command line: output files, precedence of options, and exit codes."""
import json
import os
import subprocess

import pytest

from support.build import binary
from support.captures import capture
from support.cases import named
from support.compare import assert_equal
from support.program import spanflowd
from support.records import parse_csv, read_csv, read_jsonl

CLASSIC = ("ip_src src_port ip_dst dst_port ip_protocol src_to_dst_pkts dst_to_src_pkts src_to_dst_bytes "
           "dst_to_src_bytes application_name category_name start_time end_time export_reason").split()


def is_texts(value):
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def joined(texts):
    return ";".join(each.replace("\\", "\\\\").replace(";", "\\;") for each in texts)


def as_text(record):
    return {name: joined(value) if is_texts(value) else str(value) for name, value in record.items()}


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    return path


def answer(*arguments):
    """Returns the standard output of a run that only prints information. Fails if there is output on standard error."""
    done = subprocess.run([binary(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return done.stdout.decode()


def test_default_output_is_json_lines_on_standard_output():
    run = spanflowd("-r", capture("http.pcap"), "--quiet")
    records = [json.loads(line) for line in run.stdout.splitlines()]
    assert_equal(len(records), run.summary["records"]["exported"])
    assert_equal(run.summary["records"]["sinks"][0]["name"], "jsonl:-")


def test_csv_and_jsonl_say_the_same():
    spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:flows.csv", "-w", "jsonl:flows.jsonl")
    from_csv = [{name: value for name, value in record.items() if value != ""} for record in read_csv("flows.csv")]
    from_json = [as_text(record) for record in read_jsonl("flows.jsonl")]
    assert_equal(from_csv, from_json)


def test_csv_to_standard_output_and_json_to_a_file():
    run = spanflowd("-r", capture("dns.pcap"), "--quiet", "-w", "jsonl:flows.jsonl", "-w", "csv:-")
    assert_equal(len(parse_csv(run.stdout)), len(read_jsonl("flows.jsonl")))


def test_classic_fields_have_their_names_and_order():
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:-", "-s", "output.fields=classic")
    assert_equal(run.stdout.splitlines()[0].split(","), CLASSIC)
    full = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:-")
    assert_equal(full.stdout.splitlines()[0].split(",")[:len(CLASSIC)], CLASSIC)


def test_fields_come_in_the_order_given():
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:-", "-s", "output.fields=[segment, ip_dst]")
    assert_equal(run.stdout.splitlines()[0], "segment,ip_dst")


def test_fields_of_one_sink():
    write("c.yaml", "sinks:\n  - {type: csv, path: a.csv, fields: classic}\n  - {type: csv, path: b.csv, fields: [ip_src]}\n"
                    "  - {type: csv, path: c.csv}\noutput: {fields: [ip_dst]}\n")
    spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "--quiet")
    for path, fields in (("a.csv", CLASSIC), ("b.csv", ["ip_src"]), ("c.csv", ["ip_dst"])):
        assert_equal(list(read_csv(path)[0]), fields, path)


def test_a_capture_without_packets_gives_a_header_and_no_record():
    with open(capture("http.pcap"), "rb") as file:
        head = file.read(24)
    with open("none.pcap", "wb") as file:
        file.write(head)
    run = spanflowd("-r", "none.pcap", "--quiet", "-w", "csv:flows.csv", "-w", "jsonl:flows.jsonl")
    assert_equal(run.summary["packets"]["received"], 0)
    with open("flows.csv", encoding="utf-8") as file:
        assert file.read().startswith("ip_src,src_port,") and not read_csv("flows.csv")
    assert_equal(read_jsonl("flows.jsonl"), [])


def test_an_existing_target_is_replaced():
    write("flows.csv", "old\n" * 100000)
    spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:flows.csv")
    assert "ip_src" in read_csv("flows.csv")[0]


def dumped(*arguments):
    return answer("--dump-config", *arguments)


def value_in(dump, option):
    section, _, key = option.rpartition(".")
    lines = dump.splitlines()
    start = lines.index(section + ":") if section else 0
    prefix = ("  " if section else "") + key + ": "
    return next(line for line in lines[start:] if line.startswith(prefix))[len(prefix):]


def test_file_overrides_defaults_setting_overrides_file_flag_overrides_setting():
    assert_equal(value_in(dumped(), "workers"), "1")
    write("c.yaml", "workers: 2\nflow: {capacity: 5000}\n")
    assert_equal(value_in(dumped("-c", "c.yaml"), "workers"), "2")
    assert_equal(value_in(dumped("-c", "c.yaml", "-s", "workers=3"), "workers"), "3")
    both = dumped("--workers", "4", "-c", "c.yaml", "-s", "workers=3")
    assert_equal(value_in(both, "workers"), "4")
    assert_equal(value_in(both, "flow.capacity"), "5000")


def test_the_last_setting_of_an_option_holds():
    assert_equal(value_in(dumped("-s", "workers=3", "-s", "workers=2"), "workers"), "2")


def test_input_flag_overrides_the_file():
    write("c.yaml", "input: {interface: none0}\nsinks: [{type: csv, path: flows.csv}]\n")
    spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "--quiet")
    assert read_csv("flows.csv")


def test_input_and_sinks_from_the_file_alone():
    write("c.yaml", f"input: {{files: [{capture('http.pcap')}]}}\nsinks: [{{type: jsonl, path: flows.jsonl}}]\n")
    spanflowd("-c", "c.yaml", "--quiet")
    assert read_jsonl("flows.jsonl")


def test_write_replaces_the_sinks_of_the_file():
    write("c.yaml", "sinks: [{type: csv, path: from_file.csv}]\n")
    spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "--quiet", "-w", "csv:from_flag.csv")
    assert os.path.exists("from_flag.csv") and not os.path.exists("from_file.csv")


def test_quiet_run_says_nothing():
    assert_equal(spanflowd("-r", capture("http.pcap"), "--quiet").stderr, "")


def test_summary_on_standard_error_has_both_ledgers():
    run = spanflowd("-r", capture("http.pcap"))
    for word in ("packets/s", "  packets  ", "  flows    ", "  records  ", " received = ", " opened = ", " delivered + "):
        assert word in run.stderr, run.stderr


def test_summary_may_go_to_standard_output():
    arguments = [binary(), "-r", capture("http.pcap"), "--quiet", "-w", "csv:flows.csv", "--summary", "-"]
    run = subprocess.run(arguments, stdout=subprocess.PIPE, check=True)
    assert_equal(json.loads(run.stdout)["records"]["sinks"][0]["name"], "csv:flows.csv")
    assert not os.path.exists("-")


def test_summary_file_has_every_name_of_the_contract():
    summary = spanflowd("-r", capture("http.pcap"), "--quiet", "--workers", "2").summary
    assert isinstance(summary["seconds"], float)
    assert_equal(summary["workers"], 2)
    for name in ("received", "metered", "nic_missed", "no_mbuf", "kernel_dropped"):
        assert isinstance(summary["packets"][name], int), name
    for name in ("ignored", "malformed"):
        assert all(isinstance(count, int) for count in summary["packets"][name].values())
    assert isinstance(summary["flows"]["opened"], int) and isinstance(summary["flows"]["open"], int)
    for name in ("inactive", "active", "closed", "capture_end", "evicted"):
        assert isinstance(summary["flows"]["exported"][name], int), name
    assert isinstance(summary["records"]["ring_dropped"], int)
    for sink in summary["records"]["sinks"]:
        assert_equal(set(sink), {"name", "handed", "recovered", "delivered", "queued", "spooled", "dropped", "waiting",
                                 "queue_records", "oldest_seconds"})
    assert_equal(summary["ports"], [])
    assert_equal(sum(worker["packets"]["metered"] for worker in summary["per_worker"]), summary["packets"]["metered"])
    for histogram in summary["histograms"].values():
        assert_equal(len(histogram["counts"]), len(histogram["bounds"]) + 1)
    assert_equal(sum(summary["histograms"]["dpi.packets_to_verdict"]["counts"]), summary["dpi"]["classified"])


def test_every_counter_is_in_the_summary():
    summary = spanflowd("-r", capture("http.pcap"), "--quiet").summary
    for line in answer("--list-counters").splitlines()[2:]:
        at = summary
        for word in line.split("`")[1].split("."):
            at = at[word]
        assert isinstance(at, int), line


def test_unwritable_summary_file():
    done = subprocess.run([binary(), "-r", capture("http.pcap"), "--quiet", "-w", "csv:a.csv", "--summary", "no/where"],
                          stderr=subprocess.PIPE, check=False)
    assert_equal(done.returncode, 1)
    assert_equal(done.stderr.decode(), "spanflowd: error: no/where: cannot be written: No such file or directory\n")
    assert not os.path.exists("a.csv"), "the run must not begin"


def test_check_config_of_a_good_configuration():
    write("c.yaml", f"input: {{files: [{capture('http.pcap')}]}}\nsinks: [{{type: csv, path: flows.csv}}]\n")
    run = spanflowd("-c", "c.yaml", "--check-config")
    assert_equal((run.stdout, run.stderr), ("", ""))
    assert not os.path.exists("flows.csv"), "a check must write nothing"


def test_check_config_of_a_bad_configuration():
    write("c.yaml", "workers: none\n")
    assert spanflowd("-c", "c.yaml", "--check-config", code=2).stderr.startswith("spanflowd: error: c.yaml:1:10: workers: ")


def test_swapped_timeouts_are_doubted():
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:a.csv", "-s", "flow.inactive_timeout=130s")
    assert_equal(run.stderr.splitlines(), [
        "spanflowd: warning: flow.inactive_timeout (130s) is longer than flow.active_timeout (120s): no flow will end as "
        "inactive before it is cut; are they swapped?"])


@pytest.mark.parametrize("arguments", named(*((name, words) for name, *words in [
    ("defaults",),
    ("settings", "-s", "workers=7", "-s", "flow.vlan_key=both", "-s", "decode.tunnels=[gtp, ipip]", "-s", "input.filter=not port 22"),
    ("files", "-r", "a.pcap", "odd name: #1.pcap", "-", "-w", "csv:-", "-w", "jsonl:out put.jsonl", "--duration", "90m"),
    ("interface", "-i", "eth1", "-s", "input.memory=64MiB", "-s", "sensor_id=true", "-s", "input.cores=[0, 1]"),
    ("devices", "-d", "net_pcap0,rx_pcap=a.pcap", "-d", "0000:3b:00.0", "-s", "output.fields=[ip_src, classic]", "-s", "sensor_id=1.5"),
])))
def test_dumped_configuration_reads_back_as_the_same(arguments):
    first = dumped(*arguments)
    write("dumped.yaml", first)
    assert_equal(dumped("-c", "dumped.yaml").splitlines(), first.splitlines())


def test_dumped_sinks_read_back_as_the_same():
    write("c.yaml", "sinks:\n  - {type: csv, path: 'a: b.csv', fields: [ip_src, segment], queue: 7}\n  - {type: jsonl}\n"
                    "  - {type: csv, path: '%F.csv', rotate_every: 5m, rotate_size: 1GiB, compression: none, compression_level: 19}\n"
                    "  - {type: csv, path: c.csv, rotate_every: off, rotate_size: off, compression: zstd}\n")
    first = dumped("-c", "c.yaml")
    write("dumped.yaml", first)
    assert_equal(dumped("-c", "dumped.yaml"), first)


def test_lists():
    assert answer("--list-options").startswith("| option | default | expected | meaning |\n")
    assert_equal(answer("--list-options", "markdown"), answer("--list-options"))
    assert answer("--list-fields").startswith("| field | unit | in | meaning | IPFIX |\n")
    assert "`packets.received`" in answer("--list-counters")
    assert json.loads(answer("--list-options", "schema"))["properties"]["flow"]["properties"]["capacity"]


FEATURES = ("features.statistics=true", "features.splt=10", "features.tcp=true")


@pytest.mark.parametrize("settings", named(("features off", ()), ("features on", FEATURES)))
def test_full_is_exactly_what_list_fields_says(settings):
    rows = [line.split("|") for line in answer("--list-fields").splitlines()[2:]]
    listed = [row[1].strip(" `") for row in rows if "live" not in row[3] and (settings or "features." not in row[3] or "names" in row[3])]
    run = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:-", *(f"-s{setting}" for setting in settings))
    assert_equal(run.stdout.splitlines()[0].split(","), listed)


def test_csv_and_jsonl_say_the_same_with_features():
    spanflowd("-r", capture("mixed.pcap"), "--quiet", "-w", "csv:flows.csv", "-w", "jsonl:flows.jsonl",
              *(f"-s{setting}" for setting in FEATURES))
    for from_csv, from_json in zip(read_csv("flows.csv"), read_jsonl("flows.jsonl"), strict=True):
        assert_equal({name for name, text in from_csv.items() if text != ""}, set(from_json))
        for name, value in from_json.items():
            assert_equal(from_csv[name] if isinstance(value, str) or is_texts(value) else json.loads(from_csv[name]),
                         joined(value) if is_texts(value) else value, name)


def test_version_and_help():
    words = answer("--version").split()
    assert words[0] == "spanflowd" and words[1].count(".") == 2, words
    assert "--interface" in answer("--help")


COMMAND_LINE_MISTAKES = (
    ((), "no input: name capture files (-r, input.files), an interface (-i) or DPDK devices (-d)"),
    (("--wat",), "The following argument was not expected: --wat; see spanflowd --help"),
    (("stray",), "The following argument was not expected: stray; see spanflowd --help"),
    (("-r",), "--read: 1 required FILE... missing; see spanflowd --help"),
    (("-r", "a", "-i", "b"), "--read, --interface and --device exclude each other"),
    (("-r", "a", "-w", "cvs:x"), "--write cvs:x: expected jsonl:PATH or csv:PATH or ipfix:udp://HOST:PORT or kafka:BROKER:PORT/TOPIC, did you mean csv?"),
    (("-r", "a", "-w", "flows.csv"), "--write flows.csv: expected jsonl:PATH or csv:PATH or ipfix:udp://HOST:PORT or kafka:BROKER:PORT/TOPIC"),
    (("-r", "a", "-w", "kafka:b:9092"), "--write kafka:b:9092: expected jsonl:PATH or csv:PATH or ipfix:udp://HOST:PORT or kafka:BROKER:PORT/TOPIC"),
    (("-r", "a", "-w", "csv:"), "--write csv:: expected jsonl:PATH or csv:PATH or ipfix:udp://HOST:PORT or kafka:BROKER:PORT/TOPIC"),
    (("-r", "a", "--workers", "0"), '--workers 0: expected a whole number from 1 to 128, got "0"'),
    (("-r", "a", "--workers", "two"), '--workers two: expected a whole number from 1 to 128, got "two"'),
    (("-r", "a", "--workers", "{"), "--workers {: not YAML: end of map flow not found"),
    (("-r", "a", "--duration", "5"),
     '--duration 5: expected a duration with its unit, such as 120s, 2m or 500ms, got "5"'),
    (("-r", "a", "-s", "workers"), "--set workers: expected name=value"),
    (("-r", "a", "-s", "wrkers=2"), "--set wrkers=2: wrkers: unknown key, did you mean workers?"),
    (("-r", "a", "-s", "flow.capacty=2"), "--set flow.capacty=2: flow.capacty: unknown key, did you mean flow.capacity?"),
    (("-r", "a", "-s", "workers=none"), '--set workers=none: workers: expected a whole number from 1 to 128, got "none"'),
    (("-r", "a", "-s", "input.filter=port port"),
     '--set input.filter=port port: input.filter: expected a pcap-filter expression, got "port port" '
     "(can't parse filter expression: syntax error)"),
    (("--list-options", "xml"), "--list-options xml: expected markdown, schema or man"),
    (("-c", "absent.yaml", "-r", "a"), "absent.yaml: cannot be read: No such file or directory"),
    (("-c", ".", "-r", "a"), ".: cannot be read: Is a directory"),
)


@pytest.mark.parametrize("arguments, line", named(
    *((" ".join(arguments) or "nothing", arguments, line) for arguments, line in COMMAND_LINE_MISTAKES)))
def test_mistake(arguments, line):
    done = subprocess.run([binary(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert_equal(done.stderr.decode(), f"spanflowd: error: {line}\n")
    assert_equal((done.returncode, done.stdout), (2, b""))
