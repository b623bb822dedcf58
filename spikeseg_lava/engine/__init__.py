"""The event engine: the fixed-point contract executed per event, bit for bit what the integer oracle does."""

from __future__ import annotations

from spikeseg_lava.engine.conv import EventConv, accumulator_type
from spikeseg_lava.engine.engine import EventEngine, LayerChain, run_engine
from spikeseg_lava.engine.layers import EventPool
from spikeseg_lava.engine.payloads import SparseSteps

__all__ = [
    "EventConv",
    "EventEngine",
    "EventPool",
    "LayerChain",
    "SparseSteps",
    "accumulator_type",
    "run_engine",
]
