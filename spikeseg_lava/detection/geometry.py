"""Boxes: on the sensor instead of in the frame, their overlap and their distance. Ends are included."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.instance import Box
from spikeseg_lava.events.frames import rescaled
from spikeseg_lava.network.floats import Pair


def box_on_sensor(box: Box, frame: Pair, sensor: Pair) -> Box:
    """The sensor pixels that fall into a box (x0, y0, x1, y1) of the frame; sizes are (height, width).

    Inverse of `round(x * (W - 1) / (w - 1))`. Where the frame is finer than the sensor and no pixel falls into the
    box, the nearest one.
    """
    x0, x1 = _span(box[0], box[2], frame[1], sensor[1])
    y0, y1 = _span(box[1], box[3], frame[0], sensor[0])
    return x0, y0, x1, y1


def point_on_sensor(point: Sequence[float], frame: Pair, sensor: Pair) -> tuple[float, float]:
    """(x, y) on the sensor of a point of the frame: `x * (w - 1) / (W - 1)`."""
    x, y = (
        float(p) * (new - 1) / max(old - 1, 1) for p, old, new in zip(point, frame[::-1], sensor[::-1], strict=True)
    )
    return x, y


def _span(first: int, last: int, frame: int, sensor: int) -> tuple[int, int]:
    columns = _columns(sensor, frame)
    low = int(np.searchsorted(columns, first, "left"))
    high = int(np.searchsorted(columns, last, "right")) - 1
    if low <= high:
        return low, high
    nearest = round((first + last) / 2 * (sensor - 1) / max(frame - 1, 1))
    return nearest, nearest


@functools.lru_cache(maxsize=16)
def _columns(sensor: int, frame: int) -> NDArray[np.int64]:
    """Int64[sensor]: the column of the frame that each of the sensor falls into."""
    return rescaled(sensor, frame)


def hull(boxes: Sequence[Box]) -> Box:
    """The smallest box around all `boxes`."""
    corners = np.array(boxes)
    x0, y0 = corners[:, :2].min(axis=0)
    x1, y1 = corners[:, 2:].max(axis=0)
    return int(x0), int(y0), int(x1), int(y1)


@compiled
def iou(a, b):
    """Shared pixels over all pixels of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return shared / (areas - shared)


@compiled
def gap(a, b):
    """Pixels between two boxes along a straight line; 0 where they touch or overlap."""
    across, down = max(a[0], b[0]) - min(a[2], b[2]) - 1, max(a[1], b[1]) - min(a[3], b[3]) - 1
    return math.hypot(max(across, 0), max(down, 0))
