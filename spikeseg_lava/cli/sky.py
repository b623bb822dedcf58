"""The part of `spikeseg-lava evaluate` that scores objects on made-up skies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeseg_lava.cli.console import note, progress, say, say_json, say_table
from spikeseg_lava.cli.inputs import variants_of
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.evaluation.results import Settings
    from spikeseg_lava.evaluation.sky_page import Row
    from spikeseg_lava.evaluation.sky_trials import Detector
    from spikeseg_lava.network.floats import SpikingNetwork

SKY = "Made-up sky"  # heading of the options
COLUMNS = (
    "variant", "threshold x", "satellites", "found", "fragments", "false", "precision", "recall", "F1",
    "false per hour", "centroid error (pixel)", "box overlap",
)  # fmt: skip
DERIVED = ("precision", "recall", "f1", "false_per_hour", "centroid_error", "box_overlap")
DROPPED = ("fragments", "false", "box overlap", "centroid error (pixel)", "satellites")  # where the terminal is narrow


@dataclass(frozen=True)
class Skies:
    """What is asked for: how many skies with satellites and without, of which seeds and orbits, and the page."""

    count: int
    empty: int
    seed: int
    tles: Path | None
    page: Path | None
    network: str


def evaluate_skies(
    network: SpikingNetwork, wanted: Skies, settings: Settings, backend: str, stock: bool, json: bool, explain: bool
) -> None:
    """Run every variant at every threshold on every sky; print the scores, write the page."""
    from spikeseg_lava.evaluation.scores import OBJECT_DEFINITION
    from spikeseg_lava.evaluation.sky_page import save_page, score_rows
    from spikeseg_lava.evaluation.sky_trials import SWEEP, run_trials, trials
    from spikeseg_lava.events.orbits import catalogue
    from spikeseg_lava.events.sky import LABEL, SkyParameters
    from spikeseg_lava.execution.backends import silence_expected

    lines = () if wanted.tles is None else tuple(_lines(wanted.tles))
    parameters = SkyParameters(tles=lines)
    todo = trials(wanted.count, wanted.empty, wanted.seed)
    detectors = _detectors(network, SWEEP, settings, backend, stock)
    with progress() as bar, silence_expected():
        found = run_trials(todo, parameters, detectors, settings.radius)
        results = list(bar.track(found, total=len(todo) * len(detectors), description="skies"))
    rows = score_rows(results)
    if wanted.page is not None:
        stars = "Hipparcos (van Leeuwen 2007)" if catalogue() is not None else "random, no catalogue installed"
        save_page(results, parameters, wanted.page, wanted.network, stars)
        note(f"written: {wanted.page}")
    if json:
        say_json({"label": LABEL, "definition": OBJECT_DEFINITION, "rows": [_plain(row) for row in rows]})
        return
    title = f"objects on the half of the skies that took no part in choosing the threshold ({LABEL})"
    say_table(title, COLUMNS, (_cells(row) for row in rows), DROPPED, "--json")
    if explain:
        say(OBJECT_DEFINITION)


def _detectors(
    network: SpikingNetwork, factors: Iterable[float], settings: Settings, backend: str, stock: bool
) -> dict[tuple[str, float], Detector]:
    """What finds objects, for every variant at every factor of the network's thresholds."""
    from spikeseg_lava.evaluation.evaluation import objects_in
    from spikeseg_lava.events.recording import Recording

    if stock and settings.size is None:
        raise ArgumentError("`--stock` builds neurons for frames of one size: give `--size`")

    def detect(scaled: Any, run: Any, recording: Recording) -> list[Any]:
        return objects_in(recording, scaled, run, settings).objects

    built: dict[tuple[str, float], Detector] = {}
    for factor in factors:
        scaled = network.with_scaled_thresholds(factor)
        frames = (settings.size, settings.timesteps) if stock and settings.size is not None else None
        for name, run in variants_of(scaled, settings.fire_once, backend, stock=frames).items():
            built[name, factor] = partial(detect, scaled, run)
    return built


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"`--tles` {path} cannot be read as two-line elements: {error}") from error


def _cells(row: Row) -> list[Any]:
    scores = row.scores
    rounded = [None if v is None else f"{v:.2f}" for v in (scores.precision, scores.recall, scores.f1)]
    false = None if scores.false_per_hour is None else f"{scores.false_per_hour:.0f}"
    error = None if scores.centroid_error is None else f"{scores.centroid_error:.1f}"
    overlap = None if scores.box_overlap is None else f"{scores.box_overlap:.2f}"
    counts = [scores.true, scores.found, scores.fragments, scores.false]
    return [row.variant, f"{row.factor:g}", *counts, *rounded, false, error, overlap]


def _plain(row: Row) -> dict[str, Any]:
    scores = row.scores
    derived = {n: getattr(scores, n) for n in DERIVED}
    counted = {k: v for k, v in asdict(scores).items() if k not in ("errors", "overlaps")}
    return {"variant": row.variant, "threshold_factor": row.factor, "skies": row.skies, **counted, **derived}
