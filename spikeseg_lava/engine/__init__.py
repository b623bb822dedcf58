"""The event engine: the fixed-point contract executed per event, bit for bit what the integer oracle does."""

from __future__ import annotations

from spikeseg_lava.engine.event_engine import EventEngine, run_engine
from spikeseg_lava.engine.layer_chain import LayerChain
from spikeseg_lava.engine.layers import EventConv, EventPool, accumulator_type, event_layer
from spikeseg_lava.engine.sparse import SparseSteps

__all__ = [
    "EventConv",
    "EventEngine",
    "EventPool",
    "LayerChain",
    "SparseSteps",
    "accumulator_type",
    "event_layer",
    "run_engine",
]
