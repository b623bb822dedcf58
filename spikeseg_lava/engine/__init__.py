"""The event engine: the fixed-point contract executed per event, bit for bit what the integer oracle does."""

from __future__ import annotations

from spikeseg_lava.engine.event_engine import EventEngine, run_engine
from spikeseg_lava.engine.layers import EventConv, EventPool, event_layer
from spikeseg_lava.engine.sparse import SparseSteps

__all__ = ["EventConv", "EventEngine", "EventPool", "SparseSteps", "event_layer", "run_engine"]
