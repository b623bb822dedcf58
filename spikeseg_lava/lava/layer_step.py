"""One step of layers, events in and events out: what the layer models and the fused model execute.

Events are flat places in Lava's (W, H, C) order and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.conv import EventConv
from spikeseg_lava.engine.engine import LayerChain
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.lava.event_layers import (
    accumulator_of,
    correlate,
    event_chain,
    event_conv,
    event_pool,
    fire,
    multiplicative_float,
    subtractive_float,
)
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, PoolSpec

Places = NDArray[np.int32]
States = Mapping[str, NDArray[Any]]


class ConvStep(Protocol):
    """State and one step of a spiking convolution; states are [W, H, O]."""

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        """Places of the output spikes for input events at `index` with values `payload`."""
        ...

    def membrane(self) -> NDArray[Any]: ...
    def fired(self) -> NDArray[Any]: ...
    def put(self, membrane: NDArray[Any], fired: NDArray[Any]) -> None: ...
    def clear(self) -> None: ...
    def change(self, spec: ConvSpec) -> None:
        """Take other parameters and keep the state."""
        ...


class IntegerConvStep:
    """A spiking convolution in integers, per event."""

    def __init__(self, spec: ConvSpec) -> None:
        self._use(spec, share=True)

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        check_payload(payload, self._largest)
        return self._chain.run(one_step(index, payload))[0].index

    def membrane(self) -> NDArray[np.int32]:
        return self._layer.settle()

    def fired(self) -> NDArray[np.uint8]:
        return self._layer.fired()

    def clear(self) -> None:
        """Forget all state."""
        self._chain.clear()

    def put(self, membrane: NDArray[Any], fired: NDArray[Any]) -> None:
        """Replace the state; maps that did the same may then differ, so each is computed by itself from now on."""
        if not (membrane.any() or fired.any()):
            self.clear()
        elif not (np.array_equal(membrane, self.membrane()) and np.array_equal(fired, self.fired())):
            if self._share:
                self._use(self._spec, share=False)
            self._layer.put(membrane, fired)

    def change(self, spec: ConvSpec) -> None:
        membrane, fired = self.membrane(), self.fired()
        self._use(spec, share=True)
        self.put(membrane, fired)

    def _use(self, spec: ConvSpec, share: bool) -> None:
        self._spec, self._share, self._largest = spec, share, 2**spec.payload_bits - 1
        accumulator = accumulator_of(spec)
        self._layer = event_conv(spec, accumulator, share=share)
        self._chain = LayerChain([self._layer], accumulator)
        self._chain.warm_up()


class FloatConvStep:
    """A spiking convolution in float64, on whole images."""

    def __init__(self, spec: ConvSpec) -> None:
        self._membrane = np.zeros(spec.output_shape)
        self._fired = np.zeros(spec.output_shape, np.uint8)
        self.change(spec)

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        spec = self._spec
        image = np.zeros(spec.layout.input_shape)
        image.reshape(-1)[index] = payload
        drive = correlate(image, spec.kernel, spec.layout.stride, spec.layout.padding)
        membrane = self._integrate(self._membrane, drive + spec.bias, self._loss)
        self._membrane, spikes = fire(membrane, self._fired, spec.threshold, spec.floor, spec.fire_once)
        return np.flatnonzero(spikes).astype(np.int32)

    def membrane(self) -> NDArray[np.float64]:
        return self._membrane

    def fired(self) -> NDArray[np.uint8]:
        return self._fired

    def clear(self) -> None:
        """Forget all state."""
        self._membrane[...], self._fired[...] = 0, 0

    def put(self, membrane: NDArray[Any], fired: NDArray[Any]) -> None:
        """Replace the state."""
        self._membrane[...], self._fired[...] = membrane, fired

    def change(self, spec: ConvSpec) -> None:
        multiplicative = spec.leak_mode == "multiplicative"
        self._spec, self._loss = spec, spec.decay if multiplicative else spec.leak
        self._integrate = multiplicative_float if multiplicative else subtractive_float


class PoolStep:
    """An OR-pool, per event; any non-zero value counts as a spike."""

    def __init__(self, spec: PoolSpec) -> None:
        self._chain = LayerChain([event_pool(spec)], np.int32)
        self._chain.warm_up()

    def step(self, index: Places, payload: NDArray[Any]) -> Places:
        """Places of the output spikes for input events at `index`."""
        return self._chain.run(one_step(index, np.ones(len(index), np.int32)))[0].index


def check_payload(payload: NDArray[Any], largest: int, where: str = "") -> None:
    """ValueError where a value is beyond what the input's word length holds."""
    if len(payload) and np.abs(payload).max() > largest:
        raise ValueError(f"{where}a value of {np.abs(payload).max()} exceeds the payload, {largest} at most")


