"""The repairs of Lava's import touch what they name and nothing else; without Lava one line says what is missing."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

from spikeseg_lava.lava.python_support import HASHED, REPAIRS, RepairingFinder, hashable_defaults, install_repairs


def test_exactly_the_named_dataclasses_get_a_hash_while_active() -> None:
    with hashable_defaults():
        made = {name: dataclasses.dataclass(type(name, (), {"__annotations__": {"x": int}})) for name in HASHED}

        @dataclasses.dataclass
        class Other:
            x: int = 0

        @dataclasses.dataclass(frozen=True)
        class Options:
            x: int = 0

    assert len({hash(cls(3)) for cls in made.values()}) >= 1
    assert Other.__hash__ is None
    assert hash(Options()) == hash(Options())
    assert dataclasses.dataclass.__module__ == "dataclasses"
    assert not hasattr(dataclasses.dataclass, "__wrapped__")


def test_the_finder_leaves_every_other_module_alone() -> None:
    finder = RepairingFinder()
    assert finder.find_spec("lava.magma.compiler.compiler") is None
    assert finder.find_spec("dataclasses") is None


def test_the_finder_is_installed_once() -> None:
    install_repairs()
    assert sum(isinstance(finder, RepairingFinder) for finder in sys.meta_path) == 1


def test_dataclasses_are_repaired_where_python_needs_it_and_only_there() -> None:
    """Since 3.11 dataclasses refuse a default that has no hash."""
    from lava.magma.compiler import var_model

    needed = sys.version_info >= (3, 11)
    assert ("lava.magma.compiler.var_model" in REPAIRS) == needed
    assert (var_model.ByteEncoder.__hash__ is not None) == needed


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)


def test_without_lava_one_line_says_what_is_needed() -> None:
    finished = run(
        "import sys; sys.modules['lava'] = None\n"
        "import spikeseg_lava.lava\n"
        "from spikeseg_lava.errors import BackendError\n"
        "try:\n    from spikeseg_lava.lava import run_lava\n"
        "except BackendError as error:\n    print(error)"
    )
    assert finished.stdout.startswith("the Lava backends need `lava-nc` 0.10.0, which is not installed"), (
        finished.stderr
    )
    assert finished.stdout.count("\n") == 1


def test_importing_the_package_imports_neither_lava_nor_numba() -> None:
    finished = run("import sys, spikeseg_lava.lava; print(sorted({'lava', 'numba', 'torch'} & set(sys.modules)))")
    assert finished.stdout == "[]\n", finished.stderr


def test_runs_where_another_start_method_was_chosen() -> None:
    finished = run(
        "import multiprocessing, sys; multiprocessing.set_start_method('spawn')\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from builders.models import two_plane_clip, two_plane_model\n"
        "from spikeseg_lava.lava import run_lava\n"
        "record = run_lava(two_plane_model(), two_plane_clip(), timeout=60)\n"
        "print(record.counts['conv2'] > 0, multiprocessing.get_start_method())"
    )
    assert finished.stdout == "True spawn\n", finished.stderr


def test_a_system_without_fork_is_told_so_and_runs_the_event_engine() -> None:
    finished = run(
        "import multiprocessing\n"
        "multiprocessing.get_all_start_methods = lambda: ['spawn']\n"
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from builders.models import two_plane_clip, two_plane_model\n"
        "import spikeseg_lava as sl\nfrom spikeseg_lava.errors import BackendError\n"
        "print(sl.run(two_plane_model(), two_plane_clip(), backend='event').counts['conv2'] > 0)\n"
        "for backend in ('lava', 'lava-fused', 'loihi2'):\n"
        "    try:\n        sl.run(two_plane_model(), two_plane_clip(), backend=backend)\n"
        "    except BackendError as error:\n        print(error)\n"
        "try:\n    from spikeseg_lava.lava.processes import IF\n"
        "except BackendError as error:\n    print(error)\n"
    )
    lines = finished.stdout.splitlines()
    assert lines[0] == "True", finished.stderr
    assert len(lines) == 5
    assert all("need a system that can fork processes (Linux, macOS)" in line for line in lines[1:])
