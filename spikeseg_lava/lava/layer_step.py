"""One step of a layer, events in and events out: what the layer models and the fused model execute.

Events are flat places in Lava's (W, H, C) order and values. The compiled kernels of the event engine are indifferent to
the names of the axes: they run here with x as rows and y as columns, so that places need no translation.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.layers import EventConv, EventPool
from spikeseg_lava.engine.sparse import SparseSteps
from spikeseg_lava.fixed_point import FixedPointNeuron
from spikeseg_lava.lava.dynamics import fire, multiplicative_float, subtractive_float
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, PoolSpec
from spikeseg_lava.lava.synapses import correlate, summed_kernel
from spikeseg_lava.network import PoolLayer, Shape

Places = NDArray[np.int32]


class LayerStep(Protocol):
    """State and one step of a layer."""

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        """Places of the output spikes for input events at `index` with values `payload`."""
        ...

    def membrane(self) -> NDArray[Any] | None:
        """[W, H, O] after the last step; None for a layer without."""
        ...


class IntegerConvStep:
    """A spiking convolution in integers, per event."""

    def __init__(self, spec: ConvSpec) -> None:
        self._largest = 2**spec.payload_bits - 1
        self._layer = event_conv(spec, spec.layout.input_shape, spec.layout.output_shape, spec.layout.padding)

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        if len(payload) and np.abs(payload).max() > self._largest:
            raise ValueError(f"a value of {np.abs(payload).max()} exceeds the payload, {self._largest} at most")
        return self._layer.run(one_step(index, payload)).index

    def membrane(self) -> NDArray[np.int32]:
        return self._layer.settle()

    def set_membrane(self, membrane: NDArray[Any]) -> None:
        """Replace the membrane [W, H, O]."""
        self._layer.settle()[...] = membrane


class FloatConvStep:
    """A spiking convolution in float64, on whole images."""

    def __init__(self, spec: ConvSpec) -> None:
        self._spec = spec
        self._kernel = summed_kernel(spec.planes, spec.exponents)
        self._integrate = multiplicative_float if spec.leak_mode == "multiplicative" else subtractive_float
        self._loss = spec.decay if spec.leak_mode == "multiplicative" else spec.leak
        self._membrane = np.zeros(spec.output_shape)
        self._fired = np.zeros(spec.output_shape, np.int8)

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        spec = self._spec
        image = np.zeros(spec.layout.input_shape)
        image.reshape(-1)[index] = payload
        drive = correlate(image, self._kernel, spec.layout.stride, spec.layout.padding)
        membrane = self._integrate(self._membrane, drive, self._loss)
        self._membrane, spikes = fire(membrane, self._fired, spec.threshold, spec.floor, spec.fire_once)
        return np.flatnonzero(spikes).astype(np.int32)

    def membrane(self) -> NDArray[np.float64]:
        return self._membrane

    def set_membrane(self, membrane: NDArray[Any]) -> None:
        """Replace the membrane [W, H, O]."""
        self._membrane[...] = membrane


class PoolStep:
    """An OR-pool, per event; any non-zero value counts as a spike."""

    def __init__(self, spec: PoolSpec) -> None:
        layer = PoolLayer("pool", spec.kernel, spec.stride)
        self._layer = EventPool(layer, channels_first(spec.input_shape), channels_first(spec.output_shape))

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        return self._layer.run(one_step(index, payload)).index

    def membrane(self) -> None:
        return None


def layer_step(spec: LayerSpec, integer: bool) -> LayerStep:
    """The executable form of a layer, in integers or floats."""
    if isinstance(spec, PoolSpec):
        return PoolStep(spec)
    return IntegerConvStep(spec) if integer else FloatConvStep(spec)


def compile_kernels(spec: LayerSpec) -> None:
    """Compile what the layer needs, in the parent: children are forked and inherit it."""
    nothing = one_step(np.zeros(1, np.int32), np.ones(1, np.int32))
    if isinstance(spec, PoolSpec):
        window = (*spec.kernel, 1)
        PoolStep(PoolSpec(window, (1, 1, 1), spec.kernel, spec.stride)).step(nothing.index, nothing.payload)
    elif spec.integer:
        small = event_conv(spec, (*spec.layout.kernel, spec.planes.shape[4]), (1, 1, spec.planes.shape[1]), (0, 0))
        small.run(nothing)
        small.settle()


def event_conv(spec: ConvSpec, input_shape: Shape, output_shape: Shape, padding: tuple[int, int]) -> EventConv:
    """The engine's convolution, its rows being x and its columns y."""
    outputs = spec.planes.shape[1]
    threshold, leak, decay = (
        np.broadcast_to(a, outputs).astype(np.int32) for a in (spec.threshold, spec.leak, spec.decay)
    )
    return EventConv(
        summed_kernel(spec.planes, spec.exponents).astype(np.int64),
        FixedPointNeuron(threshold, leak, decay, spec.leak_mode, spec.floor),
        channels_first(input_shape),
        channels_first(output_shape),
        stride=spec.layout.stride,
        padding=padding,
        largest_payload=2**spec.payload_bits - 1,
        fire_once=spec.fire_once,
    )


def one_step(index: Places, payload: NDArray[Any]) -> SparseSteps:
    """The events of a single step, in the engine's form."""
    return SparseSteps(np.array([0, len(index)], np.int64), index, payload)


def channels_first(shape: Shape) -> Shape:
    """(W, H, C) as the engine's (channels, rows, columns)."""
    return shape[2], shape[0], shape[1]
