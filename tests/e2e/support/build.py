"""The build under test: its folder, its programs, and how slow it is."""
import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

folder = os.path.join(ROOT, "build-tests")  # set by pytest's --build-dir
slow = "SPANFLOW_SLOW_TESTS" in os.environ  # true for a build with sanitizers
slowness = 5 if slow else 1
beside_others = "PYTEST_XDIST_WORKER" in os.environ  # time limits are then checked only by cases marked `alone`
thorough = "SPANFLOW_LONG_TESTS" in os.environ  # true in .ci/nightly: more rounds, longer outages


def binary(name="spanflowd"):
    return os.path.join(folder, "daemon", name)


def bench_program(name):
    return os.path.join(folder, "bench", name)


def patience(seconds):
    """Returns a time limit, longer if the program is slower or shares the CPUs."""
    return seconds * slowness * (3 if beside_others else 1)


def build_options():
    with open(os.path.join(folder, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as file:
        return {option["name"]: option["value"] for option in json.load(file)}


def sanitizers():
    """Returns the compiler arguments for programs that are linked with the library."""
    chosen = build_options().get("b_sanitize", "none")
    return [] if chosen == "none" else [f"-fsanitize={chosen}"]
