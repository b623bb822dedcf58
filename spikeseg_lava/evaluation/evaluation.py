"""Run networks over labelled recordings, one after another, and keep every result as it comes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.evaluation.results import Result, ResultsFile, Settings, Skipped
from spikeseg_lava.evaluation.scores import score_objects
from spikeseg_lava.evaluation.sources import Source
from spikeseg_lava.evaluation.volumes import count_volumes, paths_of
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.execution.objects import Runner, detect_recording
from spikeseg_lava.execution.samples import StreamSettings
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel, network_digest

DEFAULT = Settings()


def evaluate(
    sources: Sequence[Source],
    runners: Mapping[str, Runner],
    network: SpikingNetwork | FixedPointModel,
    settings: Settings = DEFAULT,
    path: str | os.PathLike[str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Result | Skipped]:
    """Results one by one: for every recording those of all networks.

    With `path` the results are also kept in that file, complete at any moment: after an interruption the same call
    goes on where it stopped, and first gives the results it finds there.

    Args:
        sources: recordings with labels; those without are skipped with a reason, as are unreadable ones.
        runners: name of a network (float, fixed-point, lowered, ...) -> the model, which a kept event engine runs, or
            whatever runs one sample of frames on it.
        network: whose weights decode the records of all of them.
        path: a JSON file; default: none.
        facts: what else must be the same to go on with the results of `path`, JSON-compatible (`fire_once`, ...).

    Raises:
        ArgumentError: no runner, or `path` holds results of another network, other settings or other facts.
    """
    if not runners:
        raise ArgumentError("`runners` is empty: nothing to evaluate")
    kept = ResultsFile(path, {**asdict(settings), "network": network_digest(network)[:16], **(facts or {})})
    for source in sources:
        known = {name: kept.results.get((source.name, name)) for name in runners}
        yield from (result for result in known.values() if result is not None)
        missing = [name for name, result in known.items() if result is None]
        if missing:
            yield from kept.keep(_evaluate_source(source, {name: runners[name] for name in missing}, network, settings))


def _evaluate_source(
    source: Source, runners: Mapping[str, Runner], network: SpikingNetwork | FixedPointModel, settings: Settings
) -> Iterator[Result | Skipped]:
    try:
        recording = source.read()
    except RecordingError as error:
        yield Skipped(source.name, str(error))
        return
    if recording.labels is None:
        yield Skipped(source.name, "it has no labels")
    elif not len(recording):
        yield Skipped(source.name, "it holds no event")
    else:
        for name, run in runners.items():
            yield _judge(source, recording, name, run, network, settings)


def _judge(
    source: Source,
    recording: Recording,
    name: str,
    run: Runner,
    network: SpikingNetwork | FixedPointModel,
    settings: Settings,
) -> Result:
    stream, cut = EventStream.of_recording(recording), _cut(recording, settings)
    detected = objects_in(recording, network, run, settings)
    sightings = [s for found in detected.objects for s in found.sightings]
    paths = [] if recording.labels is None else paths_of(recording.labels)
    starts = cut.window_starts(stream)
    counts, seen = count_volumes(sightings, paths, recording.size, starts, settings.duration_us, settings.radius)
    seconds = len(starts) * settings.duration_us / 1e6
    scores, _ = score_objects(detected.objects, paths, settings.radius, seconds)
    return Result(source.name, source.pass_name, source.camera, name, counts, detected.spikes, tuple(seen), scores)


def objects_in(
    recording: Recording, network: SpikingNetwork | FixedPointModel, run: Runner, settings: Settings
) -> Detected:
    """What `run` finds in a recording that is cut and decoded as `settings` say."""
    return detect_recording(
        network,
        EventStream.of_recording(recording),
        _cut(recording, settings),
        run,
        pool_winners=settings.pool_winners,
        tau=settings.tau,
        max_distance=settings.max_distance,
        min_spikes=settings.min_spikes,
    )


def _cut(recording: Recording, settings: Settings) -> StreamSettings:
    return StreamSettings(
        settings.duration_us,
        settings.timesteps,
        settings.size or recording.size,
        settings.binary,
        fire_once=settings.fire_once,
        least_fill=settings.least_fill,
    )
