"""The checks of the guest, in the order in which they run: each needs what the ones before it have set up.

A check returns the figure that its line shows, and raises AssertionError if something is not as the documentation says.
"""
import collections
import csv
import io
import json
import re
import time

import handbook
from machine import E1000E, VIRTIO, VMXNET3
from support import pcap_file
from support.ledgers import assert_balanced
from traffic import packets_of_conversations, workers_of_conversations

CHECKS = []
SERVICE = "spanflowd.service"
KERNEL = "spanflowd@kernel.service"  # a second instance, for a kernel interface
DPDK_MEBIBYTES = 256  # input.memory
WORKERS = 2  # each has a queue of the NIC, and polls it
PACKETS_PER_SECOND = 300
WATCHDOG_SECONDS, RESTART_SECONDS, STOP_SECONDS = 10, 2, 30  # of the unit
OUTAGE_SECONDS = 5  # at most, after a crash
HIGHEST_EXPOSURE = 3.0  # of 10; tests/e2e/test_packaging.py holds the unit file to the same
PLACEHOLDER = "0000:3b:00.0"  # the NIC of the examples in docs/operations.md
EXAMPLE_MAC = "0c:c4:7a:00:00:01"


def check(function):
    CHECKS.append((function.__name__.replace("_", "-"), function))
    return function


# --- The service in the guest ---


def instance_of(unit):
    return unit.removesuffix(".service").removeprefix("spanflowd").removeprefix("@") or "spanflow"


def log_folder(unit):
    return f"/var/log/spanflow/{instance_of(unit)}"


def property_of(guest, name, unit=SERVICE):
    return guest.run(f"systemctl show -P {name} {unit}").strip()


def summary(guest, unit=SERVICE):
    return json.loads(guest.run(f"spanflowctl -i {instance_of(unit)} --json status"))["summary"]


def journal(guest, unit=SERVICE):
    """Returns the entries of the daemon since the last boot."""
    lines = guest.run(f"journalctl -b -o json --no-pager -u {unit} _COMM=spanflowd").splitlines()
    return [json.loads(line) for line in lines]


def wait_for_message(guest, pattern, unit=SERVICE, within=60, after=0):
    """Waits for a message of the daemon after the first `after` ones, and returns it."""
    def found():
        return next((entry["MESSAGE"] for entry in journal(guest, unit)[after:] if re.search(pattern, str(entry["MESSAGE"]))), None)
    return guest.wait_until(found, within, f"a message of {unit} with \"{pattern}\"")


