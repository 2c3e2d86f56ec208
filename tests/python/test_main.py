"""python -m spanflow: outputs, options, errors and exit codes."""
import json
import os
import signal
import subprocess
import sys

import pytest
from support.build import patience
from support.captures import capture
from support.links import inside, wait_until_worker_runs
from support.waiting import wait_until

import spanflow

PROGRAM = [sys.executable, "-m", "spanflow"]


def spanflow_of(*arguments, **options):
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=patience(60), **options)


def output_of(*arguments, **options):
    done = spanflow_of(*arguments, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_prints_one_json_object_per_flow(mixed):
    assert output_of(mixed).splitlines() == [str(flow) for flow in spanflow.Streamer(mixed)]


def test_reads_several_files_and_standard_input(mixed):
    dns = capture("dns.pcap")
    assert len(output_of(mixed, dns).splitlines()) == len(output_of(mixed).splitlines() + output_of(dns).splitlines())
    with open(dns, "rb") as file:
        assert output_of("-", stdin=file) == output_of(dns)


def test_fields_and_settings(mixed):
    said = output_of(mixed, "--fields", "ip_src,ja4,splt_ps", "--set", "features.splt=2",
                     "--set", 'metrics=[{name: large, when: "greater 667", count: packets}]')
    assert json.loads(said.splitlines()[0]) == {"ip_src": "10.20.0.10", "ja4": "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6",
                                                "splt_ps": [74, 74], "metrics": {"large": 4}}


def test_configuration_file(mixed, tmp_path):
    (tmp_path / "c.yaml").write_text(f"input: {{files: [{mixed}], filter: udp}}\n", encoding="utf-8")
    lines = output_of("--config", str(tmp_path / "c.yaml")).splitlines()
    assert {json.loads(line)["ip_protocol"] for line in lines} == {17}


def test_csv_file_is_that_of_the_streamer(mixed, tmp_path):
    assert output_of(mixed, "--csv", str(tmp_path / "a.csv")) == ""
    spanflow.Streamer(mixed).to_csv(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text() == output_of(mixed, "--csv", "-")


def test_parquet_file(mixed, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert output_of(mixed, "--parquet", str(tmp_path / "a.parquet"), "--fields", "full") == ""
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 33
    assert os.listdir(tmp_path) == ["a.parquet"]


@pytest.mark.parametrize("output", [[], ["--csv", "a.csv"], ["--parquet", "a.parquet"]])
def test_progress_is_on_standard_error(mixed, tmp_path, output):
    done = spanflow_of(mixed, "--progress", *output, cwd=tmp_path)
    assert done.returncode == 0 and "100" in done.stderr
    assert spanflow_of(mixed, "--no-progress", *output, cwd=tmp_path).stderr == ""


WRONG_OPTIONS = [
    ([], "expected a SOURCE, or --config with an input"),
    (["a.pcap", "--csv"], "argument --csv: expected one argument"),
    (["a.pcap", "--csv", "a", "--parquet", "b"], "argument --parquet: not allowed with argument --csv"),
    (["a.pcap", "--set", "workers"], 'argument --set: expected NAME=VALUE, got "workers"'),
    (["a.pcap", "--nope"], "unrecognized arguments: --nope"),
    ([capture("dns.pcap"), "--set", "flow.capacty=3"], "did you mean flow.capacity?"),
    ([capture("dns.pcap"), "--fields", "ip_source"], "expected classic, full, nfstream or a field name"),
    (["--config", "no-such.yaml"], "no-such.yaml: cannot be read: No such file or directory"),
]


@pytest.mark.parametrize("arguments, reason", WRONG_OPTIONS)
def test_wrong_option_is_one_line_and_exit_code_2(arguments, reason, tmp_path):
    done = spanflow_of(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("python -m spanflow: ") and reason in done.stderr


FAILURES = [
    (["no-such.pcap"], "no-such.pcap: no such capture file, network interface or DPDK device"),
    ([__file__], f"{__file__}: not a capture: unknown file format"),
    ([capture("dns.pcap"), "--csv", "no/such/a.csv"], "no/such/a.csv: cannot be written: No such file or directory"),
    ([capture("dns.pcap"), "--parquet", "no/such/a.parquet"], "no/such/a.parquet"),
]


@pytest.mark.parametrize("arguments, reason", FAILURES)
def test_failure_is_one_line_and_exit_code_1(arguments, reason, tmp_path):
    done = spanflow_of(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith("python -m spanflow: ") and reason in done.stderr


@pytest.mark.parametrize("output", [[], ["--csv", "-"]])
def test_broken_pipe_ends_quietly(output):
    sources = [capture("portscan.pcap")] * 40
    process = subprocess.Popen([*PROGRAM, *sources, "--set", "flow.capacity=64", *output], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(patience(60)) == 0


@pytest.mark.parametrize("output", [[], ["--csv", "flows.csv"], ["--parquet", "flows.parquet"]])
def test_ctrl_c_ends_a_live_capture_with_complete_files(wire, tmp_path, output):
    process = subprocess.Popen([*inside(wire.sensor), *PROGRAM, "tap", "--set", "flow.inactive_timeout=1s",
                                "--set", "flow.tcp_linger=1s", *output], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    wait_until_worker_runs(process)
    wire.send("--topspeed", capture("tls12_instagram.pcap"))
    if output:
        wait_until(lambda: os.listdir(tmp_path), 10, "a file")
    else:
        assert json.loads(process.stdout.readline())["application_name"] == "TLS.Instagram"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=patience(10))
    assert (process.returncode, said) == (130, "")
    assert os.listdir(tmp_path) == output[1:]


def test_help_names_every_option():
    said = output_of("-h")
    for option in ("SOURCE", "--csv", "--parquet", "--fields", "--set", "--config", "--progress"):
        assert option in said
    assert output_of("--version") == f"spanflow {spanflow.__version__}\n"
