"""The layers of the reference, with state: a spiking convolution in floats, the same in integers, and the OR-pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from spikeseg_lava.network.floats import ConvLayer, PoolLayer
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN, FixedPointConv
from torch_reference.neurons import LIFNeuron


class FloatConv:
    """Spiking convolution in float32: `I = conv2d(x, W)`, then the layer's neuron."""

    def __init__(self, layer: ConvLayer, fire_once: bool) -> None:
        self.layer, self.fire_once = layer, fire_once
        self.weight = _tensor(layer.weight, torch.float32)
        self.neuron = reference_neuron(layer)
        self.bias = _tensor(layer.neuron.bias, torch.float32)[:, None, None]
        self.clear()

    def clear(self) -> None:
        """Forget membrane and fire-once state, as between samples."""
        self.membrane: Tensor | None = None
        self.fired: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        """Spikes of this step, 0/1 float (1, O, H, W), for input `x` (1, I, H, W)."""
        current = functional.conv2d(x, self.weight, stride=self.layer.stride, padding=self.layer.padding) + self.bias
        if self.membrane is None or self.fired is None:
            self.membrane, self.fired = torch.zeros_like(current), torch.zeros_like(current)
        spikes, self.membrane, _ = self.neuron(current, self.membrane, self.fired if self.fire_once else None)
        self.fired = torch.maximum(self.fired, spikes)
        return spikes


class IntegerConv:
    """The same layer in the integers of `docs/fixed-point.md`: the oracle every executor must equal bit for bit."""

    def __init__(self, layer: FixedPointConv, fire_once: bool) -> None:
        self.layer, self.fire_once = layer, fire_once
        # Integers below 2**53 are exact in float64, and torch convolves float64 but not int64.
        self.planes = [(_tensor(p.weight, torch.float64), p.exponent) for p in layer.planes]
        neuron = layer.neuron
        self.threshold, self.leak, self.decay, self.bias = (
            _tensor(a, torch.int64)[:, None, None] for a in (neuron.threshold, neuron.leak, neuron.decay, neuron.bias)
        )
        self.clear()

    def clear(self) -> None:
        """Forget membrane and fire-once state, as between samples."""
        self.membrane: Tensor | None = None
        self.fired: Tensor | None = None

    def step(self, x: Tensor) -> Tensor:
        """Spikes of this step, 0/1 int64 (1, O, H, W), for integer payloads `x` (1, I, H, W)."""
        drive = self._drive(x)
        if self.membrane is None or self.fired is None:
            self.membrane, self.fired = torch.zeros_like(drive), torch.zeros_like(drive, dtype=torch.bool)
        membrane = self._integrate(self.membrane, drive)
        spikes = membrane >= self.threshold
        if self.fire_once:
            spikes &= ~self.fired
        self.fired |= spikes
        self.membrane = torch.where(spikes, 0, membrane)
        return spikes.to(torch.int64)

    def _drive(self, x: Tensor) -> Tensor:
        stride, padding = self.layer.stride, self.layer.padding
        x = x.to(torch.float64)
        sums = (functional.conv2d(x, w, None, stride, padding).to(torch.int64) << e for w, e in self.planes)
        return saturate24(sum(sums, start=torch.tensor(0)))

    def _integrate(self, membrane: Tensor, drive: Tensor) -> Tensor:
        if self.layer.neuron.leak_mode == "subtractive":
            membrane = saturate24(membrane + drive + self.bias - self.leak)
        else:
            kept = (membrane.abs() * (DECAY_UNIT - self.decay)) >> DECAY_BITS
            membrane = saturate24(membrane.sign() * kept + drive + self.bias)
        return membrane.clamp(min=0) if self.layer.neuron.floor else membrane


class OrPool:
    """Max-pool of 0/1 spikes."""

    def __init__(self, layer: PoolLayer) -> None:
        self.layer = layer

    def clear(self) -> None:
        """Nothing to forget: a pool has no state."""

    def step(self, x: Tensor) -> Tensor:
        """Pooled spikes of the same dtype: 1 where any spike of the window is."""
        return functional.max_pool2d(x.to(torch.float32), self.layer.kernel, self.layer.stride).to(x.dtype)


def reference_neuron(layer: ConvLayer) -> LIFNeuron:
    """The PyTorch neuron of a layer, its per-channel parameters shaped to broadcast over (O, H, W).

    Without floor and leak it is an IF neuron: `V + I - 0` is `V + I`.
    """
    threshold, leak, beta = (
        _tensor(a, torch.float64)[:, None, None] for a in (layer.neuron.threshold, layer.neuron.leak, layer.neuron.beta)
    )
    subtractive = layer.neuron.leak_mode == "subtractive"
    neuron = LIFNeuron(threshold, leak if subtractive else 1 - beta, layer.neuron.leak_mode, layer.neuron.floor)
    neuron.beta = beta.to(torch.float32)  # 1 - (1 - beta) would differ from beta in the last bit
    return neuron


def _tensor(array: NDArray[Any], dtype: torch.dtype) -> Tensor:
    return torch.tensor(np.ascontiguousarray(array), dtype=dtype)  # a copy: the array may be read-only


def saturate24(value: Tensor) -> Tensor:
    """Clip to the signed 24-bit range."""
    return value.clamp(STATE_MIN, STATE_MAX)
