"""Every rule fires where it must, and keeps quiet one unit below."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.models import layer, model, ones

from spikeseg_lava.chip.groups import layer_group
from spikeseg_lava.chip.rules.check import RULES, check_rules
from spikeseg_lava.chip.rules.finding import Finding, limits_of_rule
from spikeseg_lava.chip.rules.placement import outgoing_axons
from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.chip.tiling import Tile, cut
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, RecordError
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

LOIHI1, LOIHI2 = get_target("loihi1"), get_target("loihi2")
TOP = 2**23 - 1
MIXED = np.array([[[[3, -2]]]])


def limited(target: Any, **values: int) -> Any:
    """The target with other limits."""
    return replace(target, **{name: replace(getattr(target, name), value=value) for name, value in values.items()})


def found(rule: str, made: FixedPointModel, target: Any = None, **options: Any) -> list[Finding]:
    return [finding for finding in check_rules(made, target, **options) if finding.rule == rule]


# rule -> (model, target) that breaks it, (model, target) that just does not
CASES: dict[str, tuple[tuple[Any, Any], tuple[Any, Any]]] = {
    "saturation_of_floored_membranes": (
        (model(layer(ones(1, 1, 1, 1), TOP, 1)), None),
        (model(layer(ones(1, 1, 1, 1), TOP - 1, 1)), None),
    ),
    "saturation_of_membranes_without_floor": (
        (model(layer(-ones(1, 1, 1, 1), leak=TOP // 10, floor=False)), None),
        (model(layer(-ones(1, 1, 1, 1), leak=TOP // 10 - 1, floor=False)), None),
    ),
    "accumulator": (
        (model(layer(ones(1, 1, 1, 1), exponents=(21,))), LOIHI1),
        (model(layer(ones(1, 1, 1, 1), exponents=(20,))), LOIHI1),
    ),
    "weight_word": (
        (model(layer(8 * ones(1, 1, 1, 1))), limited(LOIHI2, weight_bits=4)),
        (model(layer(-8 * ones(1, 1, 1, 1))), limited(LOIHI2, weight_bits=4)),
    ),
    "payload_word": ((model(layer(ones(1, 1, 1, 1)), bits=2), LOIHI1), (model(layer(ones(1, 1, 1, 1))), LOIHI1)),
    "odd_mixed_weights": ((model(layer(MIXED)), None), (model(layer(2 * MIXED)), None)),
    "weight_planes": (
        (model(layer(ones(1, 1, 1, 1), exponents=(0, 8))), None),
        (model(layer(ones(1, 1, 1, 1), exponents=(8,))), None),
    ),
    "floor_beyond_stock": ((model(layer(ones(1, 1, 1, 1), leak=1)), None), (model(layer(ones(1, 1, 1, 1))), None)),
    "one_threshold_a_population": (
        (model(layer(ones(2, 1, 1, 1), [5, 6])), None),
        (model(layer(ones(2, 1, 1, 1), [5, 5], leak=[1, 2])), None),
    ),
    "decay_word": (
        (model(layer(ones(1, 1, 1, 1), decay=4096)), None),
        (model(layer(ones(1, 1, 1, 1), decay=4095)), None),
    ),
    "stock_threshold": (
        (model(layer(ones(1, 1, 1, 1), 2**17 + 1)), None),
        (model(layer(ones(1, 1, 1, 1), 2**17)), None),
    ),
    "stock_bias": (
        (model(layer(ones(1, 1, 1, 1), leak=4097)), None),
        (model(layer(ones(1, 1, 1, 1), leak=4098)), None),
    ),
    "stock_current": (
        (model(layer(ones(1, 1, 1, 1), exponents=(17,))), None),
        (model(layer(ones(1, 1, 1, 1), exponents=(16,))), None),
    ),
    "fan_in_axons": (
        (model(layer(ones(1, 2, 3, 3))), limited(LOIHI1, axons_in_per_core=17)),
        (model(layer(ones(1, 2, 3, 3))), limited(LOIHI1, axons_in_per_core=18)),
    ),
    "synapse_memory": (
        (model(layer(ones(1, 2, 3, 3))), limited(LOIHI2, synapse_bytes_per_core=8 * 18 - 1)),
        (model(layer(ones(1, 2, 3, 3))), limited(LOIHI2, synapse_bytes_per_core=8 * 18)),
    ),
    "neurons_on_a_core": (
        (model(layer(ones(1, 1, 3, 3))), limited(LOIHI1, axons_in_per_core=33)),
        (model(layer(ones(1, 1, 3, 3))), limited(LOIHI1, axons_in_per_core=100)),
    ),
    "axons_out": (
        (model(layer(ones(1, 1, 1, 1)), layer(ones(1, 1, 3, 3), name="b")), limited(LOIHI2, axons_out_per_core=127)),
        (model(layer(ones(1, 1, 1, 1)), layer(ones(1, 1, 3, 3), name="b")), limited(LOIHI2, axons_out_per_core=128)),
    ),
    "chip_count": (
        (model(layer(ones(3, 1, 1, 1))), limited(LOIHI2, neurons_per_core=64, mapped_cores=3)),
        (model(layer(ones(3, 1, 1, 1))), limited(LOIHI2, neurons_per_core=64, mapped_cores=4)),
    ),
    "wide_input": (
        (model(layer(ones(1, 1, 3, 3)), size=(3, 256)), None),
        (model(layer(ones(1, 1, 3, 3)), size=(300, 255)), None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_rule_fires_where_it_must_and_only_there(rule: str) -> None:
    (broken, on), (kept, target) = CASES[rule]
    findings = found(rule, broken, on)
    assert len(findings) == 1
    assert findings[0].value != findings[0].limit
    assert findings[0].remedy
    assert findings[0].message
    assert found(rule, kept, target) == []


def test_every_rule_has_a_case() -> None:
    assert {rule.__name__ for rule in RULES} == {*CASES, "fire_once_beyond_stock"}


def test_fire_once_is_asked_for_or_not() -> None:
    made = model(layer(ones(1, 1, 1, 1)))
    assert len(found("fire_once_beyond_stock", made)) == 1
    assert found("fire_once_beyond_stock", made, fire_once=False) == []


def test_all_violations_come_together_errors_first() -> None:
    bad = model(layer(MIXED, TOP, [1]), layer(ones(1, 1, 3, 3), name="conv2"), bits=3)
    findings = check_rules(bad, "loihi1")
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    errors = {(finding.rule, finding.layer) for finding in findings if finding.severity == "error"}
    assert errors == {
        ("saturation_of_floored_membranes", "conv1"), ("odd_mixed_weights", "conv1"), ("payload_word", "conv1"),
    }  # fmt: skip


def test_nothing_to_say_about_a_network_of_stock_parts() -> None:
    assert check_rules(model(layer(2 * ones(1, 1, 3, 3))), fire_once=False) == []


def test_odd_weights_cost_nothing_while_doubling_fits() -> None:
    (free,) = found("odd_mixed_weights", model(layer(MIXED, TOP, exponents=(1,))))
    (doubled,) = found("odd_mixed_weights", model(layer(MIXED, TOP // 2)))
    (lost,) = found("odd_mixed_weights", model(layer(MIXED, TOP // 2 + 1)))
    assert (free.severity, doubled.severity, lost.severity) == ("info", "info", "error")
    assert free.value == 1
    assert "every exponent one lower" in free.remedy
    assert "doubled" in doubled.remedy


def test_payload_counts_the_exponent_a_convolution_cannot_apply() -> None:
    made = model(layer(ones(1, 1, 1, 1), exponents=(7,)))
    assert found("payload_word", made, LOIHI1) == []
    (beyond,) = found("payload_word", made, limited(LOIHI1, synapse_shift_max=6))
    assert (beyond.value, beyond.limit) == (8, 1)
    assert "exponents up to 6" in beyond.remedy


def test_a_clip_tells_whether_the_accumulator_really_overflows() -> None:
    made = model(layer(ones(1, 1, 1, 2), exponents=(21,)), size=(1, 2))
    record = SpikeRecord({"conv1": np.zeros((0, 4), np.int32)})
    empty, full = np.zeros((1, 1, 1, 2)), np.ones((1, 1, 1, 2))
    (unseen,) = found("accumulator", made, LOIHI1, frames=empty, record=record)
    (seen,) = found("accumulator", made, LOIHI1, frames=full, record=record)
    assert (unseen.severity, seen.severity) == ("warning", "error")
    assert "4,194,304" in seen.message


def test_axons_out_of_a_pool_reach_one_channel_only() -> None:
    pool = PoolLayer("pool1", (2, 2), (2, 2))
    target = limited(LOIHI1, neurons_per_core=64, axons_out_per_core=64)
    assert found("axons_out", model(layer(ones(4, 1, 1, 1)), pool), target) == []


def test_a_spike_reaches_the_tiles_its_window_touches() -> None:
    """Tiles of 4 x 4 in 16 x 16: 1 for a 1 x 1 kernel, 2 along each axis for 5 x 5, 3 for 6 x 6; each channel anew."""
    for kernel, tiles in ((1, 1), (5, 2), (6, 3)):
        group = layer_group(layer(ones(2, 1, kernel, kernel)), (1, 16, 16))
        following = cut(group, (1, 4, 4), LOIHI1)
        reached = outgoing_axons(Tile((1, 2, 5), 10, 0, 0), group.synapses[0], following, LOIHI1)
        assert reached == 10 * tiles * tiles * 2


def test_every_rule_says_what_it_rests_on() -> None:
    for target in (LOIHI1, LOIHI2):
        assert all(len(limits_of_rule(rule.__name__, target)) > 20 for rule in RULES)
    assert limits_of_rule("chip_count", LOIHI2).startswith("published")
    assert limits_of_rule("neurons_on_a_core", LOIHI2).startswith("inferred")


def test_wide_recording_names_the_columns() -> None:
    (finding,) = found("wide_input", model(layer(ones(1, 1, 5, 5))), size=(240, 304))
    assert finding.value == 304
    assert "x = 255" in finding.message


def test_default_target_is_that_of_the_model() -> None:
    made = model(layer(ones(1, 1, 1, 1)), bits=8, target="loihi1")
    assert [finding.rule for finding in check_rules(made) if finding.severity == "error"] == ["payload_word"]


def test_refusals() -> None:
    made = model(layer(ones(1, 1, 1, 1)))
    with pytest.raises(ArgumentError, match="`target` must be one of"):
        check_rules(made, "loihi3")
    with pytest.raises(ArgumentTypeError, match="must be a FixedPointModel, got str"):
        check_rules("model.slm")  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="no layer `conv1`, only pool9"):
        check_rules(made, frames=np.zeros((1, 1, 8, 8)), record=SpikeRecord({"pool9": np.zeros((0, 4), np.int32)}))


@pytest.mark.parametrize(("positions", "axons"), [((66, 16), 1015), ((32, 4), 253), ((7, 8), 112), ((4, 8), 58)])
def test_axons_of_convolutions_are_at_least_the_printed_ones(positions: tuple[int, int], axons: int) -> None:
    """PilotNet's printout (AxonMap, mean over the cores of a layer) shows one or two axons a position."""
    group = layer_group(layer(ones(4, 2, 3, 3)), (2, 70, 70))
    held = Tile((24, *positions), 24 * positions[0] * positions[1], 0, 0)
    assert axons <= outgoing_axons(held, group.synapses[0], cut(group, (4, 9, 9), LOIHI2), LOIHI2) <= 2.2 * axons
