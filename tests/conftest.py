"""Where the tests find the real checkpoint, recordings and golden records that are no part of the project."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Tests run side by side, one a core: more threads in each only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"
NOTHING_SKIPPED = "SPIKESEG_LAVA_REQUIRE_ALL" in os.environ  # set in CI: a skipped test is a failed one


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout; without it, tests that need real data are skipped (never in CI)."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"real data not found: {SHARED} is no part of the project")
    return SHARED


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
