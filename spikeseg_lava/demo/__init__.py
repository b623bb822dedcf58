"""A demonstration that needs no file of the user's: a small checkpoint, a synthetic satellite pass, one picture.

`python -m spikeseg_lava.demo.make` makes the shipped files again.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.synthetic import Scene, synthesize
from spikeseg_lava.pictures.sample import draw

DATA = Path(str(files("spikeseg_lava.demo") / "data"))

__all__ = [
    "Scene",
    "SceneParameters",
    "checkpoint_path",
    "clip_path",
    "draw",
    "events_path",
    "synthesize",
    "truth_mask",
]


def checkpoint_path() -> Path:
    """The shipped checkpoint: two input channels, kernels 5/5/7, maps 4/8/1, threshold 1 in every layer."""
    return DATA / "demo_checkpoint.pt"


def clip_path() -> Path:
    """The shipped clip: `frames` float32 (16, 2, 96, 128), one faint pass among stars, hot pixels and noise."""
    return DATA / "demo_clip.npz"


def events_path() -> Path:
    """The events the clip was made from, as text: `t x y p` with t in seconds, ON = 1, OFF = 0."""
    return DATA / "demo_events.txt"


def truth_mask() -> NDArray[np.bool_]:
    """Bool[96, 128]: pixels within 6 of the path of the satellite of the shipped clip."""
    with np.load(clip_path(), allow_pickle=False) as clip:
        return clip["truth"]
