"""Options, markers and fixtures of the end-to-end cases."""
import itertools
import os

import pytest

pytest.register_assert_rewrite("support")

from support import build  # noqa: E402
from support.broker import Broker  # noqa: E402
from support.fixtures import own_folder, wire  # noqa: E402,F401

MARKERS_OF_FIXTURES = {"wire": ("root", "network"), "broker": ("broker",), "own_broker": ("broker",)}
# Two processes run the cases that have a broker of their own, because each broker takes all free CPUs.
OWN_BROKER_GROUPS = itertools.cycle(("own_broker_1", "own_broker_2"))


def pytest_addoption(parser):
    parser.addoption("--build-dir", default=build.folder, help="the build to test (default: build-tests)")
    parser.addoption("--alone", choices=["only", "without"],
                     help="only, or without, the cases that need the machine to themselves")


def pytest_configure(config):
    build.folder = os.path.abspath(config.getoption("build_dir"))
    if not config.getoption("collectonly") and not os.access(build.binary(), os.X_OK):
        raise pytest.UsageError(f"{build.binary()} is missing: build it, or name the folder with --build-dir")


def pytest_itemcollected(item):
    for fixture, markers in MARKERS_OF_FIXTURES.items():
        if fixture in item.fixturenames:
            for marker in markers:
                item.add_marker(marker)
    if "broker" in item.fixturenames:
        item.add_marker(pytest.mark.xdist_group("broker"))  # one process runs all these cases, with one broker
    if "own_broker" in item.fixturenames:
        item.add_marker(pytest.mark.xdist_group(next(OWN_BROKER_GROUPS)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    select_by_need_for_the_machine(config, items)
    # Slow cases run first, so that the other processes do not have to wait for a slow case at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def select_by_need_for_the_machine(config, items):
    chosen = config.getoption("alone")
    if chosen is None:
        return
    left_out = [item for item in items if (item.get_closest_marker("alone") is None) == (chosen == "only")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """Returns the broker for all cases that leave it running. Each case uses its own topics."""
    with Broker(folder=tmp_path_factory.mktemp("broker"), num_partitions=3) as running:
        yield running


@pytest.fixture
def own_broker():
    """Returns a broker for this case only, which may stop and start it."""
    with Broker() as running:
        yield running
