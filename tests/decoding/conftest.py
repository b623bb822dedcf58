"""The network the real records were made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network.floats import SpikingNetwork


@pytest.fixture(scope="session")
def real_network(shared: Path) -> SpikingNetwork:
    """The EBSSA checkpoint at threshold 0.05."""
    return load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05)
