"""Options and fixtures of the fault cases. They use the support code of the end-to-end cases."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
pytest.register_assert_rewrite("support")

from support import build  # noqa: E402
from support.fixtures import own_folder, wire  # noqa: E402,F401


def pytest_addoption(parser):
    parser.addoption("--build-dir", default=build.folder, help="the build to test (default: build-tests)")


def pytest_configure(config):
    build.folder = os.path.abspath(config.getoption("build_dir"))
    if not config.getoption("collectonly") and not os.access(build.binary(), os.X_OK):
        raise pytest.UsageError(f"{build.binary()} is missing: build it, or name the folder with --build-dir")
