"""Convolution synapses with planes, without neurons.

Models of PlaneConv: whole images, in integers and in floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.layer_spec import correlate, geometry, summed_kernel, weight_planes
from spikeseg_lava.lava.parameters import Pair
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.network.integers import saturate


class PlaneConv(QuietProcess):
    """`a_out = sat24( sum over planes of (weight * s_in) << weight_exp )`, in the same step.

    `weight`, `stride`, `padding` and shapes are those of `lava.proc.conv.Conv`, whose place it can take: images
    (W, H, C), kernels (O, kx, ky, I), a true convolution. Three things differ: there may be several planes of weights,
    their exponents count, and there is no step of delay, so it cannot close a loop. Input is graded: values count.

    Args:
        weight: [O, kx, ky, I] or [planes, O, kx, ky, I]; integers in the `fixed_pt` model.
        input_shape: (W, H, I).
        weight_exp: one exponent per plane.
        stride, padding: a number, or (x, y).

    Ports: `s_in` (W, H, I), `a_out` (W', H', O). Vars: `weight`, `weight_exp`.
    """

    def __init__(
        self, *, weight: Any, input_shape: tuple[int, int, int], weight_exp: int | Sequence[int] = 0,
        stride: int | Pair = 1, padding: int | Pair = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        planes, exponents = weight_planes(weight, weight_exp)
        layout = geometry(planes, input_shape, stride, padding)
        super().__init__(layout=layout, name=name)
        self.s_in = InPort(shape=layout.input_shape)
        self.a_out = OutPort(shape=layout.output_shape)
        self.weight = Var(shape=planes.shape, init=planes)
        self.weight_exp = Var(shape=exponents.shape, init=exponents)


class PlaneConvModel(PyLoihiProcessModel):
    """Sums the planes once, and again when a Var is set."""

    proc_params: Any
    s_in: Any
    a_out: Any
    weight: Any
    weight_exp: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=4)  # type: ignore[assignment]

    def start(self) -> None:
        self.on_var_update()
        super().start()

    def on_var_update(self) -> None:
        self._kernel = summed_kernel(self.weight, self.weight_exp)

    def convolve(self) -> Any:
        """Drive [W', H', O] of this step."""
        layout = self.proc_params["layout"]
        return correlate(self.s_in.recv(), self._kernel, layout.stride, layout.padding)


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPlaneConvModelFixed(PlaneConvModel):
    """Exact in int64, then saturated to 24 bits."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, np.int64, precision=8)  # type: ignore[assignment]

    def run_spk(self) -> None:
        self.a_out.send(saturate(self.convolve()))


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPlaneConvModelFloat(PlaneConvModel):
    """In float64."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)  # type: ignore[assignment]
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]

    def run_spk(self) -> None:
        self.a_out.send(self.convolve())
