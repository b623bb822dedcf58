"""The decoder of the original program, reproduced on real clips: saliency, masks, boxes, hashes and objects."""

from __future__ import annotations

import numpy as np
import pytest

from spikeseg_lava.decoding.decoder import decode
from spikeseg_lava.decoding.smash import group
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

CLIPS = ("atis_s0", "davis_slider")


@pytest.fixture(scope="module", params=CLIPS)
def clip(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def record(shared, clip) -> SpikeRecord:
    return SpikeRecord.load(shared / "golden" / f"{clip}_theta0.05_fireonce.npz")


@pytest.fixture(scope="module")
def golden(shared, clip):
    with np.load(shared / "golden" / f"decode_{clip}_theta0.05.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def found(record, real_network):
    return decode(record, real_network, pool_winners="last-step")


def test_saliency_is_the_originals(found, golden):
    np.testing.assert_allclose(found.channels, golden["saliency"], atol=1e-5)
    np.testing.assert_allclose(found.saliency, golden["saliency"].sum(0), atol=1e-5)
    assert np.abs(golden["saliency"]).max() > 0.1


def test_masks_and_boxes_are_the_originals(found, golden):
    masks = np.stack([instance.mask for instance in found.instances])
    np.testing.assert_array_equal(np.packbits(masks.reshape(len(masks), -1), axis=1), golden["masks"])
    np.testing.assert_array_equal([instance.box for instance in found.instances], golden["boxes"])


def test_hashes_are_the_originals(found, golden):
    ash = np.stack([instance.ash for instance in found.instances])
    assert ash.shape[1:] == (41, 10)
    np.testing.assert_array_equal(np.packbits(ash.reshape(len(ash), -1), axis=1), golden["ash"])


@pytest.mark.parametrize("tau", [0.0, 0.1])
def test_objects_are_the_originals(found, golden, tau):
    np.testing.assert_array_equal(group(found.instances, tau), golden[f"objects_tau{tau}"])


def test_instances_follow_the_classification_spikes(found, golden):
    rows = [(i.t, i.class_id, i.y, i.x) for i in found.instances]
    np.testing.assert_array_equal(rows, golden["class_spikes"])


def test_causal_winners_leave_more_masks(record, real_network, found):
    causal = decode(record, real_network)
    assert causal.pool_winners == "causal"
    assert len(causal.found) > 1.2 * len(found.found) > 0
    own_row = [instance.ash[40, instance.t] for instance in causal.found]
    assert all(own_row)
    assert group(causal.instances).max() > 0


def test_a_fixed_point_model_decodes_with_its_float_layers(record, real_network):
    layers = tuple(_integers(x) if isinstance(x, ConvLayer) else x for x in real_network.layers)
    model = FixedPointModel(layers, InputCode(8, 255.0), input_size=(128, 128), timesteps=10)
    ours, theirs = decode(record, model), decode(record, real_network)
    np.testing.assert_array_equal(ours.channels, theirs.channels)
    assert [i.box for i in ours.instances] == [i.box for i in theirs.instances]


def _integers(layer: ConvLayer) -> FixedPointConv:
    """Integers that are of no use: the decoder must not look at them."""
    none = np.zeros(len(layer.weight), np.int32)
    plane = Plane(np.zeros(layer.weight.shape, np.int8), 0)
    return FixedPointConv(
        layer.name,
        (plane,),
        FixedPointNeuron(none + 1, none, none),
        none.astype(np.float64),
        layer,
        layer.stride,
        layer.padding,
    )
