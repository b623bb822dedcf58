"""`to_nir`: our network as a NIR graph that other libraries can run as far as NIR's words go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import nir
import numpy as np

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.nir.graph import with_metadata
from spikeseg_lava.exchange.nir.neuron import node_of
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import ConvLayer, Layer, Neuron, Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv
from spikeseg_lava.network.model import FixedPointModel


def to_nir(
    network: SpikingNetwork | FixedPointModel, *, size: Pair | None = None, dt: float = 1e-4, strict: bool = False
) -> nir.NIRGraph:
    """The network as a chain of NIR nodes.

    A layer is a Conv2d and an IF, or a LIF with `tau = dt / (1 - beta)`, `r = tau / dt`; the bias less a subtractive
    leak is the bias of the Conv2d; a max-pool of spikes is a SumPool2d and a Threshold of 0.5. `V >= theta` is written
    as `v > the float32 below theta`. NIR has no floor: it is said in the neuron's metadata, which `from_nir` reads.
    A model is written in its integers (weights of all planes together); its payload code stands in the Input's
    metadata, and the exact rounding of its decay and its 24-bit limits are not said.

    Args:
        size: (height, width) of the frames, since NIR gives every neuron its own parameters; default: `input_size`.
        dt: the step in seconds, for the time constants of multiplicative leak.
        strict: refuse what other readers of the graph would not see, instead of putting it into the metadata.

    Raises:
        ExchangeError: with `strict`, the layers that have a floor or, in a model, a decay.
        ArgumentError: no `size` given and none known, or `dt` not positive.
    """
    if not dt > 0:
        raise ArgumentError(f"`dt` must be a positive number of seconds, got {dt}")
    if strict:
        _refuse_hidden(network)
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    start = (network.input_channels, height, width)
    nodes = {"input": _input(network, start)}
    nodes |= dict(_nodes(network, start, shapes, dt))
    nodes["output"] = nir.Output({"output": np.array(list(shapes.values())[-1])})
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)), metadata={}, type_check=False)


def write_nir(network: SpikingNetwork | FixedPointModel, path: str | os.PathLike[str], **options: Any) -> None:
    """Write `to_nir(network, **options)` to `path`."""
    content = BytesIO()
    nir.write(content, to_nir(network, **options))  # type: ignore[arg-type]
    with writing(path) as file:
        file.write(content.getvalue())


def _input(network: SpikingNetwork | FixedPointModel, start: Shape) -> nir.NIRNode:
    facts: dict[str, Any] = {"timesteps": network.timesteps, "reset_interval": network.reset_interval}
    if isinstance(network, FixedPointModel):
        facts |= {"payload_bits": network.input.bits, "payload_scale": network.input.scale}
    return with_metadata(nir.Input({"input": np.array(start)}), facts)


def _nodes(
    network: SpikingNetwork | FixedPointModel, shape: Shape, shapes: dict[str, Shape], dt: float
) -> Iterator[tuple[str, nir.NIRNode]]:
    for layer in network.layers:
        layer = in_floats(layer) if isinstance(layer, FixedPointConv) else layer
        yield from (
            _pool(layer, shapes[layer.name])
            if isinstance(layer, PoolLayer)
            else _conv(layer, shape, shapes[layer.name], dt)
        )
        shape = shapes[layer.name]


def _pool(layer: PoolLayer, shape: Shape) -> Iterator[tuple[str, nir.NIRNode]]:
    kernel, stride = np.array(layer.kernel), np.array(layer.stride)
    yield f"{layer.name}_sum", nir.SumPool2d(kernel_size=kernel, stride=stride, padding=np.array([0, 0]))
    yield layer.name, nir.Threshold(threshold=np.full(shape, 0.5, np.float32))


def _conv(layer: ConvLayer, shape: Shape, out: Shape, dt: float) -> Iterator[tuple[str, nir.NIRNode]]:
    yield (
        f"{layer.name}_synapse",
        nir.Conv2d(
            input_shape=np.array(shape[1:]),  # type: ignore[arg-type]
            weight=layer.weight,
            stride=np.array(layer.stride),  # type: ignore[arg-type]
            padding=np.array(layer.padding),  # type: ignore[arg-type]
            dilation=np.array([1, 1]),  # type: ignore[arg-type]
            groups=1,
            bias=(0 - layer.neuron.pull).astype(np.float32),
        ),
    )
    yield layer.name, node_of(layer.neuron, out, dt)


def in_floats(layer: FixedPointConv) -> ConvLayer:
    """A layer's integers as a float layer: what it does as long as nothing saturates, up to the decay's rounding."""
    old = layer.neuron
    beta = (DECAY_UNIT - old.decay) / DECAY_UNIT if old.leak_mode == "multiplicative" else np.ones(len(old.decay))
    leak = old.leak.astype(np.float64) if old.leak_mode == "subtractive" else np.zeros(len(old.leak))
    bias = old.bias.astype(np.float64)
    neuron = Neuron(old.threshold.astype(np.float64), leak, beta, old.leak_mode, old.floor, bias)
    return ConvLayer(layer.name, layer.kernel.astype(np.float32), neuron, layer.stride, layer.padding)


def _refuse_hidden(network: SpikingNetwork | FixedPointModel) -> None:
    hidden = [f"`{x.name}`: {what}" for x in network.convolutions for what in _unsaid(x)]
    if hidden:
        raise ExchangeError(
            f"NIR cannot say what these layers do ({'; '.join(hidden)}); leave out `strict` to carry it as metadata"
        )


def _unsaid(layer: Layer | FixedPointConv) -> Iterator[str]:
    neuron = getattr(layer, "neuron", None)
    if neuron is not None and neuron.floor:
        yield "the floor V = max(V, 0)"
    if isinstance(layer, FixedPointConv) and layer.neuron.leak_mode == "multiplicative" and layer.neuron.decay.any():
        yield "the decay rounded towards zero"
