"""Which maps share their work."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.shared_maps import kinds_of
from spikeseg_lava.network.integers import FixedPointNeuron

ONE, OTHER = np.array([[[3, -1]]]), np.array([[[0, 5]]])


def neuron(*thresholds: int) -> FixedPointNeuron:
    zeros = np.zeros(len(thresholds), np.int32)
    return FixedPointNeuron(np.array(thresholds, np.int32), zeros, zeros)


def test_a_difference_of_gaussians_with_both_signs_twice_has_one_base():
    kinds = kinds_of(np.stack([ONE, -ONE, ONE, -ONE]), neuron(9, 9, 9, 9))
    assert (kinds.signs, kinds.bases, len(kinds.first)) == (2, 1, 2)
    assert kinds.kind[0] == kinds.kind[2] != kinds.kind[1] == kinds.kind[3]
    assert kinds.kernel_of_bases(np.stack([ONE, -ONE, ONE, -ONE])).tolist() in ([ONE.tolist()], [(-ONE).tolist()])


def test_an_opposite_missing_for_one_map_is_none_for_all():
    kinds = kinds_of(np.stack([ONE, -ONE, OTHER]), neuron(9, 9, 9))
    assert (kinds.signs, kinds.trivial) == (1, True)


def test_maps_of_other_neurons_are_of_other_kinds_but_may_be_opposites():
    kinds = kinds_of(np.stack([ONE, ONE, ONE, ONE]), neuron(9, 9, 9, 8))
    assert kinds.kind.tolist() == [0, 0, 0, 1]
    kinds = kinds_of(np.stack([ONE, -ONE]), neuron(9, 8))
    assert kinds.signs == 2
    assert kinds.neuron_of_kinds(neuron(9, 8)).threshold[kinds.kind].tolist() == [9, 8]


def test_a_following_layer_adds_up_the_weights_of_a_kind():
    kinds = kinds_of(np.stack([ONE, OTHER, ONE, ONE]), neuron(9, 9, 9, 9))
    following = np.arange(8).reshape(2, 4, 1, 1)
    assert kinds.kernel_on_kinds(following).reshape(2, 2).tolist() == [[0 + 2 + 3, 1], [4 + 6 + 7, 5]]
