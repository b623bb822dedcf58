"""Max-pool of spikes.

Models of OrPool: per event; they differ in the type of their messages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.event_layers import compile_kernels
from spikeseg_lava.lava.layer_spec import PoolSpec
from spikeseg_lava.lava.layer_step import PoolStep
from spikeseg_lava.lava.parameters import Pair, image_shape, pair, windows
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.ports import EventInPort, EventOutPort


class OrPool(QuietProcess):
    """`s_out` is 1 where any element of the window of `s_in` is not 0, in the same step.

    No padding, sizes rounded down, windows may overlap or leave gaps.

    Args:
        input_shape: (W, H, C).
        kernel, stride: a number, or (x, y); stride defaults to the kernel.

    Ports: `s_in` (W, H, C), `s_out` (W', H', C).
    """

    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int],
        kernel: int | Pair,
        stride: int | Pair | None = None,
        name: str | None = None,
    ) -> None:
        shape, kernel = image_shape("input_shape", input_shape), pair("kernel", kernel, 1)
        stride = kernel if stride is None else pair("stride", stride, 1)
        output = (*windows("kernel", shape[:2], kernel, stride, (0, 0)), shape[2])
        spec = PoolSpec(shape, output, kernel, stride)
        compile_kernels([spec])
        super().__init__(spec=spec, name=name)
        self.s_in = InPort(shape=shape)
        self.s_out = OutPort(shape=output)


class OrPoolModel(PyLoihiProcessModel):
    """Holds the event engine's pool."""

    s_in: Any
    proc_params: Any
    s_out: Any

    def start(self) -> None:
        self._layer = PoolStep(self.proc_params["spec"])
        super().start()

    def run_spk(self) -> None:
        self.s_out.send(self._layer.step(*self.s_in.recv()))


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyOrPoolModelFixed(OrPoolModel):
    """Integer messages."""

    s_in: EventInPort = LavaPyType(EventInPort, np.int32, precision=24)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=1)  # type: ignore[assignment]


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyOrPoolModelFloat(OrPoolModel):
    """Float messages."""

    s_in: EventInPort = LavaPyType(EventInPort, float)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
