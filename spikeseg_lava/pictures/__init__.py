"""Pictures of what was found: one still, an animation, and a page to turn around in x, y and time."""

from __future__ import annotations

from spikeseg_lava.pictures.animation import animate
from spikeseg_lava.pictures.recording import draw_detections
from spikeseg_lava.pictures.space_time import write_space_time

__all__ = ["animate", "draw_detections", "write_space_time"]
