"""Convolution synapses with planes, without neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from spikeseg_lava.lava.parameters import Pair
from spikeseg_lava.lava.quiet_process import QuietProcess
from spikeseg_lava.lava.synapses import geometry, weight_planes


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
