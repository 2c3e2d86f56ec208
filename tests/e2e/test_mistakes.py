"""Checks mistakes in a configuration file. The run must write one line with the place and the mistake, and have exit
code 2."""
import pytest

from support.captures import capture
from support.cases import named
from support.compare import assert_equal
from support.program import spanflowd

DURATION = "a duration with its unit, such as 120s, 2m or 500ms, of at least 1ms"
SINK = ("a sink with type, fields, queue, path, compression, rotate_every, rotate_size, compression_level, "
        "observation_domain, template_refresh, brokers, topic, key, value, flush_timeout, tls, sasl, spool, rdkafka")

MISTAKES = (
    ("unknown key", "flow:\n  capacty: 5\n", "2:3: flow.capacty: unknown key, did you mean flow.capacity?"),
    ("unknown key that is nothing like a known one", "flow:\n  qqqqqqqqqq: 5\n",
     "2:3: flow.qqqqqqqqqq: unknown key, see --list-options"),
    ("unknown section", "flwo:\n  capacity: 5\n", "1:1: flwo: unknown key, did you mean flow?"),
    ("key in the wrong section", "capacity: 5\n", "1:1: capacity: unknown key, did you mean flow.capacity?"),
    ("word for a number", "workers: many\n", '1:10: workers: expected a whole number from 1 to 128, got "many"'),
    ("list for a number", "workers: [1]\n", "1:10: workers: expected a whole number from 1 to 128, got a list"),
    ("mapping for a text", "sensor_id: {a: b}\n", "1:12: sensor_id: expected text, got a mapping"),
    ("number for a boolean", "dpi:\n  enabled: 2\n", '2:12: dpi.enabled: expected true or false, got "2"'),
    ("too small", "# comment\nworkers: 0\n", '2:10: workers: expected a whole number from 1 to 128, got "0"'),
    ("too large", "dpi:\n  max_packets: 33\n", '2:16: dpi.max_packets: expected a whole number from 1 to 32, got "33"'),
    ("negative", "flow: {capacity: -5}\n",
     '1:18: flow.capacity: expected a whole number from 1 to 1073741824, got "-5"'),
    ("size too small", "input:\n  memory: 1KiB\n",
     '2:11: input.memory: expected a size such as 64MiB, from 32MiB to 1TiB, got "1KiB"'),
    ("unknown unit", "flow:\n  active_timeout: 5 parsecs\n",
     f'2:19: flow.active_timeout: expected {DURATION}, got "5 parsecs"'),
    ("missing unit", "flow:\n  active_timeout: 120\n", f'2:19: flow.active_timeout: expected {DURATION}, got "120"'),
    ("none of the words", "flow:\n  accounting: links\n",
     '2:15: flow.accounting: expected one of link, ip, transport, payload, got "links", did you mean link?'),
    ("section is a number", "flow: 5\n", '1:7: flow: expected a mapping, got "5"'),
    ("section is a list", "flow:\n  - capacity\n", "2:3: flow: expected a mapping, got a list"),
    ("file is a list", "- flow\n", "1:1: expected a mapping of options, got a list"),
    ("item of a list", "input:\n  cores: [1, x]\n", '2:14: input.cores[1]: expected a whole number from 0 to 1023, got "x"'),
    ("no list", "input:\n  files: a.pcap\n", '2:10: input.files: expected a list, each item text, got "a.pcap"'),
    ("key twice", "flow:\n  capacity: 5\n  capacity: 6\n", "3:3: flow.capacity: given twice"),
    ("section twice", "flow: {capacity: 5}\nworkers: 1\nflow: {tcp_close: true}\n", "3:1: flow: given twice"),
    ("key of a sink twice", "sinks:\n  - {type: csv, type: jsonl}\n", "2:17: sinks[0].type: given twice"),
    ("no YAML", "flow: {capacity: 5\n", "2:1: not YAML: end of map flow not found"),
    ("tab in YAML", "flow:\n\tcapacity: 5\n", "2:10: not YAML: illegal map value"),
    ("key is a list", "? [a]\n: b\n", "1:3: expected a key, got a list"),
    ("no value", "flow:\n  capacity:\nworkers: 1\n",
     "3:1: flow.capacity: expected a whole number from 1 to 1073741824, got nothing"),
    ("unknown type of sink", "sinks:\n  - {type: csv, path: a.csv}\n  - {type: jsnl, path: b}\n",
     '3:12: sinks[1].type: expected one of jsonl, csv, ipfix, kafka, got "jsnl", did you mean jsonl?'),
    ("unknown key of a sink", "sinks:\n  - {type: csv, pth: a.csv}\n",
     "2:17: sinks[0].pth: unknown key, did you mean path?"),
    ("sink is a word", "sinks:\n  - csv\n", f'2:5: sinks[0]: expected {SINK}, got "csv"'),
    ("sinks are a word", "sinks: csv\n", f'1:8: sinks: expected a list, each item {SINK}, got "csv"'),
    ("unknown field", "output:\n  fields: [ip_src, ip_dest]\n",
     '2:20: output.fields[1]: expected classic, full, nfstream or a field name, see --list-fields, got "ip_dest", did you mean ip_dst?'),
    ("unknown field of a sink", "sinks:\n  - {type: csv, fields: [ip_dest]}\n",
     '2:26: sinks[0].fields[0]: expected classic, full, nfstream or a field name, see --list-fields, got "ip_dest", did you mean ip_dst?'),
    ("unknown property of librdkafka", "sinks:\n  - {type: kafka, brokers: b, topic: t, rdkafka: {acs: 1}}\n",
     '2:51: sinks[0].rdkafka.acs: No such configuration property: "acs"'),
    ("no filter", "input:\n  filter: \"port port\"\n",
     '2:11: input.filter: expected a pcap-filter expression, got "port port" '
     "(can't parse filter expression: syntax error)"),
    ("unknown tunnel", "decode:\n  tunnels: [gtp, vxlam]\n",
     "2:18: decode.tunnels[1]: expected one of ipip, gre, erspan, vxlan, geneve, gtp, capwap, "
     'teredo, l2tp, pptp, etherip, mpls, tzsp, got "vxlam", did you mean vxlan?'),
)


