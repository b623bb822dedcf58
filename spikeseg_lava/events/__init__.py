"""Event recordings: read any supported file, repair what can be repaired and say so, and bin events into frames."""

from __future__ import annotations

from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Labels, Recording
from spikeseg_lava.events.repair import RecordingWarning

__all__ = ["Labels", "Recording", "RecordingWarning", "read_recording"]
