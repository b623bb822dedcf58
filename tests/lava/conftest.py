"""Our package comes first: on Python >= 3.11 it repairs Lava's import, which the tests do themselves."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import spikeseg_lava.lava  # noqa: F401  # pyright: ignore[reportUnusedImport]

STAND_IN = Path(__file__).parent / "stand_in"
EXTENSION = ("proc.embedded_io", "proc.embedded_io.spike", "utils.loihi2_profiler", "utils.loihi2_state_probes")


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in for the extension's spike adapters, whose `LATE` a test may set."""
    from lava.magma.core import run_configs

    from spikeseg_lava.lava import loihi

    monkeypatch.syspath_prepend(str(STAND_IN))
    monkeypatch.setattr(loihi, "choose_host", lambda host: None)
    for base in ("AbstractNcProcessModel", "CLoihiProcessModel"):  # the extension's, which nothing here is derived from
        monkeypatch.setattr(run_configs, base, type(base, (), {}), raising=False)
    module: Any = importlib.import_module("lava.proc.embedded_io.spike")
    module.CALLS.clear()
    yield module
    for name in EXTENSION:
        sys.modules.pop(f"lava.{name}", None)
