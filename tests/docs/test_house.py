"""What the house promises to contributors: public names in one table, contracts that hold, commands that agree."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spikeseg_lava as sl

ROOT = Path(__file__).resolve().parents[2]
STUB = (ROOT / "spikeseg_lava" / "__init__.pyi").read_text(encoding="utf-8")
NAMES = re.findall(r"^from \.([\w.]+) import (\w+) as (\w+)$", STUB, re.MULTILINE)


def test_only_public_names_are_listed() -> None:
    assert dir(sl) == sorted(public for _, _, public in NAMES)


@pytest.mark.parametrize(("home", "name", "public"), NAMES, ids=[public for _, _, public in NAMES])
def test_a_public_name_comes_from_its_home(home: str, name: str, public: str) -> None:
    assert getattr(sl, public) is getattr(importlib.import_module(f"spikeseg_lava.{home}"), name)


def test_importing_the_package_imports_neither_torch_nor_lava_nor_numpy() -> None:
    code = "import sys, spikeseg_lava; print(sorted({'torch', 'lava', 'numba', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_workflow_runs_the_commands_of_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    commands = re.findall(r"- run: (uv run .+)", workflow)
    assert commands
    assert all(command in ci for command in commands)


def test_no_page_or_module_cites_what_a_reader_of_the_repository_does_not_have() -> None:
    files = [
        *ROOT.glob("spikeseg_lava/**/*.py"),
        *ROOT.glob("torch_reference/*.py"),
        *ROOT.glob("docs/*.md"),
        ROOT / "README.md",
    ]
    citing = [
        str(f.relative_to(ROOT))
        for f in files
        if re.search(r"DESIGN|LAVA\.md|ARCHITECTURE\.md", f.read_text(encoding="utf-8"))
    ]
    assert not citing


def test_the_house_stays_small_enough_to_know() -> None:
    package = ROOT / "spikeseg_lava"
    modules = [f for f in package.glob("**/*.py") if f.name != "__init__.py"]
    entries = [f for f in package.iterdir() if f.name != "__pycache__"]
    ignored = sum(f.read_text(encoding="utf-8").count("type: ignore") for f in package.glob("**/*.py"))
    assert len(modules) <= 200, "join something before a module is added"
    assert len(entries) <= 24
    assert ignored <= 25


def test_what_the_architecture_page_names_exists() -> None:
    """Files by their path in the package or beside it; `NAME` in `FILE` by a definition of that name there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").replace("\n   ", " ")
    sources = {name: ROOT / "spikeseg_lava" / name for name in re.findall(r"`([\w/]+\.py)`", page)}
    sources = {name: path if path.exists() else ROOT / name for name, path in sources.items()}
    assert sources
    assert not [name for name, path in sources.items() if not path.exists()]
    named = re.findall(r"`(\w+)`,? in `([\w/]+\.py)`", page)
    assert len(named) > 10
    for name, file in named:
        assert re.search(rf"^(def|class) {name}\b", sources[file].read_text(encoding="utf-8"), re.MULTILINE), (
            name,
            file,
        )
