"""Event recordings: read any supported file, repair what can be repaired and say so, and bin events into frames."""

from __future__ import annotations

from spikeseg_lava.recording.labels import Labels
from spikeseg_lava.recording.read import read_recording
from spikeseg_lava.recording.recording import Recording
from spikeseg_lava.recording.repair import RecordingWarning

__all__ = ["Labels", "Recording", "RecordingWarning", "read_recording"]
