"""Records set side by side: counts, ratios and the first difference, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

REFERENCE = [(0, 0, 1, 2), (1, 0, 0, 0), (1, 2, 3, 4), (2, 0, 0, 0)]
sites = st.sets(st.tuples(*[st.integers(0, 3)] * 4), max_size=12)


def record(rows: object, membrane: object = None) -> SpikeRecord:
    membranes = {} if membrane is None else {"conv1": np.asarray(membrane)}
    return SpikeRecord({"conv1": rows_in_order(np.array(list(rows), np.int32).reshape(-1, 4))}, membranes)  # type: ignore[call-overload]


def test_equal_records_are_identical() -> None:
    result = compare(record(REFERENCE, [[[1, 2]]]), record(REFERENCE, [[[1, 2]]]))
    assert result.identical
    assert result["conv1"].iou == 1.0
    assert not result.silent_layers


def test_counts_and_ratios_of_a_hand_made_pair() -> None:
    other = [(0, 0, 1, 2), (1, 0, 0, 0), (3, 0, 0, 0)]
    layer = compare(record(REFERENCE), record(other))["conv1"]
    assert (layer.reference_spikes, layer.other_spikes, layer.common_spikes) == (4, 3, 2)
    assert (layer.iou, layer.precision, layer.recall) == (2 / 5, 2 / 3, 2 / 4)


def test_places_beyond_any_count_are_told_apart() -> None:
    last = 2**31 - 1
    reference, other = [(last, last, last, last), (0, 0, 0, 0)], [(last, last, last, last - 1), (0, 0, 0, 0)]
    layer = compare(record(reference), record(other))["conv1"]
    assert (layer.common_spikes, layer.iou) == (1, 1 / 3)
    assert layer.first_difference is not None
    assert layer.first_difference.site == (last, last, last, last - 1)


def test_first_difference_is_the_earliest_of_either_side() -> None:
    layer = compare(record(REFERENCE), record([*REFERENCE[:2], (1, 1, 9, 9), REFERENCE[3]]))["conv1"]
    assert layer.first_difference is not None
    assert layer.first_difference.site == (1, 1, 9, 9)
    assert layer.first_difference.only_in == "other record"
    assert str(layer.first_difference) == "step 1, neuron (c=1, y=9, x=9): only in the other record"


def test_a_spike_at_another_step_is_another_spike() -> None:
    layer = compare(record([(0, 0, 0, 0)]), record([(1, 0, 0, 0)]))["conv1"]
    assert layer.iou == 0
    assert layer.first_difference is not None
    assert layer.first_difference.only_in == "reference"


def test_silence_has_no_ratio_and_is_named() -> None:
    result = compare(record([]), record([]))
    assert result["conv1"].iou is None
    assert result.silent_layers == ("conv1",)
    assert not compare(record([]), record(REFERENCE)).silent_layers


def test_first_differing_membrane_is_shown_with_both_values() -> None:
    layer = compare(record(REFERENCE, [[[1, 2], [3, 4]]]), record(REFERENCE, [[[1, 2], [5, 6]]]))["conv1"]
    assert not layer.identical
    difference = layer.membrane_difference
    assert difference is not None
    assert (difference.c, difference.y, difference.x, difference.reference, difference.other) == (0, 1, 0, 3, 5)
    assert difference.differing == 2


def test_membranes_in_other_units_are_not_compared() -> None:
    assert compare(record(REFERENCE, [[[1]]]), record(REFERENCE, [[[7.5]]])).identical


@pytest.mark.parametrize(
    ("other", "layers", "message"),
    [
        (SpikeRecord({"conv9": np.zeros((0, 4), np.int32)}), None, "other layers"),
        (record(REFERENCE), ["conv2"], "no layer `conv2`"),
        (record(REFERENCE, [[[1, 2, 3]]]), None, "shapes"),
    ],
)
def test_records_that_do_not_fit_are_refused(other: SpikeRecord, layers: list[str] | None, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        compare(record(REFERENCE, [[[1]]]), other, layers)


@given(sites, sites)
def test_ratios_equal_those_of_sets(first: set[tuple[int, ...]], second: set[tuple[int, ...]]) -> None:
    layer = compare(record(first), record(second))["conv1"]
    assert layer.common_spikes == len(first & second)
    assert layer.iou == (len(first & second) / len(first | second) if first | second else None)
    earliest = min(first ^ second, default=None)
    assert (None if layer.first_difference is None else tuple(layer.first_difference.site)) == earliest


def test_the_table_names_every_layer_and_difference() -> None:
    text = str(compare(record(REFERENCE), record(REFERENCE[1:])))
    assert "conv1" in text
    assert "0.7500" in text
    assert "step 0, neuron (c=0, y=1, x=2): only in the reference" in text
