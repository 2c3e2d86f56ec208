"""The build under test: its folder, its programs, and how slow it is."""
import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

folder = os.path.join(ROOT, "build-tests")  # set by pytest's --build-dir
slow = "SPANFLOW_SLOW_TESTS" in os.environ  # true for a build with sanitizers
slowness = 5 if slow else 1
beside_others = "PYTEST_XDIST_WORKER" in os.environ  # true under pytest-xdist; `alone` cases run without it
thorough = "SPANFLOW_LONG_TESTS" in os.environ  # true in .ci/nightly: more rounds, longer outages


def binary(name="spanflowd"):
    return os.path.join(folder, "daemon", name)


def bench_program(name):
    return os.path.join(folder, "bench", name)


def patience(seconds):
    """Returns a time limit of `seconds`, which is longer if the build is slow or the case shares the CPUs."""
    return seconds * slowness * (3 if beside_others else 1)


def introspected(subject):
    """Returns what meson reports of the build about `subject`, such as "targets"."""
    with open(os.path.join(folder, "meson-info", f"intro-{subject}.json"), encoding="utf-8") as file:
        return json.load(file)


def build_options():
    return {option["name"]: option["value"] for option in introspected("buildoptions")}


def compiler():
    """Returns the command of the compiler that made the build. Programs that are linked with the library must use the
    same compiler, because each compiler has its own sanitizer runtime."""
    spanflowd = next(target for target in introspected("targets") if target["name"] == "spanflowd")
    return spanflowd["target_sources"][0]["compiler"]


def sanitizers():
    """Returns the build's sanitizer arguments, which programs that are linked with the library need as well."""
    chosen = build_options().get("b_sanitize", "none")
    return [] if chosen == "none" else [f"-fsanitize={chosen}"]
