"""A spiking convolution: synapses with planes and floored neurons in one Process, as a neurocore holds them.

Models of SpikingConv: per event in integers, on whole images in floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.event_layers import compile_kernels
from spikeseg_lava.lava.layer_spec import ConvSpec, geometry, weight_planes
from spikeseg_lava.lava.layer_step import FloatConvStep, IntegerConvStep
from spikeseg_lava.lava.parameters import Pair, channel_values
from spikeseg_lava.lava.processes.base import QuietProcess, StateModel
from spikeseg_lava.lava.runtime.memory import shared_array
from spikeseg_lava.lava.runtime.ports import array_var, in_port, out_port, receive_events, send_events
from spikeseg_lava.network.floats import LeakMode, check_reset_interval


class SpikingConv(QuietProcess):
    """PlaneConv and its neurons, in the same step: the building block of our graphs.

    ::

        A = sat24( sum over planes of (weight * s_in) << weight_exp )
        V = sat24(V + A + bias - leak)   or, multiplicative,   V = sat24(kept(V) + A + bias)    see MultiplicativeLIF
        V = max(V, 0) if floor ;  S = V >= threshold (fire_once: once) ;  V = 0 where S

    Args:
        weight: [O, kx, ky, I] or [planes, O, kx, ky, I] as in `lava.proc.conv.Conv`; integers in `fixed_pt`.
        input_shape: (W, H, I).
        threshold, leak, decay, bias: one number or one per output channel.
        leak_mode: "subtractive" (uses `leak`) or "multiplicative" (uses `decay`).
        weight_exp: one exponent per plane.
        stride, padding: a number, or (x, y).
        payload_bits: word length of the input's values, at most 24; 1 for spikes (a little faster).
        reset_interval: steps after which membranes and fire-once are cleared; None: never.
        membrane: where to leave the final membrane; default: memory of its own.

    Ports: `s_in` (W, H, I), `s_out` (W', H', O). Vars: `weight`, `weight_exp`, `threshold`, `leak`, `decay`,
    `bias`, read when the graph starts, and `v`, the membrane, which may be read, monitored and set.

    Attribute: `membrane`, `v` as it stood after the last run or stop, read at once and not element by element.
    """

    def __init__(
        self, *, weight: Any, input_shape: tuple[int, int, int], threshold: Any, leak: Any = 0, decay: Any = 0,
        leak_mode: LeakMode = "subtractive", weight_exp: int | Sequence[int] = 0, stride: int | Pair = 1,
        padding: int | Pair = 0, floor: bool = True, fire_once: bool = False, payload_bits: int = 24,
        bias: Any = 0, reset_interval: int | None = None,
        membrane: NDArray[np.float64] | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if leak_mode not in ("subtractive", "multiplicative"):
            raise ArgumentError(f"`leak_mode` must be 'subtractive' or 'multiplicative', got {leak_mode!r}")
        if not 1 <= payload_bits <= 24:
            raise ArgumentError(f"`payload_bits` must lie between 1 and 24, got {payload_bits}")
        planes, exponents = weight_planes(weight, weight_exp)
        layout = geometry(planes, input_shape, stride, padding)
        threshold, leak, decay = (
            channel_values(what, value, planes.shape[1])
            for what, value in (("threshold", threshold), ("leak", leak), ("decay", decay))
        )
        bias = channel_values("bias", bias, planes.shape[1], least=-np.inf)
        check_reset_interval(reset_interval)
        spec = ConvSpec(
            planes, exponents, layout, threshold, leak, decay, leak_mode, floor, fire_once, payload_bits,
            bias, reset_interval,
        )  # fmt: skip
        compile_kernels([spec])
        shape = layout.output_shape
        membrane = shared_array(shape, np.float64) if membrane is None else membrane
        super().__init__(spec=spec, membrane=membrane, name=name)
        self.membrane = membrane
        self.s_in = InPort(shape=layout.input_shape)
        self.s_out = OutPort(shape=shape)
        self.v = Var(shape=shape, init=0)
        self.weight = Var(shape=planes.shape, init=planes)
        self.weight_exp = Var(shape=exponents.shape, init=exponents)
        self.threshold = Var(shape=threshold.shape, init=threshold)
        self.leak = Var(shape=leak.shape, init=leak)
        self.decay = Var(shape=decay.shape, init=decay)
        self.bias = Var(shape=bias.shape, init=bias)


def spiking_conv(spec: ConvSpec, **options: Any) -> SpikingConv:
    """The Process of a layer."""
    return SpikingConv(
        weight=spec.planes, weight_exp=spec.exponents, input_shape=spec.layout.input_shape,  # type: ignore[arg-type]
        threshold=spec.threshold, leak=spec.leak, decay=spec.decay, leak_mode=spec.leak_mode,
        stride=spec.layout.stride, padding=spec.layout.padding, floor=spec.floor, fire_once=spec.fire_once,
        payload_bits=spec.payload_bits, bias=spec.bias, reset_interval=spec.reset_interval, **options,
    )  # fmt: skip


class SpikingConvModel(StateModel):
    """Builds the layer from the Vars when the graph starts."""

    layer_class: ClassVar[Any]
    s_in: Any
    s_out: Any
    v: NDArray[Any]
    weight: Any
    threshold: Any
    leak: Any
    decay: Any
    bias: Any
    weight_exp: NDArray[Any] = array_var(np.int64, 4)

    def start(self) -> None:
        spec = replace(
            self.proc_params["spec"], planes=self.weight, exponents=self.weight_exp,
            threshold=self.threshold, leak=self.leak, decay=self.decay, bias=self.bias,
        )  # fmt: skip
        self._layer = self.layer_class(spec)
        self.on_var_update()
        super().start()

    def run_spk(self) -> None:
        send_events(self.s_out, self._layer.step(*receive_events(self.s_in)))

    def publish(self) -> None:
        self.refresh()
        np.copyto(self.proc_params["membrane"], self.v)

    def refresh(self) -> None:
        self.v[...] = self._layer.membrane()

    def on_var_update(self) -> None:
        self._layer.set_membrane(self.v)


@implements(proc=SpikingConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikingConvModelFixed(SpikingConvModel):
    """The event engine's kernels: cost follows events, not pixels."""

    layer_class = IntegerConvStep
    s_in: Any = in_port(np.int32, 24)
    s_out: Any = out_port(np.int32, 1)
    v: NDArray[Any] = array_var(np.int32, 24)
    weight: NDArray[Any] = array_var(np.int64, 8)
    threshold: NDArray[Any] = array_var(np.int32, 24)
    leak: NDArray[Any] = array_var(np.int32, 24)
    decay: NDArray[Any] = array_var(np.int32, 13)
    bias: NDArray[Any] = array_var(np.int32, 24)


@implements(proc=SpikingConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySpikingConvModelFloat(SpikingConvModel):
    """In float64."""

    layer_class = FloatConvStep
    s_in: Any = in_port(float)
    s_out: Any = out_port(float)
    v: NDArray[Any] = array_var(float)
    weight: NDArray[Any] = array_var(float)
    threshold: NDArray[Any] = array_var(float)
    leak: NDArray[Any] = array_var(float)
    decay: NDArray[Any] = array_var(float)
    bias: NDArray[Any] = array_var(float)
