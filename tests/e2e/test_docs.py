"""Checks that the documentation and the sample configuration agree with what spanflowd prints about itself."""
import glob
import json
import os
import re
import subprocess

import pytest

from support.build import ROOT, binary
from support.captures import capture
from support.compare import assert_equal
from support.program import spanflowd

pytestmark = pytest.mark.release_only


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("page, argument", [
    ("configuration.md", "--list-options"), ("fields.md", "--list-fields"), ("counters.md", "--list-counters"),
    ("captures.md", "--list-captures"), ("telemetry.md", "--list-telemetry")])
def test_page_holds_the_output(page, argument):
    found = re.search(f"<!-- generated: spanflowd {argument} -->\n(.*?)<!-- end -->", read("docs", page), re.DOTALL)
    assert found, f"docs/{page} has no table of {argument}"
    assert_equal(found[1].strip(), spanflowd(argument).stdout.strip(), "out of date; run docs/regenerate")


def test_sample_configuration_is_the_defaults():
    assert_equal(read("config", "spanflow.yaml"), spanflowd("--dump-config").stdout, "out of date; run docs/regenerate")


def test_schema_is_that_of_the_options():
    assert_equal(json.loads(read("config", "spanflow.schema.json")),
                 json.loads(spanflowd("--list-options", "schema").stdout), "out of date; run docs/regenerate")


def test_regenerate_finds_nothing_to_do():
    done = subprocess.run([os.path.join(ROOT, "docs", "regenerate"), "--check", "--spanflowd", binary()],
                          stdout=subprocess.PIPE, check=False)
    assert_equal((done.returncode, done.stdout.decode()), (0, ""))


def test_handbook_says_what_to_do_about_each_loss():
    handbook = read("docs", "operations.md")
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in spanflowd("--list-counters").stdout.splitlines()[2:]]
    lossy = re.compile("dropped|missed|no_mbuf|full|sampled_out|exported.evicted|overload|switched_off|fragments_orphaned|over_mtu")
    names = [name for name, _, meaning in rows if lossy.search(name) or meaning.startswith("lost")]
    reasons = spanflowd("-r", capture("http.pcap"), "--quiet", "-w", "csv:/dev/null").summary["records"]["sinks"][0]["dropped"]
    names += [f"dropped.{reason}" for reason in reasons]
    assert len(names) > 15, names
    missing = [name for name in names if not re.search(rf"^\| [^|]*`{re.escape(name)}`", handbook, re.MULTILINE)]
    assert not missing, missing


def test_page_of_names_has_every_field_of_the_readers():
    page = read("docs", "names.md")
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in spanflowd("--list-fields").stdout.splitlines()[2:]]
    names = [row[0] for row in rows if "features.names" in row[2] or "features.dns_names" in row[2]]
    assert len(names) > 40, names
    assert_equal([name for name in names if f"`{name}`" not in page], [])


def schema_errors(configuration):
    try:
        import jsonschema
    except ImportError:
        pytest.skip("not installed: python3-jsonschema")
    schema = json.loads(spanflowd("--list-options", "schema").stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(configuration)]


def parse(text):
    try:
        import yaml
    except ImportError:
        pytest.skip("not installed: python3-yaml")
    return yaml.safe_load(text)


def test_sample_configuration_fits_the_schema():
    assert_equal(schema_errors(parse(read("config", "spanflow.yaml"))), [])


GOOD = """
workers: 4
input: {files: [a.pcap], filter: not port 22, memory: 64MiB}
decode: {tunnels: [gtp, ipip]}
flow: {active_timeout: 2m, inactive_timeout: 500ms, vlan_key: both, tcp_close: no}
output: {fields: classic}
metrics:
  - {name: large, count: packets, when: greater 667}
  - {name: window, mean: tcp_window, direction: dst_to_src}
  - {name: mine, plugin: ./mine.so}
sinks:
  - {type: csv, path: flows.csv, fields: [ip_src, segment]}
  - {type: jsonl, path: "-", queue: 10}
  - {type: csv, path: "%F.csv", rotate_every: 5m, rotate_size: 1GiB, compression: zstd, compression_level: 19}
  - {type: csv, path: a.csv, rotate_every: off, rotate_size: off}
"""


def test_schema_takes_what_spanflowd_takes():
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(GOOD)
    spanflowd("-c", "c.yaml", "--dump-config")  # --check-config would also load the shared object
    assert_equal(schema_errors(parse(GOOD)), [])


@pytest.mark.parametrize("yaml", [
    "workers: 0", "workers: many", "flow: {capacty: 5}", "flow: {active_timeout: 5 parsecs}", "flow: 5", "sinks: [{type: cvs}]",
    "sinks: [{rotate_every: 5}]", "sinks: [{rotate_size: big}]", "sinks: csv", "metrics: [{name: x}]", "metrics: [{sum: size}]",
    "metrics: [{name: x, sum: size, max: size}]", "metrics: [{name: a b, sum: size}]", "metrics: [{name: x, sum: packets}]",
    "decode: {tunnels: [vxlam]}", "output: {fields: [ip_dest]}"])
def test_schema_refuses_what_spanflowd_refuses(yaml):
    with open("c.yaml", "w", encoding="utf-8") as file:
        file.write(yaml + "\n")
    spanflowd("-c", "c.yaml", "-r", "a.pcap", "--check-config", code=2)
    assert schema_errors(parse(yaml)), "the schema must refuse this configuration"


# --- Code blocks and links in the pages ---


def pages():
    found = [*glob.glob(os.path.join(ROOT, "*.md")), *glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True)]
    return sorted(os.path.relpath(path, ROOT) for path in found)


def pages_with(pattern):
    """Returns one case (page, matches) for each page in which the pattern occurs."""
    found = {page: re.findall(pattern, read(page), re.DOTALL) for page in pages()}
    cases = [pytest.param(page, blocks, id=page) for page, blocks in found.items() if blocks]
    assert cases, f"no page matches {pattern}"
    return cases


def is_of_this_repository(target):
    return "://" not in target


@pytest.mark.parametrize("page, targets", pages_with(r"\]\(([^)#\s]+)(?:#[^)]*)?\)"))
def test_links_of(page, targets):
    """Checks that links to files of this repository lead to existing files."""
    folder = os.path.join(ROOT, os.path.dirname(page))
    missing = [target for target in filter(is_of_this_repository, targets) if not os.path.exists(os.path.join(folder, target))]
    assert not missing, f"{page}: links to missing files: {missing}"


@pytest.mark.parametrize("page, blocks", pages_with("```yaml\n(.*?)```"))
def test_yaml_in(page, blocks):
    """Checks that spanflowd accepts the configurations in the documentation."""
    for block in blocks:
        with open("c.yaml", "w", encoding="utf-8") as file:
            file.write(block)
        spanflowd("-c", "c.yaml", "-r", "a.pcap", "-w", "csv:-", "--dump-config")
        assert_equal(schema_errors(parse(block)), [], page)


@pytest.mark.parametrize("page, names", pages_with(r"(?:-s|--set) ['\"]?([a-z_.]+)="))
def test_option_names_in(page, names):
    """Checks that the options given with -s in the documentation exist."""
    known = {line.split("`")[1] for line in spanflowd("--list-options").stdout.splitlines()[2:]}
    assert set(names) <= known, f"{page}: unknown options: {set(names) - known}"
