"""A few hundred events of a small camera, the same in every test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

HEIGHT, WIDTH = 30, 40


@pytest.fixture
def events() -> SimpleNamespace:
    """Columns x, y, t (microseconds, sorted), p of 300 events that touch every border of a 30x40 sensor."""
    random = np.random.default_rng(7)
    x, y = random.integers(0, WIDTH, 300), random.integers(0, HEIGHT, 300)
    x[:2], y[:2] = (0, WIDTH - 1), (0, HEIGHT - 1)
    t = np.sort(random.integers(1_000, 90_000, 300))
    return SimpleNamespace(x=x, y=y, t=t, p=random.integers(0, 2, 300), size=(HEIGHT, WIDTH))
