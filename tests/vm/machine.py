"""Runs the guest in QEMU, without KVM: its network interfaces are taps in a network namespace of its own."""
import base64
import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import time

# The guest's addresses on the PCI bus follow from the order here. All are NICs that QEMU has without further files.
# The virtio queues are packed: in the ring of used buffers of a split queue with more than 256 entries, an entry crosses a page.
# QEMU (7.2) writes only the first half of such an entry if the IOMMU maps single pages, as it does without hugepages, and the
# packet is lost. With queues of 256 entries, QEMU has once left packets unread in the tap.
VIRTIO, VMXNET3, E1000E = "virtio", "vmxnet3", "e1000e"
QUEUES = 4
DEVICES = {
    VIRTIO: f"virtio-net-pci,mq=on,vectors={2 * QUEUES + 2},disable-legacy=on,iommu_platform=on,rss=on,packed=on,rx_queue_size=1024",
    VMXNET3: "vmxnet3",
    E1000E: "e1000e",
}
# Without the fast string instructions, which QEMU runs octet by octet: the kernel would clear all its pages with them.
CPU = "max,erms=off,fsrm=off"
BOOT_SECONDS = 1500  # of a machine whose CPUs are in use; a boot takes a minute on two idle ones

# The kernel's check of its timer fails if the host is slow to deliver the interrupts.
PATIENCE = f"no_timer_check systemd.default_timeout_start_sec={BOOT_SECONDS}"


class CommandFailed(AssertionError):
    """A command in the guest failed."""


class MachineFailed(Exception):
    """The guest does not answer any more."""


class Nic:
    """A NIC of the guest, and the tap whose packets it receives."""

    def __init__(self, kind, number):
        self.kind, self.tap = kind, f"tap{number}"
        slot = 0x10 + number
        self.address, self.mac = f"0000:00:{slot:02x}.0", f"52:54:00:00:00:{slot:02x}"
        queues = f",queues={QUEUES}" if kind == VIRTIO else ""
        self.arguments = ("-netdev", f"tap,id={kind},ifname={self.tap},script=no,downscript=no,vhost=off{queues}",
                          "-device", f"{DEVICES[kind]},netdev={kind},mac={self.mac},addr={slot:#x},romfile=")

    def make_tap(self, inside):
        queues = ("multi_queue",) if self.kind == VIRTIO else ()
        for words in (("tuntap", "add", self.tap, "mode", "tap", *queues), ("link", "set", self.tap, "txqueuelen", "10000", "up")):
            subprocess.run((*inside, "ip", *words), check=True, timeout=60)


