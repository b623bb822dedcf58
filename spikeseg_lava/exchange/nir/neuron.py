"""NIR's IF and LIF nodes as neurons of a layer and back; the caller says what NIR leaves open.

Our own export keeps in a node's metadata what NIR has no word for, the floor above all. NIR defines its neurons in
continuous time, `tau dv/dt = (v_leak - v) + R I` (LIF) and `dv/dt = R I` (IF), which fire at `v > v_threshold` and set
`v = v_reset`. One step of length dt, without a floor::

    LIF, "euler"         beta = 1 - dt / tau        V = beta * V + (dt / tau) * R * I
    LIF, "exponential"   beta = exp(-dt / tau)      V = beta * V + (1 - beta) * R * I
    IF                   V = V + R * I              (a spike is one unit of charge, whatever dt), R = 1 where R * dt = 1

The factor of I goes into the weights. `v > theta` is the same as `v >= next float32 above theta`: exact in float32.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import nir
import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ExchangeError, placed
from spikeseg_lava.exchange.nir.graph import described, in_metadata, metadata_of, with_metadata
from spikeseg_lava.network.floats import Neuron, Shape
from spikeseg_lava.network.model_schema import choice, fields, flag, number, numbers
from spikeseg_lava.network.parameters import POSITIVE


def node_of(neuron: Neuron, shape: Shape, dt: float) -> nir.IF | nir.LIF:
    """The NIR node of a layer's neurons, Float32[C, H, W] a parameter; what NIR cannot say goes into its metadata.

    A subtractive leak is no part of it: it is the negative bias of the convolution before.
    """
    facts = {key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in asdict(neuron).items()}
    return with_metadata(_bare_node(neuron, shape, dt), {"neuron": facts, "dt": dt})  # type: ignore[return-value]


def remembered(name: str, node: nir.IF | nir.LIF, facts: dict[str, Any], shape: Shape) -> Neuron:
    """The neurons that `node_of` wrote into the metadata; ExchangeError where the node no longer says the same."""
    with in_metadata(name):
        said = fields(facts.get("neuron"), "neuron", ("threshold", "leak", "beta", "leak_mode", "floor"))
        flag(said["floor"], "neuron.floor")
        choice(said["leak_mode"], "neuron.leak_mode", ("subtractive", "multiplicative"))
        number(facts.get("dt"), "dt", above=0)
        threshold, leak, beta = (numbers(said[key], f"neuron.{key}", shape[0]) for key in ("threshold", "leak", "beta"))
        bias = numbers(said.get("bias", [0.0] * shape[0]), "neuron.bias", shape[0])
        neuron = Neuron(threshold, leak, beta, said["leak_mode"], said["floor"], bias)
    expected = parameters_of(_bare_node(neuron, shape, facts["dt"]))
    given = parameters_of(node)
    if given.keys() != expected.keys() or any(not np.array_equal(given[k], expected[k]) for k in given):
        raise changed(name, node)
    return neuron


def parameters_of(node: nir.IF | nir.LIF) -> dict[str, NDArray[Any]]:
    """Its arrays by name."""
    keys = ("tau", "r", "v_leak", "v_threshold", "v_reset")
    return {key: np.asarray(getattr(node, key)) for key in keys if getattr(node, key, None) is not None}


def changed(name: str, node: nir.NIRNode) -> ExchangeError:
    """The error for a node whose metadata and contents no longer agree."""
    return ExchangeError(f"{described(name, node)} was changed after its `spikeseg_lava` metadata was written")


def strictly_below(threshold: NDArray[np.floating]) -> NDArray[np.float32]:
    """theta' with `v > theta'` exactly where `v >= theta`, for float32 v."""
    return np.nextafter(threshold.astype(np.float32), np.float32(-np.inf))


def _bare_node(neuron: Neuron, shape: Shape, dt: float) -> nir.IF | nir.LIF:
    def full(values: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.broadcast_to(values.astype(np.float32)[:, None, None], shape).copy()

    zero, threshold = np.zeros(shape, np.float32), full(strictly_below(neuron.threshold))
    if neuron.leak_mode == "subtractive" or (neuron.beta == 1).all():
        return nir.IF(r=np.ones(shape, np.float32), v_threshold=threshold, v_reset=zero)
    if (neuron.beta == 1).any():
        raise ExchangeError("NIR has no layer in which some channels leak by a factor and some do not")
    tau = dt / (1 - neuron.beta)
    return nir.LIF(tau=full(tau), r=full(tau / dt), v_leak=zero, v_threshold=threshold, v_reset=zero)


Discretisation = Literal["euler", "exponential"]
LARGEST_R = 99.0  # of an IF's input: beyond it `r` is no weight but the inverse of a step


@dataclass(frozen=True)
class TimeStep:
    """How continuous neurons become steps: `dt` in the unit of the graph's time constants (None: not said)."""

    dt: float | None = None
    discretisation: Discretisation = "euler"
    fires_at_equality: bool = False
    norm_input: bool = True

    def __post_init__(self) -> None:
        if self.dt is not None and not (np.isfinite(self.dt) and self.dt > 0):
            raise ArgumentError(f"`dt` must be a positive number, got {self.dt}")
        if self.discretisation not in ("euler", "exponential"):
            raise ArgumentError(f"`discretisation` must be 'euler' or 'exponential', got {self.discretisation!r}")


@dataclass(frozen=True, eq=False)
class LayerNeurons:
    """The neurons of one layer, the factor Float64[C] of their input current, and whether our metadata told them."""

    neuron: Neuron
    gain: NDArray[np.float64]
    remembered: bool = False


def neurons_of(name: str, node: nir.IF | nir.LIF, shape: Shape, step: TimeStep) -> LayerNeurons:
    """Neurons of an IF or LIF node on a map of `shape` (C, H, W).

    Raises:
        ExchangeError: reset or leak to other values than 0, thresholds that are not positive or differ within a
            channel, a LIF without `dt` or with dt > tau, or metadata that contradicts the node.
    """
    facts = metadata_of(name, node)
    if facts is not None:
        return LayerNeurons(remembered(name, node, facts, shape), np.ones(shape[0]), remembered=True)
    label = described(name, node)
    values = {key: _per_channel(label, key, value, shape) for key, value in parameters_of(node).items()}
    for key in ("v_reset", "v_leak"):
        if key in values and values[key].any():
            raise ExchangeError(f"{label} has `{key}` {values[key].tolist()}, expected 0: the membrane rests at 0")
    threshold = _threshold(label, values["v_threshold"], step)
    beta, gain = _factors(label, values, step) if "tau" in values else _charge(label, values["r"], step)
    mode = "multiplicative" if "tau" in values else "subtractive"
    return LayerNeurons(Neuron(threshold, np.zeros(shape[0]), beta, mode, floor=False), gain)


def with_bias(name: str, node: nir.NIRNode, neurons: LayerNeurons, bias: NDArray[np.float64]) -> Neuron:
    """The neurons with the bias Float64[C] of their synapse; a negative one of an IF neuron is a subtractive leak.

    Raises:
        ExchangeError: a bias that contradicts our metadata.
    """
    added = bias * neurons.gain
    if neurons.remembered:
        if not np.array_equal((0 - neurons.neuron.pull).astype(np.float32), added.astype(np.float32)):
            raise changed(name, node)
        return neurons.neuron
    if neurons.neuron.leak_mode == "multiplicative":
        return replace(neurons.neuron, bias=added)
    return replace(neurons.neuron, leak=np.maximum(0 - added, 0), bias=np.maximum(added, 0))


def strictly_above(threshold: NDArray[np.floating]) -> NDArray[np.float64]:
    """theta' with `v >= theta'` exactly where `v > theta`, for float32 v."""
    return np.nextafter(threshold.astype(np.float32), np.float32(np.inf)).astype(np.float64)


