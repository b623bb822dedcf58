"""The event engine: the fixed-point contract executed per event, bit for bit what the integer oracle does."""

from __future__ import annotations

from spikeseg_lava.engine.event_conv import EventConv, accumulator_type
from spikeseg_lava.engine.event_engine import EventEngine, run_engine
from spikeseg_lava.engine.event_pool import EventPool
from spikeseg_lava.engine.layer_chain import LayerChain
from spikeseg_lava.engine.sparse import SparseSteps

__all__ = [
    "EventConv",
    "EventEngine",
    "EventPool",
    "LayerChain",
    "SparseSteps",
    "accumulator_type",
    "run_engine",
]