class Machine:
    """The guest, as a context manager. At the end of the block, QEMU and the namespace are removed."""

    def __init__(self, image, stage, kernel_arguments, folder):
        self.nics = {kind: Nic(kind, number) for number, kind in enumerate(DEVICES)}
        self.console, self.socket_path = os.path.join(folder, "console.log"), os.path.join(folder, "commands")
        self.namespace = f"spanflow-vm-{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self.namespace)
        # QEMU is killed if this process ends without doing so itself.
        self.command = (
            "setpriv", "--pdeathsig", "KILL", *self.inside, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU,
            "-M", "q35,kernel-irqchip=split", "-smp", "3", "-m", "3G", "-nodefaults", "-display", "none",
            "-device", "intel-iommu,intremap=on,caching-mode=on",
            "-kernel", os.path.join(image, "vmlinuz"), "-initrd", os.path.join(image, "initrd.img"),
            "-append", f"root=/dev/vda rw console=ttyS0 quiet {PATIENCE} {kernel_arguments}",
            "-drive", f"file={image}/disk,if=virtio,format=raw,snapshot=on", "-drive", f"file={stage},if=virtio,format=raw,readonly=on",
            "-serial", f"file:{self.console}", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=commands,path={self.socket_path},server=on,wait=off",
            "-device", "virtserialport,chardev=commands,name=spanflow.test",
            *(word for nic in self.nics.values() for word in nic.arguments))
        self.ids = itertools.count()
        self.process = self.connection = None
        self.received = b""

    def __enter__(self):
        subprocess.run(("ip", "netns", "add", self.namespace), check=True, timeout=60)
        try:
            subprocess.run((*self.inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"),
                           check=True, timeout=60)
            for nic in self.nics.values():
                nic.make_tap(self.inside)
            # QEMU tells on standard error what it cannot do, such as RSS in the host's kernel; it goes to the console's log.
            with open(self.console + ".qemu", "wb") as log:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.connection is not None:
            self.connection.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=60)
        subprocess.run(("ip", "netns", "del", self.namespace), check=False, timeout=60)

    def connect(self):
        self.connection = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 30
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                self.connection.connect(self.socket_path)
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise MachineFailed("QEMU does not start: " + self.said_by_qemu())
            time.sleep(0.1)

    def said_by_qemu(self):
        with open(self.console + ".qemu", encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def last_of_console(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-15:])

    # --- Commands ---

    def next_message(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.received:
            self.connection.settimeout(max(end - time.monotonic(), 0.01))
            try:
                piece = self.connection.recv(1 << 16)
            except TimeoutError:
                raise MachineFailed(f"the guest does not answer within {seconds} s; its console:\n{self.last_of_console()}") from None
            if not piece:
                raise MachineFailed("QEMU has ended: " + self.said_by_qemu())
            self.received += piece
        line, self.received = self.received.split(b"\n", 1)
        return json.loads(line)

    def wait_for_boot(self):
        """Waits until the guest takes commands, and until systemd has done all jobs of the boot. Returns the state that systemd
        reports, and the seconds."""
        start = time.monotonic()
        while "ready" not in self.next_message(BOOT_SECONDS):
            pass
        _, state = self.try_to_run("systemctl is-system-running --wait", seconds=BOOT_SECONDS)
        return state.strip(), time.monotonic() - start

    def send_command(self, command, seconds):
        request = {"id": next(self.ids), "command": command, "seconds": seconds}
        self.connection.settimeout(30)
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        return request["id"]

    def try_to_run(self, command, seconds=120):
        """Runs a command of bash in the guest as root. Returns its exit code and its output."""
        number = self.send_command(command, seconds)
        while (answer := self.next_message(seconds + 60)).get("id") != number:
            pass
        return answer["code"], answer["output"]

    def run(self, command, seconds=120):
        """Runs a command that must succeed, and returns its output."""
        code, output = self.try_to_run(command, seconds)
        if code != 0:
            raise CommandFailed(f"exit code {code} of: {command}\n{output[-3000:]}")
        return output

    def write(self, path, content):
        self.run(f"mkdir -p $(dirname {path}) && cat >{path} <<'END'\n{content}END")

    def copy(self, source, path):
        """Copies a file of this machine into the guest."""
        with open(source, "rb") as file:
            content = base64.b64encode(file.read()).decode()
        self.run(f"base64 -d >{path} <<'END'\n{content}\nEND")

    def read(self, path):
        return base64.b64decode(self.run(f"base64 {path}"))

    def wait_until(self, condition, within, what):
        """Polls until condition() is true, and returns its value."""
        end = time.monotonic() + within
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"not within {within} s: {what}")
            time.sleep(0.5)

    def reboot(self):
        """Reboots the guest. Returns the state of systemd and the seconds from the command until then."""
        start = time.monotonic()
        self.send_command("systemctl reboot", 60)
        state, _ = self.wait_for_boot()
        return state, time.monotonic() - start

    def power_off(self):
        """Returns the seconds until QEMU has ended."""
        start = time.monotonic()
        self.send_command("systemctl poweroff", 60)
        self.process.wait(timeout=300)
        return time.monotonic() - start

    # --- Traffic ---

    def send(self, nic, capture, packets_per_second):
        """Sends a capture into the tap of a NIC, and returns the number of packets that the tap passed on to QEMU."""
        said = subprocess.run((*self.inside, "tcpreplay", "-q", "-p", str(packets_per_second), "-i", nic.tap, capture),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=True).stdout.decode()
        return int(re.search(r"Successful packets:\s+(\d+)", said)[1])
