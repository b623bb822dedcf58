"""Many samples through one network: each fires what it fires alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders.models import stock_frames, stock_model

from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.stock.alignment import joined_samples, split_samples
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.simulate import run_stock


@pytest.mark.parametrize("fire_once", [True, False])
@pytest.mark.parametrize("method", ["windows", "mirror", "memoryless", "unfloored"])
def test_each_sample_fires_what_it_fires_alone(method: Any, fire_once: bool) -> None:
    network = lower(stock_model(4), method=method, frames=6, fire_once=fire_once)
    samples = [stock_frames(seed, steps) for seed, steps in ((4, 6), (5, 3), (6, 6))]
    joined, clip = joined_samples(network, samples, margin=8)
    record = run_stock(joined, clip)
    gap = len(clip) // len(samples)
    for sample, found in zip(samples, split_samples(record, [len(s) for s in samples], gap), strict=True):
        alone = run_stock(network, sample)
        assert alone.counts["conv1"] > 5
        assert compare(alone, found).identical
        assert found.meta["steps"] == len(sample)


def test_refusals() -> None:
    network = lower(stock_model(4), frames=3)
    with pytest.raises(ArgumentError, match="`samples` are none"):
        joined_samples(network, [])
    with pytest.raises(ClipError, match="hold 6 frames, the network was lowered for at most 3"):
        joined_samples(network, [np.zeros((6, 2, 8, 11))])
