"""Events into a graph, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lava.magma.core.process.ports.ports import OutPort
from numpy.typing import NDArray

from spikeseg_lava.lava.parameters import image_shape
from spikeseg_lava.lava.quiet_process import QuietProcess

Step = tuple[NDArray[Any], Any]


class EventSource(QuietProcess):
    """Sends one item of `steps` per time step, and nothing when they are exhausted.

    Args:
        shape: (W, H, C).
        steps: an iterable of (places Int[N], values [N] or one for all); a place is the flat index in `shape`, at most
            once a step. It is consumed in the child, while the graph runs: a generator that reads a recording of hours
            needs no more memory than one step.

    Port: `s_out` (W, H, C).
    """

    def __init__(self, *, shape: tuple[int, int, int], steps: Iterable[Step], name: str | None = None) -> None:
        shape = image_shape("shape", shape)
        super().__init__(steps=steps, size=math.prod(shape), name=name)
        self.s_out = OutPort(shape=shape)
