"""What a Lava user does with our Processes: whole scripts, each in an interpreter of its own with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS = 150  # a graph that hangs must not hold up the tests


def finished(script: str, *arguments: str) -> None:
    """Run a script of `user_scripts`; fails with its output unless it comes to its end."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    done = subprocess.run(
        [sys.executable, str(HERE / "user_scripts" / script), *arguments],
        capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr


@pytest.mark.parametrize("script", ["no_tag.py", "samples.py", "hand_over.py"])
def test_the_script_comes_to_its_end(script: str) -> None:
    finished(script)


def test_saved_graphs_run_in_another_interpreter(tmp_path: Path) -> None:
    finished("save.py", str(tmp_path))
    finished("load.py", str(tmp_path))
