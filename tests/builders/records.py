"""Records of spikes made at random, and the one comparison of two records in the tests."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.network.floats import Pair, SpikingNetwork, layer_shapes
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

STEPS = 4


def random_record(network: SpikingNetwork, size: Pair, seed: int, share: float = 0.15) -> SpikeRecord:
    """Random spikes of `STEPS` steps in every layer; the network would not have fired them."""
    rng = np.random.default_rng(seed)
    shapes = layer_shapes(network.layers, (network.input_channels, *size))
    spikes = {name: np.argwhere(rng.random((STEPS, *shape)) < share) for name, shape in shapes.items()}
    meta = {"steps": STEPS, "shapes": {name: list(shape) for name, shape in shapes.items()}}
    return SpikeRecord({name: rows_in_order(rows) for name, rows in spikes.items()}, meta=meta)


def assert_same(expected: SpikeRecord, found: SpikeRecord) -> None:
    """Spikes and membranes of the same layers are equal; shows counts and the first difference if not."""
    comparison = compare(expected, found)
    assert comparison.identical, f"\n{comparison}"
    assert expected.spikes.keys() == found.spikes.keys()
    assert expected.membranes.keys() == found.membranes.keys()
