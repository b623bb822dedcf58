"""The trained network as plain numbers: layers, weights, thresholds, leaks and biases, apart from what runs it.

One step of a spiking convolution, per output neuron (docs/fixed-point.md)::

    I = conv2d(x, weight) + bias     V = V + I - leak     (subtractive)     V = beta * V + I   (multiplicative)
    V = max(V, 0) if floor           S = V >= threshold   (fire-once: not if fired before)     V = 0 where S
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.parameters import (
    ANY,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    check_layer,
    check_neuron,
    check_reset_interval,
    each_channel,
)
from spikeseg_lava.spikes.record import html_table, short, span

LeakMode = Literal["subtractive", "multiplicative"]
Pair = tuple[int, int]
LARGEST_MAP = 2**31 - 1  # places in a map (C, H, W): executors number them in 32 bit
Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True, eq=False)
class Neuron:
    """Parameters of the neurons of one layer, one value per output channel; units are those of the membrane.

    Attributes:
        threshold: Float[O], fires at `V >= threshold`.
        leak: Float[O], subtracted every step (subtractive mode; 0 in multiplicative mode).
        beta: Float[O], membrane factor per step (multiplicative mode; 1 in subtractive mode).
        floor: True for a LIF neuron (`V = max(V, 0)`), False for a plain IF neuron.
        bias: Float[O], added every step, whatever the input; default 0.

    Raises:
        ArgumentError: a threshold that is not positive, a negative leak, a beta beyond 0..1, a number that is not
            finite, or vectors of different lengths.
    """

    threshold: NDArray[np.float64]
    leak: NDArray[np.float64]
    beta: NDArray[np.float64]
    leak_mode: LeakMode = "subtractive"
    floor: bool = True
    bias: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "bias", each_channel(self.bias, self.threshold))
        check_neuron({"threshold": POSITIVE, "leak": NOT_NEGATIVE, "beta": SHARE, "bias": ANY}, self)

    @property
    def pull(self) -> NDArray[np.float64]:
        """Float[O]: what a step without input takes off the membrane, the decay apart: leak - bias.

        Where it is negative the membrane rises by itself.
        """
        return self.leak * (self.leak_mode == "subtractive") - self.bias


@dataclass(frozen=True, eq=False)
class ConvLayer:
    """A spiking convolution: `weight` is Float32[O, I, kh, kw] as in torch (cross-correlation).

    ArgumentError where a weight is not finite or the neurons are not those of O channels.
    """

    name: str
    weight: NDArray[np.float32]
    neuron: Neuron
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    def __post_init__(self) -> None:
        check_layer(self.name, self.weight, self.neuron.threshold)

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the spikes for an input of `shape`; raises ArgumentError when they do not fit."""
        return convolved_shape(self.name, shape, self.weight.shape, self.stride, self.padding)