def complaint(yaml, *arguments):
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(yaml)
    run = spanflowd("-c", "c.yaml", "--quiet", *arguments, code=2)
    assert_equal(run.stdout, "")
    return run.stderr


@pytest.mark.parametrize("yaml, line", named(*MISTAKES))
def test_mistake(yaml, line):
    assert_equal(complaint(yaml, "-r", capture("http.pcap"), "-w", "csv:a.csv"), f"spanflowd: error: c.yaml:{line}\n")


def test_two_kinds_of_input():
    assert_equal(complaint("input: {files: [a.pcap], interface: eth1}\n", "-w", "csv:a.csv"),
                 "spanflowd: error: more than one kind of input: give input.files, input.interface or input.devices\n")


def test_no_sinks():
    assert_equal(complaint("input: {files: [a.pcap]}\n"),
                 "spanflowd: error: no sinks: name where records go (-w, sinks)\n")


def test_file_of_protocols_that_is_missing():
    assert_equal(complaint("dpi: {protocols_file: absent.txt}\n", "-r", capture("http.pcap"), "-w", "csv:a.csv"),
                 "spanflowd: error: dpi.protocols_file: absent.txt: cannot be read: No such file or directory\n")


def test_empty_file_is_no_mistake():
    with open("c.yaml", "w", encoding="utf-8"):
        pass
    run = spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "-w", "csv:a.csv", "--quiet")
    assert_equal(run.stderr, "")


def test_commented_defaults_are_no_mistake():
    dump = spanflowd("--dump-config").stdout
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(dump)
    run = spanflowd("-c", "c.yaml", "-r", capture("http.pcap"), "-w", "csv:a.csv", "--quiet")
    assert_equal(run.stderr, "")
