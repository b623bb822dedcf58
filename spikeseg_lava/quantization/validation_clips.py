"""Clips beside those of the user: for rounding without a clip, and to judge a setting on what it was not fitted to.

Copies of the user's clips, mirrored, transposed and reversed in time, hold the same kind of events in another order;
made-up clips hold what an event camera sees of moving points, stars, hot pixels and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.events.frames import count_events, normalised
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.synthetic import synthesize
from spikeseg_lava.network.floats import Pair

Frames = NDArray[np.float32]

SMALLEST, LARGEST = 24, 64  # side of a made-up frame in pixels
LONGEST = 24  # its steps
PIXEL_STEPS = 2**21  # a copy of a clip is cut to about so many values, to bound time


@dataclass(frozen=True)
class FrameKind:
    """What the values of frames are.

    Attributes:
        binary: 0 or 1 only.
        whole: whole numbers (counts), not shares of the largest count of a bin.
        largest: value.
    """

    binary: bool = False
    whole: bool = False
    largest: float = 1.0

    @classmethod
    def of(cls, clips: Sequence[Frames]) -> FrameKind:
        largest = max((float(clip.max(initial=0)) for clip in clips), default=1.0) or 1.0
        whole = all(np.array_equal(clip, np.rint(clip)) for clip in clips)
        return cls(whole and largest == 1, whole and largest > 1, largest)

    def values(self, counts: NDArray[np.integer]) -> Frames:
        """Float32 frames of this kind from event counts Int[T, C, H, W]."""
        if self.binary:
            return (counts > 0).astype(np.float32)
        if self.whole:
            return np.minimum(counts, self.largest).astype(np.float32)
        return normalised(counts) * np.float32(self.largest)


def copies(clip: Frames) -> tuple[Frames, Frames]:
    """The clip backwards in time and mirrored, and the clip with rows and columns exchanged and turned."""
    steps = max(1, PIXEL_STEPS // clip[0].size)
    first, last = clip[:steps], clip[-steps:]
    turned = first.transpose(0, 1, 3, 2)[:, :, ::-1]
    return np.ascontiguousarray(last[::-1, :, :, ::-1]), np.ascontiguousarray(turned)


def made_up(channels: int, steps: int, size: Pair, kind: FrameKind, seed: int) -> Frames:
    """Frames Float32[T, C, H, W] of a scene drawn at random; the same seed gives the same frames."""
    steps = int(np.clip(steps, 1, LONGEST))
    height, width = (int(np.clip(side, SMALLEST, LARGEST)) for side in size)
    pairs = [_counts(steps, (height, width), 100 * seed + k) for k in range(-(-channels // 2))]
    return kind.values(np.concatenate(pairs, axis=1)[:, :channels])


def _counts(steps: int, size: Pair, seed: int) -> NDArray[np.int32]:
    """Int32[T, 2, H, W] event counts; how bright, fast and noisy varies over the range of real recordings."""
    random = np.random.default_rng(seed)
    seconds = 0.1 * steps * 2.0 ** random.uniform(-1, 1)
    light = 2.0 ** random.uniform(0, 7)  # the largest count of a bin runs from a few to a few hundred
    scene = SceneParameters(
        size=size,
        duration_us=int(1e6 * seconds),
        passes=int(random.integers(1, 5)),
        speed=float(random.uniform(0.2, 1.0)) * max(size) / seconds,
        brightness=float(light * 2.0 ** random.uniform(0, 2)),
        blur=float(random.uniform(0.4, 1.5)),
        noise_rate=float(2.0 ** random.uniform(-4, 1.5)),
        stars=int(random.integers(0, size[0])),
        star_rate=float(light * 2.0 ** random.uniform(1, 4)),
        hot_pixels=int(random.integers(0, 6)),
        hot_rate=float(light * 2.0 ** random.uniform(2, 8)),
    )
    x, y, t, p = synthesize(scene, seed).events
    bounds = np.searchsorted(t, np.linspace(0, scene.duration_us, steps + 1))
    return count_events(x, y, p, bounds, size, size)
