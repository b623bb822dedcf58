"""Masks and saliency of made networks equal the dense definition in PyTorch: odd sizes, overlaps, strides, classes."""

from __future__ import annotations

from dataclasses import replace

import by_torch
import numpy as np
import pytest
from builders.networks import deep_network, float_conv
from builders.records import STEPS, random_record
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spikeseg_lava.decoding.decoder import decode
from spikeseg_lava.decoding.stages import fitting_weights
from spikeseg_lava.network.floats import PoolLayer, SpikingNetwork
from spikeseg_lava.spikes.record import SpikeRecord

SEVEN_SIX = PoolLayer("pool1", (7, 6), (6, 4))


@settings(max_examples=12, deadline=None)
@example(3109, 18, 24, "causal")  # a pixel whose channels cancel but for rounding
@given(st.integers(0, 10**6), st.integers(9, 22), st.integers(9, 27), st.sampled_from(["causal", "last-step"]))
def test_masks_equal_the_dense_definition(seed, height, width, mode):
    network = deep_network(seed)
    record = random_record(network, (height, width), seed)
    torch_decoder = by_torch.TorchDecoder(network, record, (height, width))
    for instance in decode(record, network, mode).instances[:40]:
        step = instance.t if mode == "causal" else STEPS - 1
        expected = torch_decoder.mask((instance.class_id, instance.y, instance.x), step)
        np.testing.assert_array_equal(instance.mask, expected)


@pytest.mark.parametrize("mode", ["causal", "last-step"])
@pytest.mark.parametrize("pool", [PoolLayer("pool1", (2, 2), (2, 2)), SEVEN_SIX, PoolLayer("pool1", (2, 3), (3, 4))])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
def test_saliency_and_masks_with_any_pool_and_stride(mode, pool, stride):
    size = (63, 50)
    network = replace(deep_network(5, pool, stride=stride), input_size=size)
    record = random_record(network, size, 6, share=0.3)
    found = decode(record, network, mode)
    torch_decoder = by_torch.TorchDecoder(network, record, size)
    expected = torch_decoder.saliency(range(STEPS), mode == "causal")
    np.testing.assert_allclose(found.channels, expected, atol=1e-4)
    assert np.abs(expected).max() > 0.5
    masks = [i for i in found.instances if i.mask.any()][:15]
    assert masks
    for instance in masks:
        step = instance.t if mode == "causal" else STEPS - 1
        expected = torch_decoder.mask((instance.class_id, instance.y, instance.x), step)
        np.testing.assert_array_equal(instance.mask, expected)


def test_class_spike_has_its_own_row_in_causal_and_row_of_its_class_in_last_step():
    network = deep_network(5)
    record = random_record(network, (18, 24), 6)
    for mode, row in (("causal", 7), ("last-step", 0)):
        for instance in decode(record, network, mode).found:
            assert instance.ash.shape == (10, STEPS)
            assert instance.ash[row + instance.class_id, instance.t]
            assert not np.delete(instance.ash, instance.t, axis=1).any()
    assert not any(i.ash[7:].any() for i in decode(record, network, "last-step").instances)


def test_one_kernel_by_hand():
    """One convolution: the mask is where the class's kernel, summed over the channels, is above 0."""
    kernel = [[[[1.0, -2.0, 0.0]], [[0.5, 1.0, 0.0]]]]
    network = SpikingNetwork((float_conv("conv1", kernel, padding=None),), input_size=(2, 4))
    record = SpikeRecord({"conv1": np.array([[1, 0, 1, 0], [2, 0, 0, 2]], np.int32)}, meta={"steps": 3})
    first, second = decode(record, network).instances
    assert (first.box, second.box) == ((-1, -1, -1, -1), (1, 0, 1, 0))
    assert first.empty
    assert not first.mask.any()
    assert not first.ash.any()
    assert np.isnan(first.centroid).all()
    np.testing.assert_array_equal(np.argwhere(second.mask), [[0, 1]])
    np.testing.assert_array_equal(second.ash, [[False, False, True]])
    assert second.centroid == (1.0, 0.0)
    saliency = decode(record, network).channels
    np.testing.assert_array_equal(saliency[:, 0], [[0, 1, -2, 0], [0, 0.5, 1, 0]])
    np.testing.assert_array_equal(saliency[:, 1], [[-2, 0, 0, 0], [1, 0, 0, 0]])


def test_unit_weights_let_a_scaled_network_decode_like_the_original():
    """Every layer scaled to a largest weight of 1, or shrunk a thousandfold: the same masks once brought to unit."""
    network = deep_network(5)
    record = random_record(network, (18, 24), 6)
    small = replace(network, layers=tuple(map(shrunk, network.layers)))
    assert (fitting_weights(network), fitting_weights(small)) == ("stored", "unit")
    ours, theirs = decode(record, small, weights="unit"), decode(record, network, weights="unit")
    assert [i.box for i in ours.instances] == [i.box for i in theirs.instances]
    assert ours.found
    assert [i.box for i in decode(record, small).instances] == [i.box for i in ours.instances]  # unit is what fits
    assert not decode(record, small, weights="stored").found


def shrunk(layer):
    return replace(layer, weight=layer.weight / 1024) if hasattr(layer, "weight") else layer
