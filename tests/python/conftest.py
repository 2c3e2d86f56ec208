"""Options and fixtures of the tests of the Python package. They use the support code of the end-to-end cases."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

from support import build  # noqa: E402
from support.captures import capture  # noqa: E402
from support.links import link  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--build-dir", default=build.folder, help="the build to test (default: build-tests)")


def pytest_configure(config):
    build.folder = os.path.abspath(config.getoption("build_dir"))


@pytest.fixture
def mixed():
    return capture("mixed.pcap")


@pytest.fixture
def wire():
    with link() as made:
        yield made
