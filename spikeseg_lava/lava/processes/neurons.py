"""Neurons with what `lava.proc.lif.LIF` lacks: a floor at zero, `>=`, fire-once, parameters per channel.

Beside the Processes stand their models, the floating-point one first: without a tag, Lava takes the first it finds,
here as in its own Processes.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.event_layers import (
    fire,
    multiplicative_fixed,
    multiplicative_float,
    subtractive_fixed,
    subtractive_float,
)
from spikeseg_lava.lava.parameters import (
    BIAS,
    DECAY,
    FIRED,
    LEAK,
    MEMBRANE,
    THRESHOLD,
    channel_values,
    population_shape,
    reset_cycle,
    state_values,
)
from spikeseg_lava.lava.processes.base import UNSET, CheckedVar, QuietProcess, StateModel, one_threshold
from spikeseg_lava.lava.runtime.memory import Published
from spikeseg_lava.lava.runtime.ports import array_var, in_port, out_port, receive_array, send_events

NO_LEAK = np.zeros(1, np.int64)


class NeuronProcess(QuietProcess):
    """Common part of the neuron Processes: ports, state and threshold.

    Parameters
    ----------
    shape : int or tuple of int
        Neurons of a line, or shape of the population, channels last, e.g. (W, H, C).
    threshold : number or array of (channels,)
        Spikes come at `V >= threshold`. `vth` is accepted as its name, too.
    bias : number or array of (channels,)
        Added to the membrane every step.
    v : number or array of `shape`
        Initial membrane.
    fire_once : bool
        A neuron fires at most once, until a reset.
    reset_interval, reset_offset : int
        Membrane and fire-once are cleared before the input of every step n (from 1) with
        `n % reset_interval == reset_offset % reset_interval`, as in `LIFReset`. None: never.
    name, log_config, **kwargs
        As of every Lava Process; further keywords reach the models in `proc_params`.
    """

    synonyms = {"vth": "threshold"}  # noqa: RUF012

    def __init__(
        self, *, shape: int | tuple[int, ...], threshold: Any, floor: bool, fire_once: bool, v: Any, bias: Any,
        reset_interval: int | None, reset_offset: int, vth: Any, name: str | None, log_config: LogConfig | None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        threshold = one_threshold(threshold, vth)
        shape = population_shape("shape", shape)
        interval, offset = reset_cycle(reset_interval, reset_offset)
        threshold = channel_values("threshold", threshold, shape[-1])
        bias = channel_values("bias", bias, shape[-1], least=-np.inf)
        state = state_values("v", v, shape)
        membrane = Published(shape, np.float64, state)
        super().__init__(
            shape=shape, threshold=threshold, v=state, bias=bias, floor=floor, fire_once=fire_once,
            reset_interval=interval, reset_offset=offset, membrane=membrane, name=name, log_config=log_config, **kwargs,
        )  # fmt: skip
        self._membrane = membrane
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.v = CheckedVar(shape, state, MEMBRANE)
        self.fired = CheckedVar(shape, 0, FIRED)
        self.threshold = CheckedVar(threshold.shape, threshold, THRESHOLD)
        self.bias = CheckedVar(bias.shape, bias, BIAS)

    @property
    def membrane(self) -> NDArray[np.float64]:
        """`v` as it stood after the last run or stop, read at once and not element by element as by `v.get()`."""
        return self._membrane.read()


class IF(NeuronProcess):
    """Integrate and fire: no leak and no floor.

    ::

        V = V + A + bias ;  S = V >= threshold (fire_once: once) ;  V = 0 where S

    In `fixed_pt` all are integers, A and V saturate at signed 24 bit.

    Parameters
    ----------
    shape : int or tuple of int
        Neurons of a line, or shape of the population, channels last, e.g. (W, H, C).
    threshold : number or array of (channels,)
        Spikes come at `V >= threshold`; `vth` is accepted as its name, too.
    fire_once : bool
        A neuron fires at most once, until a reset.
    v : number or array of `shape`
        Initial membrane.
    bias : number or array of (channels,)
        Added to the membrane every step.
    reset_interval, reset_offset : int
        Membrane and fire-once are cleared before the input of every step n (from 1) with
        `n % reset_interval == reset_offset % reset_interval`, as in `LIFReset`.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    a_in : InPort of `shape`
        The drive A of this step.
    s_out : OutPort of `shape`
        Spikes, 0 or 1, in the same step.
    v, fired : Var of `shape`
        Membrane after the reset; 1 where a neuron has fired.
    threshold, bias : Var of (1,) or (channels,)
        May be set between runs; `vth` reads as `threshold`.
    membrane : array of `shape`
        `v` as it stood after the last run or stop, read at once.
    """

    def __init__(
        self, *, shape: int | tuple[int, ...], threshold: Any = UNSET, fire_once: bool = False, v: Any = 0,
        bias: Any = 0, reset_interval: int | None = None, reset_offset: int = 0, vth: Any = UNSET,
        name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            shape=shape, threshold=threshold, floor=False, fire_once=fire_once, v=v, bias=bias,
            reset_interval=reset_interval, reset_offset=reset_offset, vth=vth, name=name, log_config=log_config,
            **kwargs,
        )  # fmt: skip


class SubtractiveLIF(NeuronProcess):
    """Leaky integrate and fire with a constant leak and a floor at zero, as SpikeSEG's neurons.

    ::

        V = max(V + A + bias - leak, 0) ;  S = V >= threshold (fire_once: once) ;  V = 0 where S

    In `fixed_pt` all are integers, A and V saturate at signed 24 bit.

    Parameters
    ----------
    shape, threshold, fire_once, v, bias, reset_interval, reset_offset, vth, name, log_config, **kwargs
        As of `IF`.
    leak : number or array of (channels,)
        What the membrane loses a step, 0 or more.
    floor : bool
        False leaves out the `max`.

    Attributes
    ----------
    a_in, s_out, v, fired, threshold, bias, membrane
        As of `IF`.
    leak : Var of (1,) or (channels,)
        May be set between runs.
    """

    def __init__(
        self, *, shape: int | tuple[int, ...], threshold: Any = UNSET, leak: Any = 0, floor: bool = True,
        fire_once: bool = False, v: Any = 0, bias: Any = 0, reset_interval: int | None = None, reset_offset: int = 0,
        vth: Any = UNSET, name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        leak = channel_values("leak", leak, population_shape("shape", shape)[-1])
        super().__init__(
            shape=shape, threshold=threshold, floor=floor, fire_once=fire_once, v=v, bias=bias,
            reset_interval=reset_interval, reset_offset=reset_offset, vth=vth, name=name, log_config=log_config,
            leak=leak, **kwargs,
        )  # fmt: skip
        self.leak = CheckedVar(leak.shape, leak, LEAK)


class MultiplicativeLIF(NeuronProcess):
    """Leaky integrate and fire whose membrane keeps a fraction of itself, with a floor at zero.

    ::

        V = max(kept(V) + A + bias, 0) ;  S = V >= threshold (fire_once: once) ;  V = 0 where S

        fixed_pt      kept(V) = sign(V) * ((|V| * (4096 - decay)) >> 12)      decay 0..4096
        floating_pt   kept(V) = (1 - decay) * V                               decay 0..1

    SpikeSEG's beta is `1 - decay`. In `fixed_pt` all are integers, A and V saturate at signed 24 bit.

    Parameters
    ----------
    shape, threshold, fire_once, v, bias, reset_interval, reset_offset, vth, name, log_config, **kwargs
        As of `IF`.
    decay : number or array of (channels,)
        What the membrane loses a step: 1/4096 of it in `fixed_pt`, a fraction of it in `floating_pt`.
    floor : bool
        False leaves out the `max`.

    Attributes
    ----------
    a_in, s_out, v, fired, threshold, bias, membrane
        As of `IF`.
    decay : Var of (1,) or (channels,)
        May be set between runs.
    """

    def __init__(
        self, *, shape: int | tuple[int, ...], threshold: Any = UNSET, decay: Any = 0, floor: bool = True,
        fire_once: bool = False, v: Any = 0, bias: Any = 0, reset_interval: int | None = None, reset_offset: int = 0,
        vth: Any = UNSET, name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        decay = channel_values("decay", decay, population_shape("shape", shape)[-1])
        if decay.max() > DECAY.integer[1]:
            raise ArgumentError(f"`decay` is at most 4096 (fixed_pt) or 1 (floating_pt), got {decay.max()}")
        super().__init__(
            shape=shape, threshold=threshold, floor=floor, fire_once=fire_once, v=v, bias=bias,
            reset_interval=reset_interval, reset_offset=reset_offset, vth=vth, name=name, log_config=log_config,
            decay=decay, **kwargs,
        )  # fmt: skip
        self.decay = CheckedVar(decay.shape, decay, DECAY)


class NeuronModel(StateModel):
    """One step of a population on whole arrays; the models differ in `integrate`."""

    a_in: Any
    s_out: Any
    v: NDArray[Any]
    fired: NDArray[Any]
    threshold: NDArray[Any]
    bias: NDArray[Any]

    @abstractmethod
    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        """The membrane after this step's drive, bias and leak, before floor and spike."""

    def run_spk(self) -> None:
        drive = receive_array(self.a_in)
        self.proc_params["membrane"].announce()
        if self.reset_is_due():
            self.v[...], self.fired[...] = 0, 0
        membrane = self.integrate(drive)
        floor, fire_once = self.proc_params["floor"], self.proc_params["fire_once"]
        self.v[...], spikes = fire(membrane, self.fired, self.threshold, floor, fire_once)
        send_events(self.s_out, np.flatnonzero(spikes))

    def publish(self) -> None:
        self.proc_params["membrane"].publish(self.v)


