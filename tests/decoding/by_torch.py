"""The decoder once more, dense and in PyTorch, straight from its definition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape, SpikingNetwork, layer_shapes
from spikeseg_lava.spikes.record import SpikeRecord


class TorchDecoder:
    def __init__(self, network: SpikingNetwork, record: SpikeRecord, size: Pair) -> None:
        self.layers, self.record = network.layers, record
        self.shapes = {"": (network.input_channels, *size)}
        self.shapes |= layer_shapes(network.layers, self.shapes[""])
        self.below = dict(zip([x.name for x in network.layers], ["", *(x.name for x in network.layers)], strict=False))

    def dense(self, name: str, step: int) -> Tensor:
        """(1, C, H, W) spikes of a layer in a step."""
        return one_hots(self.record.spikes[name][self.record.spikes[name][:, 0] == step], self.shapes[name])

    def transposed(self, x: Tensor, layer: ConvLayer) -> Tensor:
        below = self.shapes[self.below[layer.name]][1:]
        parts = zip(below, x.shape[2:], layer.stride, layer.padding, layer.weight.shape[2:], strict=True)
        extra = [want - ((n - 1) * s - 2 * p + k) for want, n, s, p, k in parts]
        weight = torch.from_numpy(layer.weight)
        twice = torch.cat([x, x])  # PyTorch sums in another order for small kernels and one image; see `projection`
        return functional.conv_transpose2d(twice, weight, None, layer.stride, layer.padding, extra)[:1]

    def unpool(self, x: Tensor, pool: PoolLayer, step: int) -> Tensor:
        """OR of what `max_unpool2d` does with each pooled row and column by itself."""
        below = self.below[pool.name]
        _, index = functional.max_pool2d(self.dense(below, step), pool.kernel, pool.stride, return_indices=True)
        out = torch.zeros(1, self.shapes[below][0], self.shapes[below][1] * self.shapes[below][2])
        out.scatter_reduce_(2, index.flatten(2), x.flatten(2), "amax")
        return out.reshape(1, *self.shapes[below])

    def down(self, x: Tensor, step: int, fire) -> Tensor:
        """Drive of the pixels (C, H, W); `fire(drive, layer)` gives the spikes of each convolution's input."""
        for layer in reversed(self.layers):
            if isinstance(layer, PoolLayer):
                x = self.unpool(x, layer, step)
            else:
                x = self.transposed(x, layer)
                x = x if layer is self.layers[0] else fire(x, layer)
        return x[0]

    def mask(self, spike: Sequence[int], step: int) -> np.ndarray:
        last = self.layers[-1].name
        one_hot = one_hots(np.array([[0, *spike]]), self.shapes[last])
        return (self.down(one_hot, step, lambda x, _: (x > 0.5).float()).sum(0) > 0).numpy()

    def saliency(self, steps: Sequence[int], causal: bool) -> np.ndarray:
        membranes: dict[str, Tensor] = {}
        last = self.layers[-1].name

        def fire(drive: Tensor, layer: ConvLayer) -> Tensor:
            v = torch.clamp(membranes.get(layer.name, torch.zeros_like(drive)) + drive, min=0)
            membranes[layer.name] = torch.where(v >= 1, 0.0, v)
            return (v >= 1).float()

        if causal:
            return sum(self.down(self.dense(last, t), t, fire) for t in steps).numpy()  # type: ignore[union-attr]
        summed = torch.stack([self.dense(last, t) for t in steps]).sum(0)
        return self.down(summed, steps[-1], fire).numpy()


def one_hots(rows: np.ndarray, shape: Shape) -> Tensor:
    x = torch.zeros(1, *shape)
    _, c, y, x_ = torch.from_numpy(rows.astype(np.int64)).T
    x[0, c, y, x_] = 1
    return x
