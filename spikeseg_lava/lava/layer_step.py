"""One step of a layer, events in and events out: what the layer models and the fused model execute.

Events are flat places in Lava's (W, H, C) order and values.

One step of all layers in one operating-system process: what the fused encoder executes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.chain import LayerChain
from spikeseg_lava.engine.conv import EventConv
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.lava.event_layers import accumulator_of, event_chain, event_conv, event_pool
from spikeseg_lava.lava.layer_spec import (
    ConvSpec,
    LayerSpec,
    PoolSpec,
    correlate,
    fire,
    multiplicative_float,
    subtractive_float,
    summed_kernel,
)

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
            before, fired = self._layer, self._layer.fired()
            self._use(event_conv(self._spec, accumulator_of(self._spec), share=False))
            self._layer.continue_from(before)
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
        self._steps = 0  # since the state was cleared

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        spec = self._spec
        if self._steps == spec.reset_interval:
            self._steps, self._membrane[...], self._fired[...] = 0, 0, 0
        self._steps += 1
        image = np.zeros(spec.layout.input_shape)
        image.reshape(-1)[index] = payload
        drive = correlate(image, self._kernel, spec.layout.stride, spec.layout.padding)
        membrane = self._integrate(self._membrane, drive + spec.bias, self._loss)
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


class IntegerEncoderStep:
    """All layers in one call of the event engine's kernels."""

    def __init__(self, specs: dict[str, LayerSpec]) -> None:
        self._layers, self._chain = event_chain(specs)
        self._last = list(self._layers.values())[-1].shared
        first = next(iter(specs.values()))
        self._largest = 2**first.payload_bits - 1 if isinstance(first, ConvSpec) else None
        self._warm_up(next(iter(self._layers.values())).inputs)

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer, of one map for all of its kind."""
        if self._largest is not None:
            check_payload(payload, self._largest, f"layer `{next(iter(self._layers))}`: ")
        spikes = self._chain.run(one_step(index, payload))
        return {name: found.index for name, found in zip(self._layers, spikes, strict=True)}

    def output(self, spikes: dict[str, Places]) -> Places:
        """Places of the spikes of all maps of the last layer."""
        index = spikes[next(reversed(spikes))]
        return index if self._last.trivial else self._last.places(index)[1]

    def membranes(self) -> Mapping[str, NDArray[np.int32]]:
        """[W, H, U] of every convolution after the last step."""
        return {name: layer.settle_distinct() for name, layer in self._layers.items() if isinstance(layer, EventConv)}

    def _warm_up(self, inputs: int) -> None:
        self._chain.warm_up()
        self.output(self.step(np.arange(inputs, dtype=np.int32), np.ones(inputs, np.int32)))
        self._chain.clear()


class FloatEncoderStep:
    """Layer after layer in float64, on whole images."""

    def __init__(self, specs: dict[str, LayerSpec]) -> None:
        self._layers = {name: layer_step(spec, integer=False) for name, spec in specs.items()}

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer."""
        spikes = {}
        for name, layer in self._layers.items():
            index = layer.step(index, payload)
            payload = np.ones(len(index), np.int32)
            spikes[name] = index
        return spikes

    def output(self, spikes: dict[str, Places]) -> Places:
        """Those of the last layer."""
        return spikes[next(reversed(spikes))]

    def membranes(self) -> Mapping[str, NDArray[np.float64]]:
        """[W, H, O] of every convolution after the last step."""
        every = {name: layer.membrane() for name, layer in self._layers.items()}
        return {name: membrane for name, membrane in every.items() if membrane is not None}