def lost(counts):
    return sum(counts["packets"][name] for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"))


def configuration(source, sinks, **more):
    lines = ["sensor_id: vm", "input: {" + ", ".join(f"{key}: {value}" for key, value in source.items()) + "}", f"workers: {WORKERS}",
             "flow: {active_timeout: 120s, inactive_timeout: 3s, tcp_linger: 1s}",
             *(f"{key}: {value}" for key, value in more.items()), "sinks:", *(f"  - {{{sink}}}" for sink in sinks)]
    return "\n".join(lines) + "\n"


def csv_sink(unit=SERVICE, every="10m", folder=None, **more):
    """Returns the entry of a sink whose files are completed by time."""
    settings = {"type": "csv", "path": f'"{folder or log_folder(unit)}/flows-%Y%m%dT%H%M%SZ.csv"', "rotate_every": every, **more}
    return ", ".join(f"{key}: {value}" for key, value in settings.items())


def device_input(nic):
    cores = ", ".join(str(core) for core in range(WORKERS))
    return {"devices": f'["{nic.address}"]', "memory": f"{DPDK_MEBIBYTES}MiB", "cores": f"[{cores}]"}


def configure(guest, content, unit=SERVICE):
    path = f"/etc/spanflow/{instance_of(unit)}.yaml"
    guest.write(path, content)
    guest.run(f"spanflowd -c {path} --check-config")


def restart(guest, unit=SERVICE):
    guest.run(f"systemctl restart {unit}", seconds=300)
    assert property_of(guest, "ActiveState", unit) == "active"


def stop_service(guest):
    """Stops the service, and returns the seconds."""
    begin = time.monotonic()
    guest.run("systemctl stop spanflowd", seconds=STOP_SECONDS + 60)
    seconds = time.monotonic() - begin
    assert seconds < STOP_SECONDS, f"took {seconds:.0f} s"
    assert (property_of(guest, "Result"), property_of(guest, "ActiveState")) == ("success", "inactive")
    return seconds


def bind(guest, nic):
    """Gives the NIC to DPDK, as the handbook says."""
    for command in handbook.commands("Binding a NIC"):
        if command.startswith("driverctl"):
            guest.run(command.replace(PLACEHOLDER, nic.address))
    return guest.run(f"basename $(realpath /sys/bus/pci/devices/{nic.address}/driver)").strip()


# --- Records ---


def complete_files(guest, folder):
    return guest.run(f"ls {folder} | grep -v '[.]part$' || true").split()


def records_in(guest, folder):
    """Returns the records of all complete files of a folder."""
    records = []
    for name in complete_files(guest, folder):
        content = guest.run(f"cat {folder}/{name}")
        assert content.endswith("\n"), f"{name} ends within a line"
        rows = list(csv.reader(io.StringIO(content)))
        assert all(len(row) == len(rows[0]) for row in rows), f"{name} has lines of different lengths"
        records += [dict(zip(rows[0], row)) for row in rows[1:]]
    return records


def complete_records(guest, folder, count, unit=SERVICE):
    """Completes the files, waits until they have `count` records, and returns the records."""
    guest.run(f"systemctl kill -s USR1 {unit}")
    guest.wait_until(lambda: not guest.run(f"ls {folder} | grep '[.]part$' || true").strip() or
                     len(records_in(guest, folder)) >= count, 30, f"complete files with {count} records")
    records = records_in(guest, folder)
    assert len(records) == count, f"{len(records)} records in the files, {count} were exported"
    return records


def receive(guest, traffic, nic, unit=SERVICE, rss=True):
    """Sends the traffic and checks that the service has received and metered exactly these packets, each conversation on one
    worker. Returns a text with the figures."""
    folder = log_folder(unit)
    guest.run(f"systemctl kill -s USR1 {unit}; sleep 1; rm -f {folder}/*.csv")
    before = summary(guest, unit)
    sent = guest.send(nic, traffic.path, PACKETS_PER_SECOND)

    def counted(now):
        return now["packets"]["received"] + lost(now) - before["packets"]["received"] - lost(before)
    guest.wait_until(lambda: counted(summary(guest, unit)) >= sent, 60, f"{sent} packets, received or lost")
    guest.wait_until(lambda: summary(guest, unit)["flows"]["open"] == 0, 60, "no open flow")
    guest.wait_until(lambda: all(sink["queued"] == 0 for sink in summary(guest, unit)["records"]["sinks"]), 30, "no queued record")
    after = summary(guest, unit)
    assert_balanced(after)
    received = after["packets"]["received"] - before["packets"]["received"]
    assert (received, lost(after)) == (sent, lost(before)), f"{sent} packets sent, {received} received, {lost(after)} lost"
    records = complete_records(guest, folder, after["records"]["exported"] - before["records"]["exported"], unit)
    found = packets_of_conversations(records)
    traffic.assert_same(found)
    several = {ends: workers for ends, workers in workers_of_conversations(records).items() if len(workers) > 1}
    assert not several, f"conversations on several workers: {several}"
    handed_over = after["packets"]["handed_over"] - before["packets"]["handed_over"]
    used = {record["worker"] for record in records}
    if rss:
        assert handed_over == 0, f"{handed_over} packets came by another queue than that of their worker"
        assert len(used) == WORKERS, f"only the workers {sorted(used)} have records"
    return (f"{sent} packets sent, {received} received, {lost(after)} lost; {len(records)} records of {len(found)} conversations on "
            f"{len(used)} workers, each on one; {handed_over} handed over")


# --- The set-up, as in docs/operations.md ---


@check
def boot(guest, traffic):
    state, seconds = guest.wait_for_boot()
    assert state == "running", f"systemd is {state}:\n" + guest.run("systemctl --failed --no-pager")
    return f"systemd is {state} after {seconds:.0f} s, kernel {guest.run('uname -r').strip()}"


@check
def install(guest, traffic):
    """Copies the staged installation into the guest, and does what the handbook says after meson install."""
    guest.run("mount -o ro /dev/vdb /mnt && cp -a /mnt/. / && umount /mnt", seconds=300)
    commands = handbook.commands("Install")
    after_install = commands[next(n for n, command in enumerate(commands) if command.startswith("meson install")) + 1:]
    for command in after_install:
        guest.run(command)
    guest.run("systemd-analyze verify --man=no spanflowd.service spanflowd@dmz.service")
    guest.run("spanflowd -c /etc/spanflow/spanflow.yaml --check-config")
    assert guest.run("stat -c '%U:%G %a' /etc/spanflow").split() == ["root:spanflow", "750"]
    return f"{len(after_install)} commands of the handbook; " + guest.run("spanflowd --version").splitlines()[0]


@check
def span_port(guest, traffic):
    """Writes the handbook's files for a silent interface. They take effect at the reboot."""
    link = handbook.content_of("/etc/systemd/network/10-span.link")
    assert EXAMPLE_MAC in link
    guest.write("/etc/systemd/network/10-span.link", link.replace(EXAMPLE_MAC, guest.nics[E1000E].mac))
    guest.write("/etc/network/interfaces.d/span0", handbook.content_of("/etc/network/interfaces.d/span0"))
    return "10-span.link and interfaces.d/span0 written"


@check
def hugepages(guest, traffic):
    for command in handbook.commands("Hugepages"):
        guest.run(command)
    return check_hugepages(guest)


def check_hugepages(guest):
    wanted = int(re.search(r"vm.nr_hugepages=(\d+)", handbook.section("Hugepages"))[1])
    total = int(re.search(r"HugePages_Total:\s+(\d+)", guest.run("cat /proc/meminfo"))[1])
    assert total == wanted, f"{total} hugepages, not {wanted}"
    return f"{total} hugepages of 2 MiB"


@check
def driver(guest, traffic):
    nic = guest.nics[VIRTIO]
    bound = bind(guest, nic)
    assert bound == "vfio-pci", bound
    return f"{nic.address} is bound to {bound}"


@check
def udev_rule(guest, traffic):
    guest.run("udevadm settle")
    group = guest.run(f"basename $(realpath /sys/bus/pci/devices/{guest.nics[VIRTIO].address}/iommu_group)").strip()
    rights = guest.run(f"stat -c '%U:%G %a' /dev/vfio/{group}").strip()
    assert rights == "root:spanflow 660", rights
    return f"/dev/vfio/{group} is {rights}"


@check
def start(guest, traffic):
    configure(guest, configuration(device_input(guest.nics[VIRTIO]), [csv_sink()]))
    begin = time.monotonic()
    guest.run("systemctl enable --now spanflowd", seconds=300)
    seconds = time.monotonic() - begin
    assert property_of(guest, "ActiveState") == "active"
    user = guest.run(f"ps -o user= -p {property_of(guest, 'MainPID')}").strip()
    assert user == "spanflow", user
    said = wait_for_message(guest, r"RSS over \d+ queues")
    assert f"RSS over {WORKERS} queues, symmetric" in said, said
    return f"active after {seconds:.1f} s as the user {user}; {said}"


# --- The running service ---


@check
def receive_virtio(guest, traffic):
    return receive(guest, traffic, guest.nics[VIRTIO])


@check
def folders(guest, traffic):
    """Checks the table of docs/operations.md, "Files and permissions"."""
    for path in ("/run/spanflow/spanflow", "/var/lib/spanflow/spanflow", log_folder(SERVICE)):
        assert guest.run(f"stat -c '%U %a' {path}").split() == ["spanflow", "750"], path
    modes = set(guest.run(f"stat -c '%U %a' {log_folder(SERVICE)}/*").splitlines())
    assert modes == {"spanflow 640"}, modes
    return "folders spanflow 750, record files spanflow 640"


@check
def journal_fields(guest, traffic):
    user = guest.run("id -u spanflow").strip()
    entries = journal(guest)
    for entry in entries:
        found = {name: entry.get(name) for name in ("SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_UID", "_TRANSPORT", "SPANFLOW_SENSOR_ID")}
        assert found == {"SYSLOG_IDENTIFIER": "spanflowd", "_SYSTEMD_UNIT": SERVICE, "_UID": user, "_TRANSPORT": "journal",
                         "SPANFLOW_SENSOR_ID": "vm"}, entry
    priorities = collections.Counter(entry["PRIORITY"] for entry in entries)
    assert entries and set(priorities) <= {"3", "4", "6"}, priorities
    return f"{len(entries)} entries with unit, user, sensor and priority: {dict(priorities)}"


@check
def status_line(guest, traffic):
    text = property_of(guest, "StatusText")
    assert re.search(r"\d.*packets/s", text), text
    shown = guest.run("systemctl status --no-pager spanflowd")
    assert text.split(",")[0].split()[-1] in shown
    return text


@check
def reload(guest, traffic):
    process, before = property_of(guest, "MainPID"), len(journal(guest))
    path = "/etc/spanflow/spanflow.yaml"
    content = guest.run(f"cat {path}")
    guest.write(path, content + "log: {level: debug}\n")
    guest.run("systemctl reload spanflowd")
    said = wait_for_message(guest, r"^reload: .*log\.level", after=before)
    guest.write(path, content + "flow_of_no_kind: 1\n")
    guest.run("systemctl reload spanflowd")
    refused = wait_for_message(guest, r"^reload: .*nothing has changed", after=before)
    guest.write(path, content)
    guest.run("systemctl reload spanflowd")
    assert property_of(guest, "MainPID") == process and property_of(guest, "ActiveState") == "active"
    return f"\"{said}\"; \"{refused}\""


@check
def control_socket(guest, traffic):
    """A user without the group may do nothing, a member of the group may read the status, root may do everything."""
    guest.run("useradd anna && adduser anna spanflow")
    code, said = guest.try_to_run("setpriv --reuid nobody --regid nogroup --clear-groups spanflowctl status")
    assert code == 1, said
    guest.run("setpriv --reuid anna --regid anna --init-groups spanflowctl status")
    code, refused = guest.try_to_run("setpriv --reuid anna --regid anna --init-groups spanflowctl reload")
    assert code == 1 and "only for root" in refused, refused
    guest.run("spanflowctl reload")
    rights = guest.run("stat -c '%U:%G %a' /run/spanflow/spanflow/control.sock").strip()
    return f"nobody: \"{said.strip()}\"; a member reads the status; its reload: \"{refused.strip()}\"; the socket is {rights}"


@check
def rotation(guest, traffic):
    """Files end by time, complete and without logrotate."""
    every = 4
    configure(guest, configuration(device_input(guest.nics[VIRTIO]), [csv_sink(every=f"{every}s")]))
    guest.run(f"systemctl reload spanflowd; sleep 1; rm -f {log_folder(SERVICE)}/*.csv")
    before = summary(guest)["records"]["exported"]
    for _ in range(2):
        guest.send(guest.nics[VIRTIO], traffic.path, PACKETS_PER_SECOND)
    guest.wait_until(lambda: summary(guest)["flows"]["open"] == 0, 60, "no open flow")
    exported = summary(guest)["records"]["exported"] - before
    records = guest.wait_until(lambda: (found := records_in(guest, log_folder(SERVICE))) and len(found) >= exported and found, 30,
                               f"{exported} records in complete files")
    assert len(records) == exported, f"{len(records)} records in the files, {exported} exported"
    names = complete_files(guest, log_folder(SERVICE))
    starts = [time.strptime(re.match(r"flows-(\d{8}T\d{6})Z", name)[1], "%Y%m%dT%H%M%S") for name in names]
    assert len(names) >= 2 and starts == sorted(starts), names
    return f"{len(names)} files of at most {every} s, {len(records)} of {exported} records"


@check
def disk_full(guest, traffic):
    """One of two sinks writes to a full file system, in a folder that a drop-in of the handbook opens."""
    setting = handbook.quoted_after("which\nyou create and own, needs")
    folder, queue = setting.split("=")[1], 64
    guest.run(f"mkdir -p {folder} && mount -t tmpfs -o size=256k,mode=0750,uid=spanflow,gid=spanflow tmpfs {folder}")
    guest.write("/etc/systemd/system/spanflowd.service.d/override.conf", f"[Service]\n{setting}\n")
    guest.run("systemctl daemon-reload")
    guest.run(f"dd if=/dev/zero of={folder}/ballast bs=1k count=240 2>/dev/null")
    sinks = [csv_sink(), csv_sink(folder=folder, queue=queue)]
    configure(guest, configuration(device_input(guest.nics[VIRTIO]), sinks))
    restart(guest)
    sent = guest.send(guest.nics[VIRTIO], traffic.path, PACKETS_PER_SECOND)
    guest.wait_until(lambda: summary(guest)["flows"]["open"] == 0 and summary(guest)["packets"]["received"] == sent, 60, "no open flow")
    full = summary(guest)
    good, bad = full["records"]["sinks"]
    assert bad["queued"] > 0 and bad["dropped"]["queue_full"] > 0, bad
    assert bad["handed"] == bad["delivered"] + bad["queued"] + sum(bad["dropped"].values()), bad
    guest.run(f"rm {folder}/ballast")
    guest.wait_until(lambda: all(sink["queued"] == 0 for sink in summary(guest)["records"]["sinks"]), 30, "no queued record")
    after = summary(guest)
    assert_balanced(after)
    assert (after["packets"]["received"], lost(after), after["records"]["ring_dropped"]) == (sent, 0, 0), after["packets"]
    good, bad = after["records"]["sinks"]
    assert good["delivered"] == after["records"]["exported"], good
    written = complete_records(guest, folder, bad["delivered"])
    assert property_of(guest, "NRestarts") == "0"
    reported = wait_for_message(guest, r"No space left")
    guest.run(f"rm /etc/systemd/system/spanflowd.service.d/override.conf; systemctl daemon-reload")
    configure(guest, configuration(device_input(guest.nics[VIRTIO]), [csv_sink()]))
    restart(guest)
    guest.run(f"umount {folder}")
    return (f"full: {bad['handed']} records handed, {full['records']['sinks'][1]['queued']} waited; later {len(written)} complete, "
            f"{bad['dropped']['queue_full']} dropped.queue_full; the other sink has all {good['delivered']}; \"{reported}\"")


@check
def clock_step(guest, traffic):
    process = property_of(guest, "MainPID")
    figures = []
    for step, direction in (("+1 hour", "forward"), ("-1 hour", "back")):
        before, messages = summary(guest)["time"]["stepped"], len(journal(guest))
        guest.run(f"date -s '{step}'")
        guest.wait_until(lambda: summary(guest)["time"]["stepped"] > before, 30, "time.stepped counts")
        said = wait_for_message(guest, rf"clock.*{direction}", after=messages)
        received = receive(guest, traffic, guest.nics[VIRTIO])
        now = int(guest.run("date +%s"))
        starts = [int(record["start_time_ns"]) / 1e9 for record in records_in(guest, log_folder(SERVICE))]
        assert all(abs(now - start) < 300 for start in starts), f"it is {now}, the records begin at {min(starts)} to {max(starts)}"
        figures.append(f"{step}: \"{said}\", {received.split(';')[0]}")
    assert property_of(guest, "MainPID") == process
    return "; ".join(figures)


def last_start(guest):
    """Returns two times of the last start of the service, in the guest's time: the seconds from the end of the run before until
    the process was started, and the seconds until it was active."""
    names = ("ActiveExitTimestampMonotonic", "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    ended, started, active = (int(property_of(guest, name)) / 1e6 for name in names)
    return started - ended, active - started


def wait_for_restart(guest, restarts):
    """Waits until systemd has started the service again after a failure, and returns last_start()."""
    def active_again():
        return int(property_of(guest, "NRestarts")) == restarts + 1 and property_of(guest, "ActiveState") == "active"
    guest.wait_until(active_again, WATCHDOG_SECONDS + RESTART_SECONDS + 60, "the service runs again")
    return last_start(guest)


@check
def watchdog(guest, traffic):
    restarts = int(property_of(guest, "NRestarts"))
    begin = time.monotonic()
    guest.run(f"kill -STOP {property_of(guest, 'MainPID')}")
    guest.wait_until(lambda: property_of(guest, "ActiveState") != "active", WATCHDOG_SECONDS + 60, "the watchdog's end")
    noticed = time.monotonic() - begin
    assert property_of(guest, "Result") == "watchdog", property_of(guest, "Result")
    pause, start = wait_for_restart(guest, restarts)
    assert noticed >= WATCHDOG_SECONDS / 2 and pause >= RESTART_SECONDS, (noticed, pause)
    received = receive(guest, traffic, guest.nics[VIRTIO]).split(";")[0]
    return f"noticed after {noticed:.0f} s, the next process {pause:.1f} s later, active after another {start:.1f} s; {received}"


@check
def crash(guest, traffic):
    """nDPI crashes on a packet, twice. QEMU runs the start of the process many times slower than a machine does, so only the time
    until the start has a bound here. tests/e2e/test_crashes.py has the bound of both together."""
    drop_in, library = "/etc/systemd/system/spanflowd.service.d/fault.conf", "/usr/local/lib/ndpi_fault.so"
    reports = "/var/lib/spanflow/spanflow/crashes"
    guest.copy(traffic.fault.library, library)
    guest.write(drop_in, f"[Service]\nEnvironment=LD_PRELOAD={library}\n")
    guest.run(f"systemctl daemon-reload; rm -rf {reports}")
    try:
        restart(guest)
        _, usual = last_start(guest)
        outages = [crash_once(guest, traffic, reports, crashes) for crashes in (1, 2)]
        process = property_of(guest, "MainPID")
        sent = guest.send(guest.nics[VIRTIO], traffic.fault.path, PACKETS_PER_SECOND)
        guest.wait_until(lambda: summary(guest)["packets"]["received"] == sent, 30, "the packet is received")
        dpi = summary(guest)["dpi"]
        assert (dpi["quarantined"], dpi["calls"]) == (1, 0), dpi
        assert property_of(guest, "MainPID") == process and property_of(guest, "ActiveState") == "active"
    finally:
        guest.run(f"rm -rf {drop_in} {library} {reports}; systemctl daemon-reload")
        restart(guest)
    assert all(pause < OUTAGE_SECONDS for pause, _ in outages), outages
    shown = " and ".join(f"{pause:.1f} s (start {start:.1f} s)" for pause, start in outages)
    return (f"the process was started again after {shown}; a start without a crash took {usual:.1f} s; 2 reports, each with the packet; "
            "then dpi.quarantined 1, and the service stays up")


def crash_once(guest, traffic, folder, crashes):
    restarts = int(property_of(guest, "NRestarts"))
    guest.send(guest.nics[VIRTIO], traffic.fault.path, PACKETS_PER_SECOND)
    outage = wait_for_restart(guest, restarts)
    names = guest.run(f"cd {folder} && ls -t").split()
    assert [name.rsplit(".")[-1] for name in sorted(names)] == ["pcap", "txt"] * crashes, names
    newest = names[0].rsplit(".")[0]
    text = guest.run(f"cat {folder}/{newest}.txt")
    assert text.startswith("signal 11\n") and re.search(r"^thread worker \d$", text, re.MULTILINE), text
    with open(traffic.fault.path + ".reported", "wb") as file:
        file.write(guest.read(f"{folder}/{newest}.pcap"))
    (frame,) = pcap_file.read(traffic.fault.path + ".reported")
    assert frame.data == traffic.fault.frame.data[14:], frame.data  # a report has no link layer
    return outage


@check
def security(guest, traffic):
    said = guest.run("systemd-analyze security --no-pager spanflowd")
    score = float(re.search(r"exposure level for spanflowd.service: ([\d.]+)", said)[1])
    assert score <= HIGHEST_EXPOSURE, said
    return f"exposure {score} of 10"


@check
def without_hugepages(guest, traffic):
    """The buffers of a NIC then are ordinary memory, which vfio locks: not more than input.memory. A warning says so."""
    guest.run("systemctl stop spanflowd && sysctl -w vm.nr_hugepages=0", seconds=STOP_SECONDS + 60)
    try:
        messages = len(journal(guest))
        restart(guest)
        warning = wait_for_message(guest, "hugepages are free", after=messages)
        status = guest.run(f"cat /proc/{property_of(guest, 'MainPID')}/status")
        locked = int(re.search(r"^VmLck:\s+(\d+) kB", status, re.MULTILINE)[1]) // 1024
        assert locked <= DPDK_MEBIBYTES, f"VmLck is {locked} MiB, input.memory is {DPDK_MEBIBYTES} MiB"
        received = receive(guest, traffic, guest.nics[VIRTIO]).split(";")[0]
        seconds = stop_service(guest)
    finally:
        guest.run("systemctl stop spanflowd; sysctl --system", seconds=STOP_SECONDS + 60)
        restart(guest)
    return f"VmLck is {locked} MiB; \"{warning}\"; {received}; a stop took {seconds:.1f} s"


@check
def stop(guest, traffic):
    guest.send(guest.nics[VIRTIO], traffic.path, PACKETS_PER_SECOND)
    before = len(journal(guest))
    seconds = stop_service(guest)
    guest.run("test ! -e /run/spanflow/spanflow")
    left = guest.run(f"find /var/log/spanflow /var/lib/spanflow -name '*.part'").strip()
    assert not left, left
    ledger = wait_for_message(guest, r"packets .*0 lost", after=before)
    return f"took {seconds:.1f} s; \"{ledger}\""


# --- After a reboot ---


@check
def reboot(guest, traffic):
    guest.write("/etc/spanflow/kernel.yaml", configuration(
        {"interface": "span0"}, [csv_sink(KERNEL)], telemetry="{listen: \"127.0.0.1:9753\"}"))
    guest.run("systemctl enable spanflowd@kernel")
    state, seconds = guest.reboot()
    assert state == "running", f"systemd is {state}:\n" + guest.run("systemctl --failed --no-pager")
    for unit in (SERVICE, KERNEL):
        assert property_of(guest, "ActiveState", unit) == "active", guest.try_to_run(f"systemctl status --no-pager {unit}")[1]
    driver_now = guest.run(f"basename $(realpath /sys/bus/pci/devices/{guest.nics[VIRTIO].address}/driver)").strip()
    assert driver_now == "vfio-pci", driver_now
    restarts = [property_of(guest, "NRestarts", unit) for unit in (SERVICE, KERNEL)]
    return f"{seconds:.0f} s; both instances are active ({' and '.join(restarts)} restarts); {check_hugepages(guest)}; {driver_now}"


@check
def receive_after_reboot(guest, traffic):
    return receive(guest, traffic, guest.nics[VIRTIO])


@check
def link_file(guest, traffic):
    """The interface of the handbook has its name, no offloads and no address."""
    address = guest.run("cat /sys/class/net/span0/address").strip()
    assert address == guest.nics[E1000E].mac, address
    features = dict(re.findall(r"^([\w-]+): (on|off)", guest.run("ethtool -k span0"), re.MULTILINE))
    offloads = {name: features[name] for name in ("generic-receive-offload", "large-receive-offload", "rx-vlan-offload")}
    assert set(offloads.values()) == {"off"}, offloads
    most, now = re.findall(r"^RX:\s+(\d+)", guest.run("ethtool -g span0"), re.MULTILINE)
    assert most == now, f"the ring has {now} of {most} descriptors"
    shown = guest.run("ip -o address show span0; cat /proc/sys/net/ipv6/conf/span0/disable_ipv6").strip()
    assert shown == "1", shown
    assert "UP" in guest.run("ip -o link show span0")
    return f"span0 is up, has no address, ring {now} of {most}, offloads off"


@check
def receive_kernel_interface(guest, traffic):
    """A second instance, which captures from a kernel interface."""
    warnings = [entry["MESSAGE"] for entry in journal(guest, KERNEL) if entry["PRIORITY"] == "4"]
    assert not warnings, warnings
    return receive(guest, traffic, guest.nics[E1000E], KERNEL, rss=False)


def receive_from_other_nic(guest, traffic, kind):
    nic = guest.nics[kind]
    before = bind(guest, nic)
    assert before == "vfio-pci", before
    configure(guest, configuration(device_input(nic), [csv_sink()]))
    messages = len(journal(guest))
    restart(guest)
    figures = receive(guest, traffic, nic, rss=False)
    said = [entry["MESSAGE"] for entry in journal(guest)[messages:] if nic.address in entry["MESSAGE"]]
    return f"{figures}; {summary(guest)['packets']['nic_errors']} frames with errors; {said}"


@check
def receive_vmxnet3(guest, traffic):
    return receive_from_other_nic(guest, traffic, VMXNET3)


@check
def receive_e1000e(guest, traffic):
    guest.run("systemctl disable --now spanflowd@kernel", seconds=STOP_SECONDS + 60)
    return receive_from_other_nic(guest, traffic, E1000E)


@check
def uninstall(guest, traffic):
    """Does what the handbook says, except for ninja: the build is not in the guest."""
    for command in handbook.commands("Uninstall"):
        if not command.startswith("ninja"):
            for nic in guest.nics.values() if PLACEHOLDER in command else [None]:
                guest.run(command.replace(PLACEHOLDER, nic.address) if nic else command)
    guest.run("! getent passwd spanflow && ! getent group spanflow")
    interfaces = guest.run("ls /sys/class/net").split()
    assert "span0" in interfaces and len(interfaces) == 1 + len(guest.nics), interfaces
    return "no user, no folders; the kernel has " + " ".join(interfaces)


@check
def power_off(guest, traffic):
    return f"{guest.power_off():.0f} s"
