"""Recordings of any length in bounded memory: events read in blocks, binned sparsely, spikes written as they come."""

from __future__ import annotations

from spikeseg_lava.streaming.event_stream import EventStream, open_events
from spikeseg_lava.streaming.sparse_bins import SparseBins
from spikeseg_lava.streaming.spike_file import SpikeFile
from spikeseg_lava.streaming.stream import StreamSummary, run_stream, stream_records

__all__ = ["EventStream", "SparseBins", "SpikeFile", "StreamSummary", "open_events", "run_stream", "stream_records"]
