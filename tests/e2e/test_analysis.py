"""Checks docs/analysis.md: every command runs and prints the output that the page shows."""
import os
import re
import subprocess

import pytest

from support.build import ROOT, binary
from support.compare import assert_equal

pytestmark = pytest.mark.release_only

PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
BLOCK = re.compile(r"```(sh|python)\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def output_of(kind, code):
    command = ["bash", "-ec", code] if kind == "sh" else [PYTHON, "-c", code]
    environment = {**os.environ, "PATH": os.path.dirname(binary()) + ":" + os.environ["PATH"]}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr.decode()}"
    return done.stdout.decode()


@pytest.mark.slow
def test_every_command_prints_what_the_page_says():
    if not os.path.exists(PYTHON):
        pytest.skip("no .venv with pandas, polars and duckdb; see .ci/dependencies")
    os.symlink(os.path.join(ROOT, "tests"), "tests")
    with open(os.path.join(ROOT, "docs", "analysis.md"), encoding="utf-8") as page:
        blocks = BLOCK.findall(page.read())
    assert len(blocks) > 8
    for kind, code, printed in blocks:
        assert_equal(output_of(kind, code).splitlines(), printed.splitlines(), code)
