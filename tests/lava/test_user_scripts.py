"""What a Lava user does with our Processes: whole scripts, each in an interpreter of its own with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 150  # a graph that hangs must not hold up the tests


def finished(script: str, *arguments: str, path: Path = HERE) -> None:
    """Run a script of `user_scripts` with a further `path` of Python; fails with its output unless it ends well."""
    folders = os.pathsep.join([str(HERE.parent), str(path)])
    done = subprocess.run(
        [sys.executable, str(HERE / "user_scripts" / script), *arguments],
        capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "PYTHONPATH": folders},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr


@pytest.mark.parametrize("script", ["no_tag.py", "samples.py", "hand_over.py", "settings.py"])
def test_the_script_comes_to_its_end(script: str) -> None:
    finished(script)


def test_saved_graphs_run_in_another_interpreter(tmp_path: Path) -> None:
    finished("save.py", str(tmp_path))
    finished("load.py", str(tmp_path))


def test_a_hybrid_of_lavas_neurons_and_ours_runs_and_is_saved(tmp_path: Path) -> None:
    finished("hybrid.py", str(tmp_path))
