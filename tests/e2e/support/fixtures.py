"""Fixtures that the end-to-end cases and the fault cases have in common."""
import tempfile

import pytest

from support.links import link


@pytest.fixture(autouse=True)
def own_folder(monkeypatch):
    """Runs each case in its own folder. pytest's folders cannot be used: their paths are too long for Unix sockets, and
    other users cannot enter them."""
    with tempfile.TemporaryDirectory(prefix="spanflow-e2e-") as folder:
        monkeypatch.chdir(folder)
        yield folder


@pytest.fixture
def wire():
    with link() as made:
        yield made
