"""Made networks and spike records: asymmetric kernels, odd and non-square sizes, overlapping pools."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, PoolLayer, SpikingNetwork, layer_shapes
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

STEPS = 4


def conv(name: str, weight, stride: Pair = (1, 1), padding: Pair | None = None) -> ConvLayer:
    weight = np.asarray(weight, np.float32)
    ones = np.ones(len(weight))
    padding = (weight.shape[2] // 2, weight.shape[3] // 2) if padding is None else padding
    return ConvLayer(name, weight, Neuron(ones, 0 * ones, ones), stride, padding)


def a_network(seed: int, pool: PoolLayer | None = None, classes: int = 3, stride: Pair = (1, 1)) -> SpikingNetwork:
    """Kernels 3x5, 5x3 and 3x3 of random weights: 2 input channels, 3 and 4 maps."""
    rng = np.random.default_rng(seed)
    layers = (
        conv("conv1", rng.normal(0, 0.5, (3, 2, 3, 5)), stride),
        pool or PoolLayer("pool1", (2, 2), (2, 2)),
        conv("conv2", rng.normal(0.2, 0.5, (4, 3, 5, 3))),
        PoolLayer("pool2", (2, 3), (2, 3)),
        conv("conv3", rng.normal(0.3, 0.5, (classes, 4, 3, 3))),
    )
    return SpikingNetwork(layers)


def a_record(network: SpikingNetwork, size: Pair, seed: int, share: float = 0.15) -> SpikeRecord:
    """Random spikes in every layer; the decoder does not ask whether the network would have fired them."""
    rng = np.random.default_rng(seed)
    shapes = layer_shapes(network.layers, (network.input_channels, *size))
    spikes = {name: np.argwhere(rng.random((STEPS, *shape)) < share) for name, shape in shapes.items()}
    meta = {"steps": STEPS, "shapes": {name: list(shape) for name, shape in shapes.items()}}
    return SpikeRecord({name: rows_in_order(rows) for name, rows in spikes.items()}, meta=meta)