def one_step(index: Places, payload: NDArray[Any]) -> SparseSteps:
    """The events of a single step, in the engine's form."""
    return SparseSteps(np.array([0, len(index)], np.int64), index, payload)


class IntegerEncoderStep:
    """All layers in one call of the event engine's kernels.

    Attributes:
        distinct: whether every map is computed by itself; else spikes and membranes are those of distinct maps.
    """

    def __init__(self, specs: Mapping[str, LayerSpec]) -> None:
        self._specs = specs
        first = next(iter(specs.values()))
        self._largest = 2**first.payload_bits - 1 if isinstance(first, ConvSpec) else None
        self._use(share=True)

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer, of one map for all that do the same."""
        if self._largest is not None:
            check_payload(payload, self._largest, f"layer `{next(iter(self._layers))}`: ")
        spikes = self._chain.run(one_step(index, payload))
        return {name: found.index for name, found in zip(self._layers, spikes, strict=True)}

    def output(self, spikes: dict[str, Places]) -> Places:
        """Places of the spikes of all maps of the last layer."""
        index = spikes[next(reversed(spikes))]
        return index if self._last.trivial else self._last.places(index)[1]

    def compact_membranes(self) -> States:
        """[W, H, U] of the distinct maps of every convolution after the last step."""
        return {name: layer.settle_distinct() for name, layer in self._convolutions().items()}

    def membranes(self) -> States:
        """[W, H, O] of every convolution after the last step."""
        return {name: layer.settle() for name, layer in self._convolutions().items()}

    def fired(self) -> States:
        """[W, H, O] of every convolution."""
        return {name: layer.fired() for name, layer in self._convolutions().items()}

    def clear(self) -> None:
        """Forget all state."""
        self._chain.clear()

    def put(self, membranes: States, fired: States) -> None:
        """Replace the state; maps that did the same may then differ, so each is computed by itself from now on."""
        if not any(state.any() for state in (*membranes.values(), *fired.values())):
            self.clear()
        elif not (_equal(membranes, self.membranes()) and _equal(fired, self.fired())):
            if not self.distinct:
                self._use(share=False)
            for name, layer in self._convolutions().items():
                layer.put(membranes[name], fired[name])

    def _convolutions(self) -> dict[str, EventConv]:
        return {name: layer for name, layer in self._layers.items() if isinstance(layer, EventConv)}

    def _use(self, share: bool) -> None:
        self.distinct = not share
        self._layers, self._chain = event_chain(self._specs, share)
        self._last = list(self._layers.values())[-1].shared
        inputs = next(iter(self._layers.values())).inputs
        self._chain.warm_up()
        self.output(self.step(np.arange(inputs, dtype=np.int32), np.ones(inputs, np.int32)))
        self._chain.clear()


class FloatEncoderStep:
    """Layer after layer in float64, on whole images; attributes and methods as of IntegerEncoderStep."""

    distinct = True

    def __init__(self, specs: Mapping[str, LayerSpec]) -> None:
        self._convolutions = {name: FloatConvStep(spec) for name, spec in specs.items() if isinstance(spec, ConvSpec)}
        pools = {name: PoolStep(spec) for name, spec in specs.items() if isinstance(spec, PoolSpec)}
        self._layers = {name: self._convolutions.get(name) or pools[name] for name in specs}

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer."""
        spikes = {}
        for name, layer in self._layers.items():
            index = layer.step(index, payload)
            payload = np.ones(len(index), np.int32)
            spikes[name] = index
        return spikes

    def output(self, spikes: dict[str, Places]) -> Places:
        """Places of the spikes of the last layer."""
        return spikes[next(reversed(spikes))]

    def membranes(self) -> States:
        """[W, H, O] of every convolution after the last step."""
        return {name: layer.membrane() for name, layer in self._convolutions.items()}

    compact_membranes = membranes

    def fired(self) -> States:
        """[W, H, O] of every convolution."""
        return {name: layer.fired() for name, layer in self._convolutions.items()}

    def clear(self) -> None:
        """Forget all state."""
        for layer in self._convolutions.values():
            layer.clear()

    def put(self, membranes: States, fired: States) -> None:
        """Replace the state."""
        for name, layer in self._convolutions.items():
            layer.put(membranes[name], fired[name])


def _equal(states: States, others: States) -> bool:
    return all(np.array_equal(state, others[name]) for name, state in states.items())
