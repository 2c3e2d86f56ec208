"""Makes the disk of the guest: Debian with systemd as init, and the shared libraries that the build needs."""
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("SPANFLOW_CACHE", os.path.expanduser("~/.cache/spanflow-tests")), "vm")

SYSTEM = ("systemd-sysv", "dbus", "udev", "kmod", "linux-image-amd64", "initramfs-tools", "zstd", "iproute2", "ifupdown", "ethtool",
          "procps", "pciutils", "driverctl", "adduser", "python3")
# DPDK loads these from a folder, so they are no dependencies of the program.
DRIVERS = ("librte-bus-pci", "librte-bus-vdev", "librte-mempool-ring", "librte-net-af-packet", "librte-net-virtio", "librte-net-vmxnet3",
           "librte-net-e1000")
DISK = "4G"


def output(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()


def release():
    """Returns the name of this machine's release of Debian. The guest has the same, because its libraries must fit the build."""
    with open("/etc/os-release", encoding="utf-8") as file:
        return re.search(r"^VERSION_CODENAME=(\w+)", file.read(), re.MULTILINE)[1]


def packages_of_libraries(programs):
    """Returns the packages of the shared libraries of the programs, and of DPDK's drivers."""
    libraries = {name for program in programs for name in re.findall(r"=> \S*/x86_64-linux-gnu/(\S+) \(", output("ldd", program))}
    # A package has its libraries below /lib or below /usr/lib, whatever ldd shows, so dpkg-query does not find one half of the paths.
    paths = [f"{folder}/x86_64-linux-gnu/{name}" for name in sorted(libraries) for folder in ("/lib", "/usr/lib")]
    owners = subprocess.run(("dpkg-query", "-S", *paths), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=60)
    found = dict(re.findall(r"^([\w.+-]+)(?::\w+)?: .*/(\S+)$", owners.stdout.decode(), re.MULTILINE))
    drivers = output("dpkg-query", "-W", "-f", "${Package}\n", *(f"{name}*" for name in DRIVERS)).split()
    return sorted({*found, *(name for name in drivers if re.search(r"\d$", name))})


def copy_into(root, name, folder):
    os.makedirs(os.path.join(root, folder), exist_ok=True)
    shutil.copy(os.path.join(HERE, "guest", name), os.path.join(root, folder))


def install_system(root, suite, packages, log):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}

    def run(*words, seconds):
        subprocess.run(words, stdout=log, stderr=log, env=environment, timeout=seconds, check=True)

    run("debootstrap", "--variant=minbase", "--include=" + ",".join(SYSTEM), suite, root, seconds=1800)
    run("chroot", root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, seconds=1800)
    run("chroot", root, "apt-get", "clean", seconds=60)
    copy_into(root, "serve-commands", "usr/local/libexec")
    copy_into(root, "serve-commands.service", "etc/systemd/system")
    run("systemctl", f"--root={root}", "enable", "serve-commands.service", seconds=60)
    for path, content in (("etc/fstab", "/dev/vda / ext4 defaults 0 1\n"), ("etc/hostname", "guest\n"),
                          ("etc/hosts", "127.0.0.1 localhost guest\n")):
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(content)


def make_disk(path, folder, size):
    """Makes a file system in the file `path` with the content of a folder."""
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", folder, path, size], check=True, timeout=600, stdout=subprocess.DEVNULL)


def make_image(folder, suite, packages):
    """Makes `folder` with the disk, the kernel and its initial file system."""
    with tempfile.TemporaryDirectory(prefix="spanflow-vm-", dir=CACHE) as work:
        root, image = os.path.join(work, "root"), os.path.join(work, "image")
        os.makedirs(image)
        with open(os.path.join(CACHE, "install.log"), "wb") as log:
            install_system(root, suite, packages, log)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(glob.glob(os.path.join(root, "boot", f"{name}-*"))[0], os.path.join(image, name))
        make_disk(os.path.join(image, "disk"), root, DISK)
        os.rename(image, folder)


def image_for(programs):
    """Returns the folder of the image for these programs, which is made if the cache does not have it. Removes images that were
    made for other packages."""
    suite, packages = release(), packages_of_libraries(programs)
    digest = hashlib.sha256(repr((suite, SYSTEM, packages, DISK)).encode())
    for path in (os.path.abspath(__file__), *sorted(glob.glob(os.path.join(HERE, "guest", "*")))):
        with open(path, "rb") as file:
            digest.update(file.read())
    folder = os.path.join(CACHE, digest.hexdigest()[:16])
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            for old in glob.glob(os.path.join(CACHE, "*", "")):
                shutil.rmtree(old)
            make_image(folder, suite, packages)
    return folder
