"""Every code block of README and docs runs, in order, in a folder with the files the pages speak of."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spikeseg_lava import demo

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader of the docs has: a checkpoint, a clip and a recording."""
    shutil.copy(demo.checkpoint_path(), tmp_path / "checkpoint.pt")
    shutil.copy(demo.clip_path(), tmp_path / "clip.npz")
    shutil.copy(demo.events_path(), tmp_path / "iss.txt")
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_code_of_the_page_runs(cli, page: Path, folder: Path) -> None:
    python = "\n".join(code for language, code in blocks(page) if language == "python")
    commands = [line for language, code in blocks(page) if language == "console" for line in code.splitlines() if line]
    if python:
        (folder / "page.py").write_text(python, encoding="utf-8")
        done = subprocess.run([sys.executable, "page.py"], cwd=folder, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for command in commands:
        name, *words = shlex.split(command, comments=True)
        assert name == "spikeseg-lava"
        told = cli(*words)
        assert told.code == 0, f"{command}\n{told.err}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"
