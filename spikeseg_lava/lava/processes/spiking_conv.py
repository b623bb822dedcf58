"""A spiking convolution: synapses with planes and floored neurons in one Process, as a neurocore holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.event_layers import compile_event_layers
from spikeseg_lava.lava.layer_spec import ConvSpec, check_sums, geometry, summed_kernel, weight_planes
from spikeseg_lava.lava.layer_step import ConvStep, FloatConvStep, IntegerConvStep
from spikeseg_lava.lava.parameters import (
    BIAS,
    DECAY,
    EVENT_THRESHOLD,
    FIRED,
    LEAK,
    MEMBRANE,
    WEIGHT,
    WEIGHT_EXPONENT,
    channel_values,
    reset_cycle,
    state_values,
)
from spikeseg_lava.lava.processes.base import UNSET, CheckedVar, QuietProcess, StateModel, one_threshold
from spikeseg_lava.lava.runtime.memory import Published
from spikeseg_lava.lava.runtime.ports import array_var, in_port, out_port, receive_events, send_events
from spikeseg_lava.network.floats import LeakMode, Pair

PARAMETERS = ("weight", "weight_exp", "threshold", "leak", "decay", "bias")


class SpikingConv(QuietProcess):
    """A convolution and its neurons, in the same step: the building block of our graphs.

    ::

        A = sat24( sum over planes of (weight * s_in) << weight_exp )
        V = sat24(V + A + bias - leak)   or, multiplicative,   V = sat24(kept(V) + A + bias)    see MultiplicativeLIF
        V = max(V, 0) if floor ;  S = V >= threshold (fire_once: once) ;  V = 0 where S

    The `fixed_pt` model computes per event, on integers; the `floating_pt` model whole images, in float64 and without
    saturation.

    Parameters
    ----------
    weight : array of (O, kx, ky, I) or (planes, O, kx, ky, I)
        As of `lava.proc.conv.Conv`.
    input_shape : tuple of int
        (W, H, I).
    threshold : number or array of (O,)
        At least 1 in `fixed_pt`; `vth` is accepted as its name, too.
    leak, decay : number or array of (O,)
        What the membrane loses a step: `leak` with `leak_mode="subtractive"`, `decay` with "multiplicative".
    leak_mode : str
        "subtractive" or "multiplicative".
    weight_exp : int or sequence of int
        One exponent per plane, 0..31.
    stride, padding : int or (x, y)
        Distance of the windows, and zeros around the image.
    floor : bool
        False leaves out `V = max(V, 0)`.
    fire_once : bool
        A neuron fires at most once, until a reset.
    payload_bits : int
        Word length of the input's values in `fixed_pt`, at most 24; 1 for spikes (a little faster).
    v : number or array of (W', H', O)
        Initial membrane.
    bias : number or array of (O,)
        Added to the membrane every step.
    reset_interval, reset_offset : int
        Membrane and fire-once are cleared before the input of every step n (from 1) with
        `n % reset_interval == reset_offset % reset_interval`, as in `LIFReset`.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_in : InPort of (W, H, I)
        Spikes or graded values.
    s_out : OutPort of (W', H', O)
        Spikes, 0 or 1; `W' = (W + 2 * padding - kx) // stride + 1`, likewise H'.
    v, fired : Var of (W', H', O)
        Membrane after the reset; 1 where a neuron has fired. May be read, monitored and set.
    weight, weight_exp, threshold, leak, decay, bias : Var
        May be set between runs; the state stays.
    membrane : array of (W', H', O)
        `v` as it stood after the last run or stop, read at once.
    """

    synonyms: ClassVar[dict[str, str]] = {"vth": "threshold"}

    def __init__(
        self, *, weight: Any, input_shape: tuple[int, int, int], threshold: Any = UNSET, leak: Any = 0, decay: Any = 0,
        leak_mode: LeakMode = "subtractive", weight_exp: int | Sequence[int] = 0, stride: int | Pair = 1,
        padding: int | Pair = 0, floor: bool = True, fire_once: bool = False, payload_bits: int = 24, v: Any = 0,
        bias: Any = 0, reset_interval: int | None = None, reset_offset: int = 0, vth: Any = UNSET,
        spec: ConvSpec | None = None, membrane: Published | None = None,
        name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if spec is None:
            planes, exponents = weight_planes(weight, weight_exp)
            layout = geometry(planes, input_shape, stride, padding)
            limit = {"bias": -np.inf}
            threshold, leak, decay, bias = (
                channel_values(what, value, planes.shape[1], limit.get(what, 0.0))
                for what, value in (
                    ("threshold", one_threshold(threshold, vth)), ("leak", leak), ("decay", decay), ("bias", bias)
                )
            )  # fmt: skip
            check_options(leak_mode, leak, decay, payload_bits)
            spec = ConvSpec(
                summed_kernel(planes, exponents), planes, exponents, layout, threshold, leak, decay, bias, leak_mode,
                floor, fire_once, payload_bits, *reset_cycle(reset_interval, reset_offset),
            )  # fmt: skip
        state = state_values("v", v, spec.output_shape)
        membrane = Published(spec.output_shape, np.float64, state) if membrane is None else membrane
        super().__init__(
            weight=spec.planes, weight_exp=spec.exponents, input_shape=spec.layout.input_shape,
            stride=spec.layout.stride, padding=spec.layout.padding, threshold=spec.threshold, leak=spec.leak,
            decay=spec.decay, bias=spec.bias, leak_mode=spec.leak_mode, floor=spec.floor, fire_once=spec.fire_once,
            payload_bits=spec.payload_bits, v=state, reset_interval=spec.reset_interval,
            reset_offset=spec.reset_offset, shape=spec.output_shape, spec=spec, membrane=membrane, name=name,
            log_config=log_config, **kwargs,
        )  # fmt: skip
        self.prepare()
        self._membrane = membrane
        self.s_in = InPort(shape=spec.layout.input_shape)
        self.s_out = OutPort(shape=spec.output_shape)
        self.v = CheckedVar(spec.output_shape, state, MEMBRANE)
        self.fired = CheckedVar(spec.output_shape, 0, FIRED)
        self.weight = CheckedVar(spec.planes.shape, spec.planes, WEIGHT)
        self.weight_exp = CheckedVar(spec.exponents.shape, spec.exponents, WEIGHT_EXPONENT)
        self.threshold = CheckedVar(spec.threshold.shape, spec.threshold, EVENT_THRESHOLD)
        unused = f"it does nothing with `leak_mode` {spec.leak_mode!r}"
        subtractive = spec.leak_mode == "subtractive"
        self.leak = CheckedVar(spec.leak.shape, spec.leak, LEAK, "" if subtractive else unused)
        self.decay = CheckedVar(spec.decay.shape, spec.decay, DECAY, unused if subtractive else "")
        self.bias = CheckedVar(spec.bias.shape, spec.bias, BIAS)

    @property
    def membrane(self) -> NDArray[np.float64]:
        """`v` as it stood after the last run or stop, read at once and not element by element as by `v.get()`."""
        return self._membrane.read()

    def prepare(self) -> None:
        compile_event_layers([self.proc_params["spec"]])

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        if self.weight.number is not None and self.weight.number.kind == "i":
            bits = self.proc_params["spec"].payload_bits
            check_sums(f"`weight` of Process `{self.name}`", self.weight.init, self.weight_exp.init, bits)


def check_options(leak_mode: str, leak: NDArray[Any], decay: NDArray[Any], payload_bits: int) -> None:
    """ArgumentError for an unknown leak mode, for a leak that it does not use, and for an impossible word length."""
    if leak_mode not in ("subtractive", "multiplicative"):
        raise ArgumentError(f"`leak_mode` must be 'subtractive' or 'multiplicative', got {leak_mode!r}")
    name, unused = ("decay", decay) if leak_mode == "subtractive" else ("leak", leak)
    if unused.any():
        raise ArgumentError(f"`{name}` does nothing with `leak_mode` {leak_mode!r}: leave it out, or change the mode")
    if not 1 <= payload_bits <= 24:
        raise ArgumentError(f"`payload_bits` must lie between 1 and 24, got {payload_bits}")


class SpikingConvModel(StateModel):
    """Builds the layer from the Vars when the graph starts, and again when a parameter is set."""

    layer_class: ClassVar[type[IntegerConvStep] | type[FloatConvStep]]
    s_in: Any
    s_out: Any
    v: NDArray[Any]
    fired: NDArray[Any] = array_var(np.int8, 1)
    weight: NDArray[Any]
    weight_exp: NDArray[Any] = array_var(np.int64, 4)
    threshold: NDArray[Any]
    leak: NDArray[Any]
    decay: NDArray[Any]
    bias: NDArray[Any]

    def start(self) -> None:
        self._parameters = self.parameters()
        self._layer: ConvStep = self.layer_class(self.spec())
        self.on_var_update()
        super().start()

    def run_spk(self) -> None:
        index, payload = receive_events(self.s_in)
        self.proc_params["membrane"].announce()
        if self.reset_is_due():
            self._layer.clear()
        send_events(self.s_out, self._layer.step(index, payload))

    def parameters(self) -> list[NDArray[Any]]:
        """Copies of the Vars that the layer is built from."""
        return [getattr(self, name).copy() for name in PARAMETERS]

    def spec(self) -> ConvSpec:
        """The layer as the Vars describe it now."""
        return replace(
            self.proc_params["spec"], kernel=summed_kernel(self.weight, self.weight_exp),
            threshold=self.threshold.copy(), leak=self.leak.copy(), decay=self.decay.copy(), bias=self.bias.copy(),
        )  # fmt: skip

    def refresh(self) -> None:
        self.v[...], self.fired[...] = self._layer.membrane(), self._layer.fired()

    def publish(self) -> None:
        self.v[...] = self._layer.membrane()
        self.proc_params["membrane"].publish(self.v)

    def on_var_update(self) -> None:
        present = self.parameters()
        if not all(map(np.array_equal, present, self._parameters)):
            self._parameters = present
            self._layer.change(self.spec())
        self._layer.put(self.v, self.fired)


@implements(proc=SpikingConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySpikingConvModelFloat(SpikingConvModel):
    """In float64, on whole images."""

    layer_class = FloatConvStep
    s_in: Any = in_port(float)
    s_out: Any = out_port(float)
    v: NDArray[Any] = array_var(float)
    weight: NDArray[Any] = array_var(float)
    threshold: NDArray[Any] = array_var(float)
    leak: NDArray[Any] = array_var(float)
    decay: NDArray[Any] = array_var(float)
    bias: NDArray[Any] = array_var(float)


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
