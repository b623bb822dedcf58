"""Trials on made-up skies: the threshold is chosen on one half and scored on the other, and the page says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.evaluation.scores import ObjectScores
from spikeseg_lava.evaluation.sky_page import render_page, score_rows
from spikeseg_lava.evaluation.sky_trials import (
    Half,
    Trial,
    TrialResult,
    best_factor,
    detection_by,
    recording_of,
    run_trials,
    summed,
    trials,
)
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.sky import SkyObject, SkyParameters, make_sky

PARAMETERS = SkyParameters(size=(48, 64), duration_us=1_000_000, background=12.0, noise_rate=0.02, hot_pixels=1)


def result(
    half: Half, factor: float, scores: ObjectScores, seen: tuple[bool, ...] = (), *magnitudes: float
) -> TrialResult:
    satellites = tuple(SkyObject("s", m, 10.0) for m in magnitudes)
    return TrialResult(Trial(0, half, False), "float", factor, scores, satellites, seen)


def oracle(recording: Recording) -> list[DetectedObject]:
    """Finds the truth: it makes the sky again from the seed that the recording carries."""
    sky = make_sky(PARAMETERS, int(recording.source["seed"]))
    return [
        DetectedObject(k, (Sighting(0, 1_000_000, 0, (0, 0, 1, 1), tuple(track.positions(5e5)), 3),))
        for k, track in enumerate(sky.truth.tracks, 1)
    ]


def test_skies_alternate_between_the_halves_and_every_seed_is_used_once() -> None:
    todo = trials(4, 3, seed=10)
    assert [t.seed for t in todo] == list(range(10, 17))
    assert [t.half for t in todo if not t.empty] == ["choosing", "scoring"] * 2
    assert [t.half for t in todo if t.empty] == ["choosing", "scoring", "choosing"]
    with pytest.raises(ArgumentError, match="`count`"):
        trials(1, 0)


def test_who_knows_the_truth_finds_everything_and_who_is_blind_nothing() -> None:
    todo = trials(4, 0)
    detectors = {("oracle", 1.0): oracle, ("blind", 1.0): lambda recording: []}
    results = list(run_trials(todo, PARAMETERS, detectors, radius=4.0))
    assert len(results) == 8
    found, missed = summed(results, "oracle")[1.0], summed(results, "blind")[1.0]
    assert found.true >= 4
    assert (found.recall, found.precision) == (1, 1)
    assert missed.recall == 0


def test_objects_in_an_empty_sky_are_false_alarms() -> None:
    results = list(run_trials([Trial(3, "scoring", True)], PARAMETERS, {("oracle", 1.0): oracle}, radius=4.0))
    assert results[0].scores.false_per_hour == 3600  # one object in one second
    assert results[0].satellites == ()


def test_the_threshold_is_chosen_without_the_half_that_scores() -> None:
    good, bad = ObjectScores(true=2, found=2), ObjectScores(true=2, found=0)
    results = [
        result("choosing", 1.0, good), result("choosing", 2.0, bad),
        result("scoring", 1.0, bad), result("scoring", 2.0, good),
    ]  # fmt: skip
    assert best_factor(results, "float") == 1.0
    (row,) = score_rows(results)
    assert (row.factor, row.scores.recall) == (1.0, 0)


def test_of_equal_scores_the_one_with_fewer_false_alarms_is_chosen() -> None:
    loud = ObjectScores(true=1, found=1, empty_false=5, empty_seconds=10)
    quiet = ObjectScores(true=1, found=1, empty_false=1, empty_seconds=10)
    assert best_factor([result("choosing", 1.0, loud), result("choosing", 0.5, quiet)], "float") == 0.5


def test_detections_are_counted_by_bin_and_the_last_edge_belongs_to_the_last_bin() -> None:
    results = [result("scoring", 1.0, ObjectScores(), (True, False, True, True), 4.0, 5.0, 6.0, 8.0)]
    assert detection_by(results, lambda o: o.magnitude, [4.0, 6.0, 8.0]) == [(4.0, 6.0, 2, 1), (6.0, 8.0, 2, 2)]


def test_the_page_says_that_the_sky_is_made_up_and_shows_every_variant() -> None:
    detectors = {(name, f): oracle for name in ("float", "<fixed & point>") for f in (0.5, 1.0)}
    results = list(run_trials(trials(4, 2), PARAMETERS, detectors, radius=4.0))
    page = render_page(results, PARAMETERS, "net <1>", "random")
    assert page.count("no camera saw it") >= 5  # the page and each of its four curves
    assert "net &lt;1&gt;" in page
    assert "&lt;fixed &amp; point&gt;" in page
    assert page.count("<svg") == 4


def test_a_sky_becomes_a_recording_that_says_where_it_is_from() -> None:
    recording = recording_of(make_sky(PARAMETERS, 2), 2)
    assert recording.source["format"] == "synthetic sky"
    assert (np.diff(recording.t) >= 0).all()


def test_a_sweep_of_ten_skies_finds_satellites_with_floats_and_integers(cli: Any, tmp_path: Path) -> None:
    told = cli("evaluate", "--sky", "10", "--empty", "2", "--page", str(tmp_path / "sky.html"), "--json")
    assert told.code == 0, told.err
    assert "never spiked" not in told.err  # at the highest thresholds of a sweep that is no news
    rows = {row["variant"]: row for row in json.loads(told.out)["rows"]}
    assert set(rows) == {"float", "fixed-point"}
    assert all(row["true"] == 5 and row["f1"] > 0.7 for row in rows.values())
    assert abs(rows["float"]["found"] - rows["fixed-point"]["found"]) <= 1
    assert "no camera saw it" in (tmp_path / "sky.html").read_text(encoding="utf-8")
