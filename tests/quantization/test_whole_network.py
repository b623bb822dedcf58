"""What an accumulator may leave out, and which of several choices of integers for a whole network is taken."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from builders.networks import one_layer, random_network

from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.quantization.calibration import Evidence, Judgement
from spikeseg_lava.quantization.options import Options
from spikeseg_lava.quantization.scales import ROUNDING, UNSEEN, ScaleLimits, highest_scale
from spikeseg_lava.quantization.setting import LayerSetting
from spikeseg_lava.quantization.validation_clips import FrameKind

module = importlib.import_module("spikeseg_lava.quantization.quantize")  # the package's name is the function
LARGEST = 2**23 - 1  # that a 24-bit accumulator and membrane hold


def test_a_smaller_part_of_the_drive_leaves_a_larger_scale_to_each_channel() -> None:
    """Weights 100 and -50, frames of 0 to 1: the worst drive is 100, theta + leak 2; 10 and 20 were seen."""
    layer = one_layer([[100.0, -50.0], [100.0, -50.0]], 1.5, 0.5).convolutions[0]
    limits = ScaleLimits(255.0, get_target("loihi2"), 10, np.array([10.0, 20.0]))
    worst, seen, firing = (
        highest_scale(layer, LayerSetting(input_bits=8, room=room), limits) for room in ("worst", "seen", "firing")
    )
    np.testing.assert_allclose(worst, LARGEST / (100 * ROUNDING), rtol=1e-6)
    np.testing.assert_allclose(seen, LARGEST / (UNSEEN * np.array([10.0, 20.0])), rtol=1e-6)
    np.testing.assert_allclose(firing, LARGEST / (2 * 2.0), rtol=1e-6)  # odd weights of both signs are doubled


def passes(worst: Sequence[float], clips: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[tuple[int, bool]]]:
    """What is taken of passes that lose as told, and of each the number of clips it knew and if it saturates."""
    left, seen = list(worst), []

    def judged(_: Any, searches: Any, __: Any, ___: Any, saturating: bool, ____: Any) -> Any:
        seen.append((searches, saturating))
        return f"pass {len(seen)}", {}, Judgement({}, {"conv1": left.pop(0)})

    monkeypatch.setattr(module, "_searches", lambda _, evidence, *__: [len(evidence.given)])
    monkeypatch.setattr(module, "_judged", judged)
    evidence = Evidence(("clip",) * clips, (), (), FrameKind())  # type: ignore[arg-type]
    options = Options(None, None, None, None, get_target("loihi2"), fidelity=0.999)
    taken = module._within_fidelity(random_network(1), evidence, options, 10, lambda *_: None)
    return taken[0], [(searches[0], saturating) for searches, saturating in seen]


@pytest.mark.parametrize(
    ("worst", "clips", "taken", "tried"),
    [
        ([0.9995], 1, "pass 1", [(1, False)]),
        ([0.9, 0.9992], 1, "pass 2", [(1, False), (1, True)]),
        ([0.9, 0.95, 0.97], 1, "pass 3", [(1, False), (1, True), (0, True)]),
        ([0.9, 0.95, 0.93], 1, "pass 2", [(1, False), (1, True), (0, True)]),
        ([0.9, 0.8, 0.85], 1, "pass 1", [(1, False), (1, True), (0, True)]),
        ([0.9, 0.95], 0, "pass 2", [(0, False), (0, True)]),
    ],
)
def test_integers_chosen_without_the_clips_compete_where_too_much_is_lost(
    monkeypatch: pytest.MonkeyPatch, worst: list[float], clips: int, taken: str, tried: list[tuple[int, bool]]
) -> None:
    assert passes(worst, clips, monkeypatch) == (taken, tried)


@pytest.mark.parametrize(
    ("graded", "floor", "known", "saturating", "rooms"),
    [
        (True, True, True, False, ["worst", "seen"]),
        (True, True, True, True, ["worst", "seen", "firing"]),
        (True, True, False, False, ["seen"]),
        (True, True, False, True, ["seen", "firing"]),
        (False, True, True, True, ["worst"]),
        (True, False, True, True, ["worst"]),
    ],
)
def test_only_graded_inputs_of_floored_neurons_may_saturate_the_accumulator(
    graded: bool, floor: bool, known: bool, saturating: bool, rooms: list[str]
) -> None:
    layer = one_layer([[100.0, -50.0]], 1.5, floor=floor).convolutions[0]
    options = Options(2, None, False, None, get_target("loihi2"))
    assert [setting.room for setting in options.settings(layer, graded, known, saturating)] == rooms
