"""Where the tests find the real checkpoint, recordings and golden records that are no part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout; without it, tests that need real data are skipped (never in CI)."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"real data not found: {SHARED} is no part of the project")
    return SHARED
