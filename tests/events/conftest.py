"""A few hundred events of a small camera, the same in every test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from builders.recordings import small_events


@pytest.fixture
def events() -> SimpleNamespace:
    """Columns x, y, t, p of 300 events that touch every border of a 30x40 sensor."""
    return small_events()
