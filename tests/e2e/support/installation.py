"""Installs the build into a folder of its own."""
import functools
import os
import subprocess
import tempfile

from support import build
from support.program import need


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@functools.lru_cache(maxsize=1)
def staged():
    """Installs the build once per process, for all its cases. The folder is removed when the process ends."""
    need("meson")
    folder = tempfile.TemporaryDirectory(prefix="spanflow-prefix-")
    subprocess.run(["meson", "install", "-C", build.folder, "--no-rebuild", "--quiet", "--destdir", folder.name],
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    return folder


def installation():
    return staged().name


def below_prefix(*path):
    """Returns the path of an installed file: the folder, then the prefix of the build, then `path`."""
    return os.path.join(installation() + build.build_options()["prefix"], *path)


def unit_file(name):
    return below_prefix("lib", "systemd", "system", name)


def unit_settings(unit):
    """Returns the settings of a unit as {name: [values]}. If a name occurs several times, its values are joined."""
    found = {}
    for line in read_text(unit_file(unit)).splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).extend(value.split())
    return found
