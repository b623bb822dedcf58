"""Events into a graph, step by step.

Models of EventSource; they differ in the type of their messages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.parameters import image_shape
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.ports import EventOutPort

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


NOTHING = (np.zeros(0, np.int32), 1)


class EventSourceModel(PyLoihiProcessModel):
    """Takes the next step from the iterator."""

    proc_params: Any
    s_out: Any

    def start(self) -> None:
        self._steps = iter(self.proc_params["steps"])
        self._size = self.proc_params["size"]
        self._check(np.zeros(1, np.int32))  # so that the first step finds at hand what it needs
        super().start()

    def run_spk(self) -> None:
        index, payload = next(self._steps, NOTHING)
        self._check(np.asarray(index))
        self.s_out.send(index, payload)

    def _check(self, index: np.ndarray) -> None:
        if len(index) and (index.min() < 0 or index.max() >= self._size):
            raise ValueError(f"places must lie in 0..{self._size - 1}, got {index.min()} to {index.max()}")
        rising = bool((index[1:] > index[:-1]).all())  # then no place occurs twice, which is cheaper to see
        if not rising and len(np.unique(index)) < len(index):
            raise ValueError(f"a place may occur once a step, got {len(index) - len(np.unique(index))} twice")


@implements(proc=EventSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyEventSourceModelFixed(EventSourceModel):
    """Integer values."""

    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=24)  # type: ignore[assignment]


@implements(proc=EventSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyEventSourceModelFloat(EventSourceModel):
    """Float values."""

    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
