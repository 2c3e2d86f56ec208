"""The notebooks in docs/notebooks run without an error, make their pictures, and are committed with their outputs."""
import glob
import os

import pytest
from support.build import ROOT, patience

FOLDER = os.path.join(ROOT, "docs", "notebooks")
MOST_OCTETS = 400_000
PICTURES = {"classifying-flows.ipynb": 3, "exploring-a-capture.ipynb": 3, "from-nfstream.ipynb": 0}
WITH_RANDOM_NUMBERS = ["classifying-flows.ipynb"]  # other versions of scikit-learn make other forests

pytestmark = [pytest.mark.release_only, pytest.mark.slow]

nbformat = pytest.importorskip("nbformat", reason="not installed: nbclient; see .ci/dependencies")
nbclient = pytest.importorskip("nbclient", reason="not installed: nbclient; see .ci/dependencies")


def notebooks():
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "*.ipynb")))


def read(name):
    return nbformat.read(os.path.join(FOLDER, name), as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(notebook):
    return [output["data"]["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})]


def printed(notebook):
    """Returns the printed text of each code cell. The kernel may send it in several parts."""
    streams = [[output["text"] for output in cell.outputs if output["output_type"] == "stream" and output["name"] == "stdout"]
               for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(parts) for parts in streams]


@pytest.fixture(autouse=True)
def pictures_within_the_notebook(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)


@pytest.mark.parametrize("name", notebooks())
def test_notebook_runs_and_makes_its_pictures(name):
    committed, running = read(name), read(name)
    client = nbclient.NotebookClient(running, timeout=patience(60), resources={"metadata": {"path": FOLDER}})
    client.execute()  # raises if a cell raises
    assert len(pictures(running)) == len(pictures(committed)) == PICTURES[name]
    if name not in WITH_RANDOM_NUMBERS:
        assert printed(running) == printed(committed), "the outputs are out of date: run all cells in order, and save"


@pytest.mark.parametrize("name", notebooks())
def test_committed_notebook_is_small_and_has_its_outputs(name):
    assert os.path.getsize(os.path.join(FOLDER, name)) < MOST_OCTETS
    notebook = read(name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run all cells in order, and save"
    assert [output for output in outputs(notebook) if output["output_type"] == "error"] == []
    assert all(len(picture) > 5000 for picture in pictures(notebook))


def test_there_are_notebooks():
    assert notebooks() == sorted(PICTURES)
