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


def introspected(subject):
    with open(os.path.join(folder, "meson-info", f"intro-{subject}.json"), encoding="utf-8") as file:
        return json.load(file)


def build_options():
    return {option["name"]: option["value"] for option in introspected("buildoptions")}


def compiler():
    """Returns the command of the compiler that the build was made with: each has its own sanitizers."""
    spanflowd = next(target for target in introspected("targets") if target["name"] == "spanflowd")
    return spanflowd["target_sources"][0]["compiler"]


def sanitizers():
    """Returns the compiler arguments for programs that are linked with the library."""
    chosen = build_options().get("b_sanitize", "none")
    return [] if chosen == "none" else [f"-fsanitize={chosen}"]
