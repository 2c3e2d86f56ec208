"""Checks the log: JSON on standard error, and the systemd journal if standard error leads there."""
import json
import os
import re
import socket
import subprocess

import pytest

from support.build import binary, patience
from support.captures import capture
from support.compare import assert_equal
from support.program import need, spanflowd

DOUBT = ("flow.inactive_timeout (130s) is longer than flow.active_timeout (120s): no flow will end as inactive before it is "
         "cut; are they swapped?")


def doubtful(*settings):
    """Returns the arguments of a run that logs DOUBT and nothing else."""
    arguments = ["-r", capture("http.pcap"), "--quiet", "-w", "csv:/dev/null"]
    for setting in ("flow.inactive_timeout=130s", *settings):
        arguments += ["-s", setting]
    return arguments


def json_lines(text):
    """Checks the format of each entry's time, and returns the entries without their times."""
    entries = [json.loads(line) for line in text.splitlines()]
    for entry in entries:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time")), text
    return entries


def test_json_lines_on_standard_error():
    run = spanflowd(*doubtful("log.format=json"))
    assert_equal(json_lines(run.stderr), [{"level": "warning", "message": DOUBT}])


def test_json_lines_name_the_sensor():
    run = spanflowd(*doubtful("log.format=json", "sensor_id=north"))
    assert_equal(json_lines(run.stderr), [{"level": "warning", "message": DOUBT, "sensor_id": "north"}])


def test_what_ends_a_run_is_a_json_line_too():
    run = spanflowd("-r", "absent.pcap", "-w", "csv:-", "-s", "log.format=json", code=1)
    assert_equal(json_lines(run.stderr),
                 [{"level": "error", "message": "absent.pcap: cannot be opened: No such file or directory"}])


def test_what_a_name_holds_cannot_reach_the_terminal():
    run = spanflowd("-r", b"\x1b[2J\n\xff\xc2\x9b.pcap".decode("utf-8", "surrogateescape"), code=1)
    assert_equal(run.stderr, "spanflowd: error: \\x1B[2J\\x0A\\xFF\\xC2\\x9B.pcap: cannot be opened: "
                             "No such file or directory\n")


def test_a_higher_level_hides_a_warning():
    assert_equal(spanflowd(*doubtful("log.level=error")).stderr, "")


class Journal:
    """Takes the place of journald. Each run has its own mount namespace, in which it sees this socket at journald's
    path."""
    IN_NAMESPACE = ("mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind \"$0\" /run/systemd/journal "
                    "&& exec \"$@\"")

    def __init__(self):
        need("unshare", "mount")
        self.folder = os.path.abspath("journal")
        os.mkdir(self.folder)
        self.prefix = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-c",
                       self.IN_NAMESPACE, self.folder)
        tried = subprocess.run([*self.prefix, "true"], stderr=subprocess.PIPE, check=False)
        if tried.returncode != 0:
            pytest.skip(f"no mount namespaces here: {tried.stderr.decode().strip()}")

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(self.folder, "socket"))
        return self

    def run(self, *arguments, code=0):
        """Runs spanflowd as systemd would, with JOURNAL_STREAM, and returns its standard error."""
        with open("stderr", "w+b") as stderr:
            file = os.fstat(stderr.fileno())
            done = subprocess.run([*self.prefix, binary(), *arguments], stdin=subprocess.DEVNULL, stderr=stderr,
                                  env={**os.environ, "JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino}"},
                                  timeout=patience(60), check=False)
            stderr.seek(0)
            text = stderr.read().decode()
        assert_equal(done.returncode, code, text)
        return text

    def entries(self):
        """Returns each entry's fields. Decodes systemd's JOURNAL_NATIVE_PROTOCOL, for values without a line break."""
        self.socket.setblocking(False)
        entries = []
        try:
            while True:
                entries.append(dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines()))
        except BlockingIOError:
            return entries


def test_a_service_logs_to_the_journal():
    journal = Journal().listen()
    assert_equal(journal.run(*doubtful()), "")
    assert_equal(journal.entries(), [{"SYSLOG_IDENTIFIER": "spanflowd", "PRIORITY": "4", "MESSAGE": DOUBT}])


def test_the_journal_has_the_sensor_whatever_the_format():
    journal = Journal().listen()
    assert_equal(journal.run(*doubtful("sensor_id=north", "log.format=json")), "")
    assert_equal(journal.entries(), [{"SYSLOG_IDENTIFIER": "spanflowd", "PRIORITY": "4", "MESSAGE": DOUBT,
                                      "SPANFLOW_SENSOR_ID": "north"}])


def test_the_journal_has_a_mistake_in_the_configuration():
    journal = Journal().listen()
    assert_equal(journal.run("-s", "workers=none", code=2), "")
    (entry,) = journal.entries()
    assert_equal(entry["PRIORITY"], "3")
    assert entry["MESSAGE"].startswith("--set workers=none: workers: expected "), entry


def test_without_journald_the_log_is_on_standard_error():
    assert_equal(Journal().run(*doubtful()), f"spanflowd: warning: {DOUBT}\n")


def test_what_journald_does_not_take_is_on_standard_error():
    journal = Journal().listen()
    journal.socket.close()
    assert_equal(journal.run(*doubtful()), f"spanflowd: warning: {DOUBT}\n")


def test_standard_error_that_is_not_the_journal_gets_the_log():
    run = spanflowd(*doubtful(), env={**os.environ, "JOURNAL_STREAM": "1:2"})
    assert_equal(run.stderr, f"spanflowd: warning: {DOUBT}\n")