def _per_channel(label: str, key: str, value: NDArray[Any], shape: Shape) -> NDArray[np.float64]:
    value = np.asarray(value, np.float64)
    if value.ndim == 1 and len(value) == shape[0]:
        value = value[:, None, None]
    try:
        full = np.broadcast_to(value, shape)
    except ValueError:
        raise ExchangeError(f"{label} has `{key}` of shape {value.shape} on a map of {shape}") from None
    if key == "tau" and np.isinf(full).any():
        raise ExchangeError(f"{label} never decays (`tau` is infinite, beta 1): it is an IF neuron; export it as one")
    first = full[:, 0, 0]
    if not np.isfinite(full).all() or (full != first[:, None, None]).any():
        raise ExchangeError(
            f"{label} has `{key}` that differs within a channel or is not finite, expected one a channel"
        )
    return first.copy()


def _threshold(label: str, threshold: NDArray[np.float64], step: TimeStep) -> NDArray[np.float64]:
    with placed(label, ExchangeError):
        POSITIVE.check("v_threshold", threshold)
    return threshold.astype(np.float32).astype(np.float64) if step.fires_at_equality else strictly_above(threshold)


def _charge(label: str, r: NDArray[np.float64], step: TimeStep) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(beta, gain) of an IF: for a gain of one spikingjelly writes r = 1 / dt, the others write 1."""
    one = np.ones(len(r))
    if step.dt is not None and (np.abs(r * step.dt - 1) < 2.0**-20).all():
        return one, one
    if (r > LARGEST_R).all():
        raise ExchangeError(f"{label} has `r` {r.max():g} as spikingjelly writes 1 / dt: pass `dt` = {1 / r.max():g}")
    return one, r


def _factors(
    label: str, values: dict[str, NDArray[np.float64]], step: TimeStep
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if step.dt is None:
        raise ExchangeError(f"{label} is defined in continuous time: `dt` is needed (snnTorch's graphs: 1e-4)")
    ratio = step.dt / values["tau"]
    beta = 1 - ratio if step.discretisation == "euler" else np.exp(-ratio)
    if not ((values["tau"] > 0) & (beta >= 0)).all():
        raise ExchangeError(
            f"{label} has `tau` down to {values['tau'].min():g}, expected at least `dt` = {step.dt:g}"
            " (norse's LIFBox writes tau times its dt: pass the square of that dt)"
        )
    gain = (1 - beta if step.norm_input else 1) * values["r"]
    # r = tau / dt written in float32 (snnTorch) would otherwise move every weight by its rounding error.
    gain = np.where(np.abs(gain - 1) < 2.0**-20, 1.0, gain)
    return beta.astype(np.float32).astype(np.float64), gain
