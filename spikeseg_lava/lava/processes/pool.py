"""Max-pool of spikes, and its models."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.event_layers import compile_event_layers
from spikeseg_lava.lava.layer_spec import PoolSpec
from spikeseg_lava.lava.layer_step import PoolStep
from spikeseg_lava.lava.parameters import image_shape, pair, windows
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.ports import in_port, out_port, receive_events, send_events
from spikeseg_lava.network.floats import Pair


class OrPool(QuietProcess):
    """Max-pool of spikes: `s_out` is 1 where any element of the window of `s_in` is not 0, in the same step.

    No padding, sizes rounded down, windows may overlap or leave gaps.

    Parameters
    ----------
    input_shape : tuple of int
        (W, H, C).
    kernel, stride : int or (x, y)
        Size and distance of the windows; the stride is the kernel by default.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_in : InPort of (W, H, C)
        Spikes, or graded values.
    s_out : OutPort of (W', H', C)
        `W' = (W - kernel) // stride + 1`, likewise H'.
    """

    def __init__(
        self, *, input_shape: tuple[int, int, int], kernel: int | Pair, stride: int | Pair | None = None,
        name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        shape, kernel = image_shape("input_shape", input_shape), pair("kernel", kernel, 1)
        stride = kernel if stride is None else pair("stride", stride, 1)
        output = (*windows("kernel", shape[:2], kernel, stride, (0, 0)), shape[2])
        super().__init__(
            input_shape=shape, kernel=kernel, stride=stride, spec=PoolSpec(shape, output, kernel, stride),
            name=name, log_config=log_config, **kwargs,
        )  # fmt: skip
        self.prepare()
        self.s_in = InPort(shape=shape)
        self.s_out = OutPort(shape=output)

    def prepare(self) -> None:
        compile_event_layers([self.proc_params["spec"]])


class OrPoolModel(PyLoihiProcessModel):
    """Holds the event engine's pool; the models differ in the type of their messages."""

    s_in: Any
    s_out: Any
    proc_params: Any

    def start(self) -> None:
        self._layer = PoolStep(self.proc_params["spec"])
        super().start()

    def run_spk(self) -> None:
        send_events(self.s_out, self._layer.step(*receive_events(self.s_in)))


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyOrPoolModelFloat(OrPoolModel):
    """Float messages."""

    s_in: Any = in_port(float)
    s_out: Any = out_port(float)


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyOrPoolModelFixed(OrPoolModel):
    """Integer messages."""

    s_in: Any = in_port(np.int32, 24)
    s_out: Any = out_port(np.int32, 1)
