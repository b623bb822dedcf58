"""Every limit of a chip is a number with a unit, a source and a standing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spikeseg_lava.chip.targets import TARGETS, Target, get_target
from spikeseg_lava.errors import ArgumentError


@pytest.mark.parametrize("name", TARGETS)
def test_every_fact_has_value_source_and_standing(name: str) -> None:
    facts = dict(get_target(name).facts())
    assert len(facts) == 22
    for fact in facts.values():
        assert fact.value >= 0
        assert len(fact.source) > 10
        assert fact.standing in ("published", "measured", "fitted", "inferred")


def test_published_figures_of_the_chips() -> None:
    first, second = get_target("loihi1"), get_target("loihi2")
    assert (first.neurons_per_core.value, first.cores_per_chip.value) == (1024, 128)
    assert (second.mapped_cores.value, second.cores_per_chip.value) == (120, 128)
    assert (first.payload_max, second.payload_max) == (1, 2**24 - 1)
    assert first.state_max == second.state_max == 2**23 - 1
    assert second.neurons_per_core.standing == "inferred"
    assert second.mapped_cores.standing == "published"


def test_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match="`target` must be one of loihi1, loihi2, got 'truenorth'"):
        get_target("truenorth")


def test_a_target_is_keyed_by_its_name() -> None:
    assert all(isinstance(target, Target) and target.name == name for name, target in TARGETS.items())


def test_targets_need_nothing_heavy() -> None:
    code = "import sys, spikeseg_lava.chip.targets; print([m for m in ('numpy', 'torch', 'lava') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
