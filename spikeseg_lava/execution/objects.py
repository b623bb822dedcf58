"""The objects of recordings: events to payloads to a kept engine to decoded samples, one in memory at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from spikeseg_lava.decoding.stages import traced_layers
from spikeseg_lava.detection.detect import Detected, Sample, detect_objects
from spikeseg_lava.detection.table import CsvWriter
from spikeseg_lava.errors import SpikeSegLavaError
from spikeseg_lava.events.read import open_events
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.execution.backends import reason_of_silence, silence
from spikeseg_lava.execution.many import output_paths
from spikeseg_lava.execution.samples import StreamSettings, frames_of_events, samples_of_events
from spikeseg_lava.execution.stream import stream_records
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

Network = SpikingNetwork | FixedPointModel
Runner = FixedPointModel | Callable[[NDArray[Any]], SpikeRecord]
"""A model, which a kept event engine runs without dense frames; or whatever runs a sample of frames."""

SUFFIX = ".objects.csv"

logger = logging.getLogger(__name__)


def recorded_samples(run: Runner, stream: EventStream, settings: StreamSettings) -> Iterator[Sample]:
    """The windows of a recording as `detect_objects` takes them."""
    stop = stream.stop + 1
    if isinstance(run, FixedPointModel):
        source = samples_of_events(stream, run, settings)
        for sample, record in stream_records(run, source, settings, layers=traced_layers(run)):
            start = sample.start or 0
            yield Sample(start, sample.size, sample.payloads, record, min(start + settings.duration_us, stop))
    else:
        for start, frames in frames_of_events(stream, settings):
            sample = Sample.of_frames(start, frames, run(frames))
            yield replace(sample, end_us=min(start + settings.duration_us, stop))


def detect_recording(
    network: Network,
    stream: EventStream,
    settings: StreamSettings,
    run: Runner | None = None,
    *,
    progress: Callable[[Iterable[Sample], int], Iterable[Sample]] | None = None,
    **detection: Any,
) -> Detected:
    """The objects of one recording.

    Args:
        network: whose weights decode the spikes.
        settings: how the recording is cut and run.
        run: what runs the samples; default: `network`, a model.
        progress: given the samples and their number, passes them on.
        detection: what `detect_objects` takes beside them.
    """
    if run is None:
        run = cast(FixedPointModel, network)
    settings = replace(settings, size=settings.size or network.input_size)
    samples: Iterable[Sample] = recorded_samples(run, stream, settings)
    if progress is not None:
        samples = progress(samples, len(settings.window_starts(stream)))
    fullest = _Fullest()
    detection["overlap"] = isinstance(run, FixedPointModel)  # another runner may fork processes
    found = detect_objects(fullest.of(samples), network, stream.size, settings.duration_us, **detection)
    sample = fullest.sample
    if not found.spikes and sample and isinstance(run, FixedPointModel) and silence.isEnabledFor(logging.WARNING):
        reason = reason_of_silence(run, sample.events, sample.size, settings.fire_once)
        if reason is not None:
            silence.warning(f"no object: {reason}")
    return found


class _Fullest:
    """Notes the sample with the most events on its way."""

    def __init__(self) -> None:
        self.sample: Sample | None = None

    def of(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            if self.sample is None or len(sample.events.index) > len(self.sample.events.index):
                self.sample = sample
            yield sample


@dataclass(frozen=True)
class FileObjects:
    """What became of one recording of many: its file of objects and their number, or why it failed."""

    source: Path
    output: Path
    objects: int = 0
    spikes: int = 0
    seconds: float = 0.0
    error: str | None = None


def detect_many(
    files: Iterable[str | os.PathLike[str]],
    model: FixedPointModel,
    output_dir: str | os.PathLike[str],
    settings: StreamSettings,
    *,
    jobs: int = 1,
    check: Callable[[EventStream, Path], None] | None = None,
    **detection: Any,
) -> Iterator[FileObjects]:
    """Objects of every recording, written to `<output_dir>/<file name>.objects.csv` as they are found.

    Args:
        jobs: how many at a time, as joblib counts (-1: one a core).
        check: called with every recording and its path; refuses by an exception.
        detection: what `detect_objects` takes beside the samples.
    """
    from joblib import Parallel, delayed

    outputs = output_paths(files, output_dir, SUFFIX)
    tasks = (delayed(_detect_one)(path, to, model, settings, check, detection) for path, to in outputs.items())
    yield from cast("Iterable[FileObjects]", Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks))


def _detect_one(
    source: Path,
    output: Path,
    model: FixedPointModel,
    settings: StreamSettings,
    check: Callable[[EventStream, Path], None] | None,
    detection: dict[str, Any],
) -> FileObjects:
    try:
        stream = open_events(source, **settings.opening)
        if check is not None:
            check(stream, source)
        with CsvWriter(output) as writer:
            found = detect_recording(model, stream, settings, found=writer.add, **detection)
    except (SpikeSegLavaError, OSError, ValueError, MemoryError) as error:
        return FileObjects(source, output, error=f"{type(error).__name__}: {error}".splitlines()[0])
    seconds = (found.end_us - found.start_us) / 1e6
    return FileObjects(source, output, len(found.objects), found.spikes, seconds)
