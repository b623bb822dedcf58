"""Events into a graph, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentTypeError
from spikeseg_lava.lava.parameters import population_shape
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.ports import cast_payload, out_port, send_events

Step = tuple[NDArray[Any], Any]


class EventSource(QuietProcess):
    """Sends one item of `steps` per time step, and nothing when they are exhausted.

    Parameters
    ----------
    shape : int or tuple of int
        Any shape, e.g. (W, H, C).
    steps : iterable of (places Int[N], values [N] or one for all)
        A place is the flat index in `shape`, at most once a step. The iterable is consumed in the child, while the
        graph runs: a generator that reads a recording of hours needs no more memory than one step.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_out : OutPort of `shape`
        The values of the step, 0 elsewhere.
    """

    def __init__(
        self, *, shape: int | tuple[int, ...], steps: Iterable[Step], name: str | None = None,
        log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        shape = population_shape("shape", shape)
        super().__init__(
            shape=shape, steps=steps, size=math.prod(shape), name=name, log_config=log_config, **kwargs
        )  # fmt: skip
        self.s_out = OutPort(shape=shape)

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.proc_params["steps"], Iterator):
            raise ArgumentTypeError(
                f"`steps` of Process `{self.name}` is an iterator, which cannot be saved: give a list of steps"
            )
        return dict(self.__dict__)


NOTHING = (np.zeros(0, np.int32), 1)


class EventSourceModel(PyLoihiProcessModel):
    """Takes the next step from the iterator; the models differ in the type of their messages."""

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
        payload = np.asarray(payload)
        number = self.s_out._d_type
        send_events(self.s_out, index, payload if payload.dtype == number else cast_payload(payload, number))

    def _check(self, index: NDArray[Any]) -> None:
        if len(index) and (index.min() < 0 or index.max() >= self._size):
            raise ValueError(f"places must lie in 0..{self._size - 1}, got {index.min()} to {index.max()}")
        rising = bool((index[1:] > index[:-1]).all())  # then no place occurs twice, which is cheaper to see
        if not rising and len(np.unique(index)) < len(index):
            raise ValueError(f"a place may occur once a step, got {len(index) - len(np.unique(index))} twice")


@implements(proc=EventSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyEventSourceModelFloat(EventSourceModel):
    """Float values."""

    s_out: Any = out_port(float)


@implements(proc=EventSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyEventSourceModelFixed(EventSourceModel):
    """Integer values."""

    s_out: Any = out_port(np.int32, 24)
