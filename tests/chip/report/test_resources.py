"""Figures worked out by hand come out exactly; planes, pools and limits are counted as they should."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders.models import POOLED_SIZE, pooled_model
from builders.networks import encoder_of_ones

from spikeseg_lava.chip.report.resources import resources
from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.errors import ArgumentError


@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_figures_of_the_design(target: str) -> None:
    found = resources(encoder_of_ones(), target)
    assert [layer.neurons for layer in found.convolutions] == [65_536, 147_456, 1_024]
    assert (found.neurons, found.pool_neurons) == (214_016, 16_384 + 36_864)
    assert [layer.synapses for layer in found.convolutions] == [3_215_648, 14_197_824, 1_617_984]
    assert found.synapses == 19_031_456


def test_cores_and_chips_on_both_generations() -> None:
    """65,536 neurons are 64 cores of 1,024; 144 for conv2; the lower bound of Loihi 2 has 4,095 a core."""
    first, second = resources(encoder_of_ones(), "loihi1"), resources(encoder_of_ones(), "loihi2")
    assert [layer.cores_by_neurons for layer in first.layers] == [64, 16, 144, 36, 1]
    assert [layer.cores_by_neurons for layer in second.layers] == [17, 5, 37, 10, 1]
    assert (first.cores, first.chips) == (464, 4)
    assert (second.cores, second.chips) == (32 + 8 + 64 + 16 + 1, 2)


def test_wide_sensor_takes_two_chips() -> None:
    assert resources(encoder_of_ones(), "loihi2", (180, 240)).chips == 2


def test_weight_memory_is_one_kernel_a_core() -> None:
    conv2 = resources(encoder_of_ones()).layers[2]
    assert (conv2.kernel_bytes, conv2.fan_in) == (3600, 100)


def test_planes_multiply_memory_but_not_synapses() -> None:
    found = resources(pooled_model())
    conv1 = found.layers[0]
    assert found.size == POOLED_SIZE
    assert (conv1.planes, conv1.kernel_bytes) == (2, 2 * 3 * 2 * 9)
    assert conv1.synapses == 3 * 2 * (3 * 6 - 2) * (3 * 10 - 2)
    assert conv1.fullest[0].axons_in == 2 * 2


def test_synapses_of_weight_zero_are_told_apart() -> None:
    made = pooled_model()
    first = made.layers[0]
    assert resources(made).layers[0].stored_synapses < resources(made).layers[0].synapses
    assert (first.kernel == 0).any()  # type: ignore[union-attr]


def test_a_layer_that_fits_no_core_leaves_cores_unknown() -> None:
    target = get_target("loihi2")
    tiny = replace(target, synapse_bytes_per_core=replace(target.synapse_bytes_per_core, value=10))
    found = resources(pooled_model(), tiny)
    assert found.layers[0].cores is None
    assert (found.cores, found.chips) == (None, None)


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="`target` must be one of"):
        resources(encoder_of_ones(), "abacus")
    with pytest.raises(ArgumentError, match="`size` is needed"):
        resources(replace(encoder_of_ones(), input_size=None))
