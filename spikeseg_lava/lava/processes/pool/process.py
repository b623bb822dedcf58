"""Max-pool of spikes."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort

from spikeseg_lava.lava.event_layers import compile_kernels
from spikeseg_lava.lava.layer_spec import PoolSpec
from spikeseg_lava.lava.parameters import Pair, image_shape, pair, windows
from spikeseg_lava.lava.quiet_process import QuietProcess


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
