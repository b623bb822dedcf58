"""Convolution synapses with planes, without neurons, and their models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.event_layers import correlate
from spikeseg_lava.lava.layer_spec import check_sums, geometry, summed_kernel, weight_planes
from spikeseg_lava.lava.parameters import WEIGHT, WEIGHT_EXPONENT
from spikeseg_lava.lava.processes.base import CheckedVar, QuietProcess, StateModel
from spikeseg_lava.lava.runtime.ports import array_var, in_port, out_port, receive_array
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import saturate

PAYLOAD_BITS = 24  # of graded values


class PlaneConv(QuietProcess):
    """`a_out = sat24( sum over planes of (weight * s_in) << weight_exp )`, in the same step.

    `weight`, `stride`, `padding` and shapes are those of `lava.proc.conv.Conv`, whose place it can take: images
    (W, H, C), kernels (O, kx, ky, I), a true convolution. Three things differ: there may be several planes of weights,
    their exponents count, and there is no step of delay, so it cannot close a loop. Input is graded: values count.

    Parameters
    ----------
    weight : array of (O, kx, ky, I) or (planes, O, kx, ky, I)
        Integers in the `fixed_pt` model, which is exact for any of 32 bit.
    input_shape : tuple of int
        (W, H, I).
    weight_exp : int or sequence of int
        One exponent per plane, 0..31.
    stride, padding : int or (x, y)
        Distance of the windows, and zeros around the image.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_in : InPort of (W, H, I)
        Spikes or graded values.
    a_out : OutPort of (W', H', O)
        `W' = (W + 2 * padding - kx) // stride + 1`, likewise H'.
    weight, weight_exp : Var
        May be set between runs.
    """

    def __init__(
        self, *, weight: Any, input_shape: tuple[int, int, int], weight_exp: int | Sequence[int] = 0,
        stride: int | Pair = 1, padding: int | Pair = 0, name: str | None = None,
        log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        planes, exponents = weight_planes(weight, weight_exp)
        layout = geometry(planes, input_shape, stride, padding)
        super().__init__(
            weight=planes, weight_exp=exponents, input_shape=layout.input_shape, stride=layout.stride,
            padding=layout.padding, layout=layout, name=name, log_config=log_config, **kwargs,
        )  # fmt: skip
        self.s_in = InPort(shape=layout.input_shape)
        self.a_out = OutPort(shape=layout.output_shape)
        self.weight = CheckedVar(planes.shape, planes, WEIGHT)
        self.weight_exp = CheckedVar(exponents.shape, exponents, WEIGHT_EXPONENT)

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        if self.weight.number is not None and self.weight.number.kind == "i":
            check_sums(f"`weight` of Process `{self.name}`", self.weight.init, self.weight_exp.init, PAYLOAD_BITS)


class PlaneConvModel(StateModel):
    """Sums the planes once, and again when a Var is set."""

    s_in: Any
    a_out: Any
    weight: NDArray[Any]
    weight_exp: NDArray[Any] = array_var(np.int32, 4)

    def start(self) -> None:
        self.on_var_update()
        super().start()

    def on_var_update(self) -> None:
        self._kernel = summed_kernel(self.weight, self.weight_exp)

    def convolve(self) -> NDArray[Any]:
        """Drive [W', H', O] of this step."""
        layout = self.proc_params["layout"]
        return correlate(receive_array(self.s_in), self._kernel, layout.stride, layout.padding)


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPlaneConvModelFloat(PlaneConvModel):
    """In float64."""

    s_in: Any = in_port(float)
    a_out: Any = out_port(float)
    weight: NDArray[Any] = array_var(float)

    def run_spk(self) -> None:
        self.a_out.send(self.convolve())


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPlaneConvModelFixed(PlaneConvModel):
    """Exact in int64, then saturated to 24 bits."""

    s_in: Any = in_port(np.int32, 24)
    a_out: Any = out_port(np.int32, 24)
    weight: NDArray[Any] = array_var(np.int64, 8)

    def run_spk(self) -> None:
        self.a_out.send(saturate(self.convolve()))
