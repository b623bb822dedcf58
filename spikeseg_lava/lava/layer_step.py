"""One step of a layer, events in and events out: what the layer models and the fused model execute.

Events are flat places in Lava's (W, H, C) order and values.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine import EventConv, LayerChain, SparseSteps
from spikeseg_lava.lava.dynamics import fire, multiplicative_float, subtractive_float
from spikeseg_lava.lava.event_layers import accumulator_of, event_conv, event_pool
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, PoolSpec
from spikeseg_lava.lava.synapses import correlate, summed_kernel

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
        self._spec, self._largest = spec, 2**spec.payload_bits - 1
        self._use(event_conv(spec, accumulator_of(spec)))

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        check_payload(payload, self._largest)
        return self._chain.run(one_step(index, payload))[0].index

    def membrane(self) -> NDArray[np.int32]:
        return self._layer.settle()

    def set_membrane(self, membrane: NDArray[Any]) -> None:
        """Replace the membrane [W, H, O]; maps that did the same may then differ, so each is computed by itself."""
        if not np.array_equal(membrane, self._layer.settle()):
            fired = self._layer.fired()
            self._use(event_conv(self._spec, accumulator_of(self._spec), share=False))
            self._layer.put(membrane, fired)

    def _use(self, layer: EventConv) -> None:
        self._layer, self._chain = layer, LayerChain([layer], accumulator_of(self._spec))
        self._chain.warm_up()


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
        self._chain = LayerChain([event_pool(spec)], np.int32)
        self._chain.warm_up()

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        return self._chain.run(one_step(index, np.ones(len(index), np.int32)))[0].index

    def membrane(self) -> None:
        return None


def layer_step(spec: LayerSpec, integer: bool) -> LayerStep:
    """The executable form of a layer, in integers or floats."""
    if isinstance(spec, PoolSpec):
        return PoolStep(spec)
    return IntegerConvStep(spec) if integer else FloatConvStep(spec)


def check_payload(payload: NDArray[Any], largest: int, where: str = "") -> None:
    """ValueError where a value is beyond what the input's word length holds."""
    if len(payload) and np.abs(payload).max() > largest:
        raise ValueError(f"{where}a value of {np.abs(payload).max()} exceeds the payload, {largest} at most")


def one_step(index: Places, payload: NDArray[Any]) -> SparseSteps:
    """The events of a single step, in the engine's form."""
    return SparseSteps(np.array([0, len(index)], np.int64), index, payload)
