"""Compiles programs and shared objects against the installed library."""
import functools
import glob
import os
import shlex
import subprocess

from support.build import ROOT, compiler, patience, sanitizers
from support.compare import assert_equal
from support.installation import installation
from support.program import need


@functools.lru_cache(maxsize=1)
def environment():
    """Returns the environment in which pkg-config and the dynamic loader find the installation."""
    need("pkg-config")
    root = installation()
    pc = glob.glob(os.path.join(root, "**", "spanflow.pc"), recursive=True)
    assert len(pc) == 1, pc
    library = os.path.dirname(os.path.dirname(pc[0]))
    return {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(pc[0]), "PKG_CONFIG_SYSROOT_DIR": root,
            "LD_LIBRARY_PATH": library}


def pkg_config(*arguments):
    done = subprocess.run(["pkg-config", *arguments, "spanflow"], env=environment(), check=True, stdout=subprocess.PIPE)
    return shlex.split(done.stdout.decode())


def write_file(name, content):
    with open(name, "w", encoding="utf-8") as file:
        file.write(content)
    return name


def compile_program(source):
    write_file("program.cc", source)
    done = subprocess.run([*compiler(), "-std=c++20", "-Wall", "-Wextra", *sanitizers(), "program.cc",
                           *pkg_config("--cflags", "--libs"), "-o", "program"],
                          env=environment(), stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


def run_program(*arguments):
    program = os.path.abspath("program")
    done = subprocess.run([program, *arguments], cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=patience(30), check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    return done.stdout.decode()


def build_shared_object(source, to):
    """Compiles a shared object as docs/metrics.md says: with the installed header, and without linking any library."""
    done = subprocess.run([*compiler(), "-std=c++20", "-O2", "-Wall", "-Wextra", *sanitizers(), "-shared", "-fPIC",
                           *pkg_config("--cflags"), source, "-o", to],
                          env=environment(), stderr=subprocess.PIPE, check=False)
    assert_equal((done.returncode, done.stderr.decode()), (0, ""))


def set_metrics(*metrics):
    return "-s", "metrics=[" + ", ".join(metrics) + "]"
