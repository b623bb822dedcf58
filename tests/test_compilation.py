"""Kernels compile whatever happens to the folder they are kept in."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikeseg_lava import compilation

ROOT = Path(__file__).parents[1]
WITHOUT_FOLDER = "import numba.core.caching as c; c.CacheImpl._locator_classes = []\n"  # what an unwritable disk leaves
IMPORT_ALL = """
import importlib, pkgutil, sys, spikeseg_lava, torch_reference
for package in (spikeseg_lava, torch_reference):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith("spikeseg_lava.lava"):
            importlib.import_module(module.name)
from spikeseg_lava.engine.kernels.record import quotient, reciprocal
print(quotient(100, reciprocal(7)))
"""
HALVE = "from halving import halve; print(halve(28))"
KERNEL = """
from spikeseg_lava.compilation import compiled
@compiled
def halve(number):
    return number // 2
"""


def python(code: str, folder: Path, cache: str = "cache") -> subprocess.CompletedProcess[str]:
    """Runs `code` beside a module `halving`, kernels being kept in `folder / cache`."""
    (folder / "halving.py").write_text(KERNEL)
    path = os.pathsep.join([str(folder), str(ROOT), *sys.path])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / cache), "PYTHONPATH": path}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, cwd=folder, timeout=120, capture_output=True, text=True)


def test_without_a_writable_cache_folder_every_module_imports(tmp_path: Path) -> None:
    done = python(WITHOUT_FOLDER + IMPORT_ALL, tmp_path)
    assert done.stdout.strip() == "14", done.stderr
    assert done.stderr.count("compiled in memory") == 1


def test_kernels_compile_where_the_cache_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    done = python(HALVE, tmp_path, "file")
    assert done.stdout.strip() == "14", done.stderr


DAMAGES = {
    "empty index": ("*.nbi", lambda content: b""),
    "cut kernel": ("*.nbc", lambda content: content[: len(content) // 2]),
    "flipped bit": ("*.nbc", lambda content: content[:-100] + bytes([content[-100] ^ 8]) + content[-99:]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_kernels_are_compiled_again_with_one_notice(tmp_path: Path, damage: str) -> None:
    ending, damaged = DAMAGES[damage]
    first = python(HALVE, tmp_path)
    (kept,) = tmp_path.rglob(ending)
    kept.write_bytes(damaged(kept.read_bytes()))
    second, third = python(HALVE, tmp_path), python(HALVE, tmp_path)
    assert [run.stdout.strip() for run in (first, second, third)] == ["14"] * 3, second.stderr
    assert [run.stderr.count("damaged") for run in (first, second, third)] == [0, 1, 0]


def test_a_full_disk_leaves_kernels_in_memory(tmp_path: Path) -> None:
    full = "import resource, signal, sys; sys.dont_write_bytecode = True\n"
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    done = python(full + HALVE, tmp_path)
    assert done.stdout.strip() == "14", done.stderr
    assert done.stderr.count("compiled in memory") == 1
    assert not list(tmp_path.rglob("*.nb?"))


class _Begun:
    """What numba says when it begins to compile a kernel of the package."""

    data = {"dispatcher": type("D", (), {"py_func": compilation.cache_folder})}  # noqa: RUF012


def test_compilation_is_announced_once_per_machine(caplog, tmp_path):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):  # two processes
            notice = compilation.CompilationNotice(tmp_path / "kernels")
            notice.on_start(_Begun)
            notice.on_start(_Begun)
    assert [record.message for record in caplog.records] == [compilation.NOTICE]


def test_compilation_is_announced_where_no_folder_can_be_written(caplog, tmp_path):
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        notice = compilation.CompilationNotice(tmp_path / "file" / "kernels")
        notice.on_start(_Begun)
        notice.on_start(_Begun)
    assert [record.message for record in caplog.records] == [compilation.NOTICE]
