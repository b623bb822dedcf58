"""`run_stream`: a model over a recording of any length, sample by sample, spikes given out as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from numpy.typing import NDArray

from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import is_clip, load_clip
from spikeseg_lava.events.read import open_events
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.execution.samples import (
    Sample,
    SampleSource,
    StreamSettings,
    sample_of_clip,
    samples_of_events,
    samples_of_frames,
)
from spikeseg_lava.network.model import FixedPointModel, model_digest
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.spikes.spike_file import SpikeWriter

Source = Union[str, "os.PathLike[str]", Recording, EventStream, Iterable[NDArray[Any]]]
Sink = Callable[[int, SpikeRecord], None]


@dataclass(frozen=True)
class StreamSummary:
    """What a stream came to: samples and steps run, spikes of each layer, the file written.

    After a resumed run these are the samples of this call; the file holds all of them.
    """

    samples: int
    steps: int
    counts: dict[str, int]
    output: Path | None = None


def run_stream(
    model: FixedPointModel,
    source: Source,
    output: str | os.PathLike[str] | None = None,
    *,
    sink: Sink | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    **settings: Any,
) -> StreamSummary:
    """Run a model over one sample after another in bounded memory, on the event engine.

    Args:
        source: a recording (path, Recording, EventStream), cut into windows of `duration_us` microseconds and
            `timesteps` bins as `Recording.windows` cuts it; the path of a clip (`.npz`), one sample; or anything
            that yields frames Float[T, C, H, W], one array a sample (a generator, or a list).
        output: spike file to write (HDF5, see `SpikeFile`), under `<output>.partial` until it is complete; an
            interrupted run over the same recording continues where it was.
        sink: called with (number, SpikeRecord) for each sample; membranes are left out.
        progress: called with (samples done, samples in all if known).
        settings: those of `StreamSettings`: duration_us, timesteps, size, binary, start, sensor_size, reading,
            fire_once, carry_state, least_fill.

    Raises:
        RecordingError: the recording cannot be read as a stream.
        ClipError: frames do not fit the model. ArgumentError: sizes or durations that cannot be, unknown settings.
    """
    how = StreamSettings.of(settings)
    samples = sample_source(model, source, how)
    if output is None:
        return _consume(model, samples, 0, how, [sink], progress)
    if not Path(output).parent.is_dir():
        raise ArgumentError(f"`output` cannot be written: folder `{Path(output).parent}` does not exist")
    meta = stream_meta(model, samples, how)
    with SpikeWriter(output, meta, resume=samples.identity is not None) as writer:
        written = writer.samples

        def write(number: int, record: SpikeRecord) -> None:
            if number >= written:
                writer.append(record.spikes, record.meta["steps"], record.meta["start"])

        first = 0 if how.carry_state else written
        summary = _consume(model, samples, first, how, [write, sink], progress)
        writer.finish()
    return StreamSummary(summary.samples, summary.steps, summary.counts, Path(output))


def sample_source(model: FixedPointModel, source: Source, settings: StreamSettings) -> SampleSource:
    """The samples of whatever `run_stream` takes."""
    if isinstance(source, (str, os.PathLike)) and is_clip(source):
        return sample_of_clip(load_clip(source), model)
    if isinstance(source, (str, os.PathLike)):
        source = open_events(source, **settings.opening)
    if isinstance(source, Recording):
        source = EventStream.of_recording(source)
    if isinstance(source, EventStream):
        return samples_of_events(source, model, settings)
    return samples_of_frames(source, model)


def stream_meta(model: FixedPointModel, source: SampleSource, settings: StreamSettings) -> dict[str, Any]:
    """What a spike file says of its run; a file with the same facts holds the same spikes."""
    shapes = {name: list(shape) for name, shape in model.shapes(source.size).items()}
    how = {"fire_once": settings.fire_once, "carry_state": settings.carry_state}
    run = {"backend": "event", **how, "model": model_digest(model)}
    return {**run, "source": source.identity, "size": list(source.size), "layers": list(shapes), "shapes": shapes}


def planned_meta(model: FixedPointModel, source: Source, **settings: Any) -> dict[str, Any]:
    """`stream_meta` of a run that `run_stream` would make of the same arguments."""
    how = StreamSettings.of(settings)
    return stream_meta(model, sample_source(model, source, how), how)


def stream_records(
    model: FixedPointModel,
    source: SampleSource,
    settings: StreamSettings,
    first: int = 0,
    layers: Container[str] | None = None,
) -> Iterator[tuple[Sample, SpikeRecord]]:
    """Each sample from number `first` and its record, as it comes: spikes, no membranes; `meta`: steps, start.

    Args:
        layers: those whose spikes are wanted; default: all.
    """
    engine = EventEngine(model, source.size, settings.fire_once)
    for sample in source.samples(first):
        if sample.size != source.size:
            raise ArgumentError(f"`source` yields frames of {sample.size} pixels after those of {source.size}")
        if not settings.carry_state:
            engine.clear()
        yield (
            sample,
            SpikeRecord(
                engine.run_rows([sample.payloads], layers), {}, {"steps": sample.payloads.steps, "start": sample.start}
            ),
        )


def _consume(
    model: FixedPointModel,
    source: SampleSource,
    first: int,
    settings: StreamSettings,
    sinks: list[Sink | None],
    progress: Callable[[int, int | None], None] | None,
) -> StreamSummary:
    counts = dict.fromkeys(model.shapes(source.size), 0)
    done = steps = 0
    for done, (_, record) in enumerate(stream_records(model, source, settings, first), start=1):
        steps += record.meta["steps"]
        counts = {name: counts[name] + found for name, found in record.counts.items()}
        for sink in sinks:
            if sink is not None:
                sink(first + done - 1, record)
        if progress is not None:
            progress(first + done, source.total)
    return StreamSummary(done, steps, counts)
