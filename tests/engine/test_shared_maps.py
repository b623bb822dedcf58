"""Which maps share their work."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.shared_maps import shared_maps_of
from spikeseg_lava.network.integers import FixedPointNeuron

ONE, OTHER = np.array([[[3, -1]]]), np.array([[[0, 5]]])


def neuron(*thresholds: int) -> FixedPointNeuron:
    zeros = np.zeros(len(thresholds), np.int32)
    return FixedPointNeuron(np.array(thresholds, np.int32), zeros, zeros)


def test_a_difference_of_gaussians_with_both_signs_twice_has_one_base():
    shared = shared_maps_of(np.stack([ONE, -ONE, ONE, -ONE]), neuron(9, 9, 9, 9))
    assert (shared.signs, shared.drives, len(shared.distinct)) == (2, 1, 2)
    assert shared.source[0] == shared.source[2] != shared.source[1] == shared.source[3]
    assert shared.kernel_of_drives(np.stack([ONE, -ONE, ONE, -ONE])).tolist() in ([ONE.tolist()], [(-ONE).tolist()])


def test_an_opposite_missing_for_one_map_is_none_for_all():
    shared = shared_maps_of(np.stack([ONE, -ONE, OTHER]), neuron(9, 9, 9))
    assert (shared.signs, shared.trivial) == (1, True)


def test_maps_of_other_neurons_are_distinct_but_may_be_opposites():
    shared = shared_maps_of(np.stack([ONE, ONE, ONE, ONE]), neuron(9, 9, 9, 8))
    assert shared.source.tolist() == [0, 0, 0, 1]
    shared = shared_maps_of(np.stack([ONE, -ONE]), neuron(9, 8))
    assert shared.signs == 2
    assert shared.neuron_of_distinct(neuron(9, 8)).threshold[shared.source].tolist() == [9, 8]


def test_a_following_layer_adds_up_the_weights_of_a_kind():
    shared = shared_maps_of(np.stack([ONE, OTHER, ONE, ONE]), neuron(9, 9, 9, 9))
    following = np.arange(8).reshape(2, 4, 1, 1)
    assert shared.kernel_on_distinct(following).reshape(2, 2).tolist() == [[0 + 2 + 3, 1], [4 + 6 + 7, 5]]
