"""One step of a layer of neurons on whole arrays, in integers (`docs/fixed-point.md`) and in floats.

Images are (W, H, C). Parameters are scalars or arrays over the last axis, the channels in Lava's order of axes.

Integers run on the layers of the event engine. Its compiled kernels do not depend on the names of the axes: they run
here with x as rows and y as columns, so that the flat places of Lava's (W, H, C) messages need no translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.conv import EventConv, accumulator_type
from spikeseg_lava.engine.engine import LayerChain
from spikeseg_lava.engine.layers import EventPool
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct, shared_maps_of
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, PoolSpec
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, FixedPointNeuron, saturate


def correlate(image: NDArray[Any], kernel: NDArray[Any], stride: Pair, padding: Pair) -> NDArray[Any]:
    """[W', H', O] from an image [W, H, I] and a kernel [O, I, kx, ky], in the type of their product."""
    kx, ky = kernel.shape[2:]
    padded = np.pad(image, [(padding[0],) * 2, (padding[1],) * 2, (0, 0)])
    columns, rows = ((n - k) // s + 1 for n, k, s in zip(padded.shape[:2], (kx, ky), stride, strict=True))
    total = np.zeros((columns, rows, len(kernel)), np.result_type(image, kernel))
    for x in range(kx):
        for y in range(ky):
            seen = padded[x : x + columns * stride[0] : stride[0], y : y + rows * stride[1] : stride[1]]
            total += seen @ kernel[:, :, x, y].T
    return total


def subtractive_fixed(
    v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(V + A + B - L)` with `A = sat24(drive)`; a leak of 0 makes it an IF neuron."""
    return saturate(v.astype(np.int64) + saturate(drive.astype(np.int64)) + bias - leak)


def multiplicative_fixed(
    v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(sign(V) * ((|V| * (4096 - D)) >> 12) + A + B)`, rounding towards zero."""
    v = v.astype(np.int64)
    kept = (np.abs(v) * (DECAY_UNIT - decay.astype(np.int64))) >> DECAY_BITS
    return saturate(np.sign(v) * kept + saturate(drive.astype(np.int64)) + bias)


def subtractive_float(v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any]) -> NDArray[np.float64]:
    """`V + I - lambda`."""
    return v + drive - leak


def multiplicative_float(v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any]) -> NDArray[np.float64]:
    """`(1 - decay) * V + I`."""
    return (1 - decay) * v + drive


def fire(
    v: NDArray[Any], fired: NDArray[Any], threshold: NDArray[Any], floor: bool, fire_once: bool
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Floor, spike and hard reset: the new membrane and the spikes. Marks the neurons that fire in `fired`."""
    if floor:
        v = np.maximum(v, 0)
    spikes = v >= threshold
    if fire_once:
        spikes &= fired == 0
    fired[spikes] = 1
    return np.where(spikes, 0, v), spikes


def event_conv(spec: ConvSpec, accumulator: Any, inputs: SharedMaps | None = None, share: bool = True) -> EventConv:
    """A convolution of integers; arguments as of EventConv."""
    return EventConv(
        spec.kernel,
        integer_neuron(spec),
        channels_first(spec.layout.input_shape),
        channels_first(spec.layout.output_shape),
        stride=spec.layout.stride,
        padding=spec.layout.padding,
        accumulator=accumulator,
        fire_once=spec.fire_once,
        inputs=inputs,
        share=share,
    )


def event_pool(spec: PoolSpec, inputs: SharedMaps | None = None) -> EventPool:
    """An OR-pool; `inputs` as of EventPool."""
    layer = PoolLayer("pool", spec.kernel, spec.stride)
    return EventPool(layer, channels_first(spec.input_shape), channels_first(spec.output_shape), inputs)


def integer_neuron(spec: ConvSpec) -> FixedPointNeuron:
    """The neuron parameters of every output map."""
    each = (np.broadcast_to(a, len(spec.kernel)) for a in (spec.threshold, spec.leak, spec.decay, spec.bias))
    threshold, leak, decay, bias = (a.astype(np.int32) for a in each)
    return FixedPointNeuron(threshold, leak, decay, spec.leak_mode, spec.floor, bias)


def accumulator_of(*specs: LayerSpec) -> Any:
    """The integer type that holds every drive of some layers."""
    convolutions = [spec for spec in specs if isinstance(spec, ConvSpec)]
    types = [accumulator_type(spec.kernel, 2**spec.payload_bits - 1) for spec in convolutions]
    return max(types, key=lambda kind: np.dtype(kind).itemsize, default=np.int32)


def event_chain(
    specs: Mapping[str, LayerSpec], share: bool = True
) -> tuple[dict[str, EventConv | EventPool], LayerChain]:
    """All layers by name, and the chain that runs them, which exchange and give the spikes of distinct maps.

    Without `share` every map counts as distinct.
    """
    accumulator, inputs = accumulator_of(*specs.values()), None
    layers: dict[str, EventConv | EventPool] = {}
    for name, spec in specs.items():
        conv = isinstance(spec, ConvSpec)
        layers[name] = event_conv(spec, accumulator, inputs, share) if conv else event_pool(spec, inputs)
        inputs = layers[name].shared
    return layers, LayerChain(list(layers.values()), accumulator, copies=False)


def shared_maps_of_layers(specs: Mapping[str, LayerSpec]) -> dict[str, SharedMaps]:
    """Shared maps of every layer of integers, as `event_chain` has them."""
    found: dict[str, SharedMaps] = {}
    last: SharedMaps | None = None
    for name, spec in specs.items():
        if isinstance(spec, ConvSpec):
            last = shared_maps_of(spec.kernel, integer_neuron(spec))
        found[name] = last or all_distinct(spec.output_shape[2])
    return found


def compile_event_layers(specs: Iterable[LayerSpec]) -> None:
    """Compile what layers of integers need, in the parent: children are forked and inherit it."""
    for accumulator in {accumulator_of(spec) for spec in specs if isinstance(spec, PoolSpec) or spec.integer}:
        neuron = FixedPointNeuron(np.ones(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32))
        layer = EventConv(np.ones((1, 1, 1, 1), np.int64), neuron, (1, 1, 1), (1, 1, 1), accumulator=accumulator)
        event = SparseSteps(np.array([0, 1]), np.zeros(1, np.int32), np.ones(1, np.int32))
        LayerChain([layer], accumulator).run(event)
        layer.settle()


def channels_first(shape: Shape) -> Shape:
    """(W, H, C) as the engine's (channels, rows, columns)."""
    return shape[2], shape[0], shape[1]
