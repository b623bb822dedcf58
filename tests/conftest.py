"""What all tests share: the real data that is no part of the project, and commands run as the shell would."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Tests run side by side, one a core: more threads in each only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"
NOTHING_SKIPPED = "SPIKESEG_LAVA_REQUIRE_ALL" in os.environ  # set in CI: a skipped test is a failed one

# A busy machine is slow, which is no failure; and what CI draws is the same every time.
settings.register_profile(
    "patient", deadline=None, derandomize=NOTHING_SKIPPED, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout; without it, tests that need real data are skipped (never in CI)."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"real data not found: {SHARED} is no part of the project")
    return SHARED


@dataclass(frozen=True)
class Finished:
    """Exit code and both outputs of a command."""

    code: int
    out: str
    err: str


Cli = Callable[..., Finished]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`cli("run", path, ...)`, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["spikeseg-lava", *map(str, words)])
        capsys.readouterr()
        code = exit_code_of_main()
        logging.getLogger("spikeseg_lava").setLevel(logging.NOTSET)
        out, err = capsys.readouterr()
        return Finished(code, str(out), str(err))

    return call


def exit_code_of_main() -> int:
    """What the shell would see; warnings are told, as for a user, not raised."""
    from spikeseg_lava.cli import main

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _failed_if_skipped((yield))


def _failed_if_skipped(report: Any) -> Any:
    if NOTHING_SKIPPED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be skipped here: {report.longrepr}"
    return report