@dataclass(frozen=True)
class PoolLayer:
    """Max-pool of 0/1 spikes: an OR over the window, no padding, sizes rounded down."""

    name: str
    kernel: Pair
    stride: Pair

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the pooled spikes for an input of `shape`."""
        return (shape[0], *_windows(shape, self.kernel, self.stride, (0, 0), self.name))


Layer = ConvLayer | PoolLayer


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """A feed-forward spiking network: every layer sees the spikes of the layer below within the same step.

    Attributes:
        layers: in the order of the data, named `conv1`, `pool1`, `conv2`, ...
        input_size: (height, width) it was trained at, where the checkpoint says so. Any other size runs as well.
        timesteps: steps per sample it was trained with, where known.
        reset_interval: steps after which all state is cleared, as between samples: before steps n, 2n, ... of a sample;
            None: only between samples.
        provenance: where the numbers came from (file, digest, overrides), JSON-compatible.
    """

    layers: tuple[Layer, ...]
    input_size: Pair | None = None
    timesteps: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reset_interval: int | None = None

    def __post_init__(self) -> None:
        check_reset_interval(self.reset_interval)

    @property
    def input_channels(self) -> int:
        return self.convolutions[0].weight.shape[1]

    @property
    def convolutions(self) -> tuple[ConvLayer, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, ConvLayer))

    def __repr__(self) -> str:
        return short(self, *layer_facts(self))

    def _repr_html_(self) -> str:
        return html_table(f"SpikingNetwork, {frame_facts(self)}", LAYER_COLUMNS, layer_rows(self))

    def shapes(self, size: Pair | None = None) -> dict[str, Shape]:
        """Output shape (C, H, W) of each layer for frames of `size` (height, width); default: `input_size`."""
        size = size or self.input_size
        if size is None:
            raise ArgumentError("`size` is needed: the checkpoint does not say which frame size it was trained at")
        return layer_shapes(self.layers, (self.input_channels, *size))

    def with_threshold(self, threshold: float) -> SpikingNetwork:
        """The same network firing at `threshold` in every layer; each layer keeps leak and bias / threshold."""
        POSITIVE.check("threshold", np.asarray(threshold))
        layers = tuple(_rethreshold(x, threshold) if isinstance(x, ConvLayer) else x for x in self.layers)
        return replace(self, layers=layers, provenance={**self.provenance, "threshold_override": threshold})

    def with_scaled_thresholds(self, factor: float) -> SpikingNetwork:
        """The same network with every threshold `factor` times as high; each layer keeps leak and bias / threshold."""
        POSITIVE.check("factor", np.asarray(factor))
        layers = tuple(
            _rethreshold(x, factor * x.neuron.threshold) if isinstance(x, ConvLayer) else x for x in self.layers
        )
        return replace(self, layers=layers, provenance={**self.provenance, "threshold_factor": factor})


LAYER_COLUMNS = ("layer", "kernel", "maps", "threshold", "output (C x H x W)")


def frame_facts(network: Any) -> str:
    """Frames and steps of a network or model, in words."""
    size = "frames of any size" if network.input_size is None else "frames {}x{}".format(*network.input_size)
    steps = "" if network.timesteps is None else f", {network.timesteps} steps a sample"
    return f"{network.input_channels} channels, {size}{steps}"


def layer_facts(network: Any) -> list[str]:
    """Each layer of a network or model in a word or two: `conv1 4@5x5`, `pool1 2x2`."""
    return [f"{name} {f'{maps}@' if maps else ''}{kernel}" for name, kernel, maps, *_ in layer_rows(network)]


def layer_rows(network: Any) -> list[tuple[Any, ...]]:
    """Rows of `LAYER_COLUMNS` of a network or model."""
    shapes = network.shapes() if network.input_size else {}
    return [_layer_row(layer, shapes.get(layer.name)) for layer in network.layers]


def _layer_row(layer: Any, shape: Shape | None) -> tuple[Any, ...]:
    output = None if shape is None else "x".join(map(str, shape))
    if isinstance(layer, PoolLayer):
        return layer.name, "{}x{}".format(*layer.kernel), None, None, output
    weight, theta = getattr(layer, "source", layer).weight, layer.neuron.threshold
    return (
        layer.name,
        "{}x{}".format(*weight.shape[2:]),
        len(weight),
        span(theta.min().item(), theta.max().item()),
        output,
    )


def convolved_shape(name: str, shape: Shape, kernel: tuple[int, ...], stride: Pair, padding: Pair) -> Shape:
    """Shape of what a convolution with a `kernel` (O, I, kh, kw) makes of `shape` (I, H, W)."""
    if shape[0] != kernel[1]:
        raise ArgumentError(f"`{name}` expects {kernel[1]} input channel(s), got {shape[0]}")
    return (kernel[0], *_windows(shape, kernel[2:4], stride, padding, name))


def layer_shapes(layers: tuple[Any, ...], shape: Shape) -> dict[str, Shape]:
    """Output shape (C, H, W) of every layer for an input of `shape` (C, H, W)."""
    return dict(_walk(layers, shape))


def _walk(layers: tuple[Any, ...], shape: Shape) -> Iterator[tuple[str, Shape]]:
    for layer in layers:
        shape = layer.output_shape(shape)
        yield layer.name, shape


def _rethreshold(layer: ConvLayer, threshold: float | NDArray[np.float64]) -> ConvLayer:
    old = layer.neuron
    new = np.full_like(old.threshold, threshold)
    leak, bias = (value / old.threshold * threshold for value in (old.leak, old.bias))
    return replace(layer, neuron=replace(old, threshold=new, leak=leak, bias=bias))


def _windows(shape: Shape, kernel: tuple[int, ...], stride: Pair, padding: Pair, name: str) -> Pair:
    padded = [n + 2 * p for n, p in zip(shape[1:], padding, strict=True)]
    if shape[0] * padded[0] * padded[1] > LARGEST_MAP:
        raise ArgumentError(
            f"`{name}`: its input of {shape[0]} x {padded[0]} x {padded[1]} has more than {LARGEST_MAP} places, which "
            "32-bit numbers cannot tell apart; use smaller frames"
        )
    height, width = ((n - k) // s + 1 for n, k, s in zip(padded, kernel, stride, strict=True))
    if height < 1 or width < 1:
        raise ArgumentError(
            f"`{name}`: kernel {kernel[0]}x{kernel[1]} exceeds the {shape[1]}x{shape[2]} input padded by {padding}"
        )
    return height, width