class FloatNeuronModel(NeuronModel):
    """Ports and Vars in float64."""

    a_in: Any = in_port(float)
    s_out: Any = out_port(float)
    v: NDArray[Any] = array_var(float)
    fired: NDArray[Any] = array_var(np.int8)
    threshold: NDArray[Any] = array_var(float)
    bias: NDArray[Any] = array_var(float)


class FixedNeuronModel(NeuronModel):
    """Ports and Vars in integers: 24-bit membrane, drive of any 32-bit integer (saturated to 24)."""

    a_in: Any = in_port(np.int32, 24)
    s_out: Any = out_port(np.int32, 1)
    v: NDArray[Any] = array_var(np.int32, 24)
    fired: NDArray[Any] = array_var(np.int8, 1)
    threshold: NDArray[Any] = array_var(np.int32, 24)
    bias: NDArray[Any] = array_var(np.int32, 24)


@implements(proc=IF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyIFModelFloat(FloatNeuronModel):
    """In float64."""

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_float(self.v, drive + self.bias, NO_LEAK)


@implements(proc=IF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyIFModelFixed(FixedNeuronModel):
    """Saturates at 24 bits."""

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_fixed(self.v, drive, NO_LEAK, self.bias)


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySubtractiveLIFModelFloat(FloatNeuronModel):
    """In float64."""

    leak: NDArray[Any] = array_var(float)

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_float(self.v, drive + self.bias, self.leak)


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySubtractiveLIFModelFixed(FixedNeuronModel):
    """Saturates at 24 bits."""

    leak: NDArray[Any] = array_var(np.int32, 24)

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_fixed(self.v, drive, self.leak, self.bias)


@implements(proc=MultiplicativeLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyMultiplicativeLIFModelFloat(FloatNeuronModel):
    """Decay as a fraction, in float64."""

    decay: NDArray[Any] = array_var(float)

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return multiplicative_float(self.v, drive + self.bias, self.decay)


@implements(proc=MultiplicativeLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyMultiplicativeLIFModelFixed(FixedNeuronModel):
    """Decay in units of 1/4096, rounded towards zero; saturates at 24 bits."""

    decay: NDArray[Any] = array_var(np.int32, 13)

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return multiplicative_fixed(self.v, drive, self.decay, self.bias)
