"""`run_stream`: a model over a recording of any length, sample by sample, spikes handed on as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from numpy.typing import NDArray

from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import load_clip
from spikeseg_lava.events.read import open_events
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.execution.samples import SampleSource, sample_of_clip, samples_of_events, samples_of_frames
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel, model_digest
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.spikes.spike_file import SpikeWriter

Source = Union[str, "os.PathLike[str]", Recording, EventStream, Iterable[NDArray[Any]]]
SAMPLE_US = 1_000_000  # microseconds of a sample: ten bins of 100 ms, as EBSSA is trained on
TIMESTEPS = 10

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
    duration_us: int = SAMPLE_US,
    timesteps: int = TIMESTEPS,
    size: Pair | None = None,
    binary: bool = False,
    start: int | None = None,
    sensor_size: Pair | None = None,
    fire_once: bool = True,
    carry_state: bool = False,
    sink: Sink | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> StreamSummary:
    """Run a model over one sample after another in bounded memory, on the event engine.

    Args:
        source: a recording (path, Recording, EventStream), cut into windows of `duration_us` microseconds and
            `timesteps` bins as `Recording.windows` cuts it; the path of a clip (`.npz`), one sample; or anything
            that yields frames Float[T, C, H, W], one array a sample (a generator, or a list).
        output: spike file to write (HDF5, see `SpikeFile`), under `<output>.partial` until it is complete; an
            interrupted run over the same recording continues where it was.
        size: (height, width) of the frames; default: the model's, else the sensor's.
        carry_state: keep membranes and fire-once from sample to sample instead of clearing them.
        sink: called with (number, SpikeRecord) for each sample; membranes are left out.
        progress: called with (samples done, samples in all if known).

    Raises:
        RecordingError: the recording cannot be read as a stream.
        ClipError: frames do not fit the model. ArgumentError: sizes or durations that cannot be.
    """
    binning = {"duration_us": duration_us, "timesteps": timesteps, "size": size, "binary": binary, "start": start}
    samples = sample_source(model, source, sensor_size, binning)
    if output is None:
        return _consume(model, samples, 0, fire_once, carry_state, [sink], progress)
    if not Path(output).parent.is_dir():
        raise ArgumentError(f"`output` cannot be written: folder `{Path(output).parent}` does not exist")
    meta = stream_meta(model, samples, fire_once, carry_state)
    with SpikeWriter(output, meta, resume=samples.identity is not None) as writer:
        written = writer.samples

        def write(number: int, record: SpikeRecord) -> None:
            if number >= written:
                writer.append(record.spikes, record.meta["steps"], record.meta["start"])

        first = 0 if carry_state else written
        summary = _consume(model, samples, first, fire_once, carry_state, [write, sink], progress)
        writer.finish()
    return StreamSummary(summary.samples, summary.steps, summary.counts, Path(output))


def sample_source(
    model: FixedPointModel, source: Source, sensor_size: Pair | None, binning: dict[str, Any]
) -> SampleSource:
    """The samples of whatever `run_stream` takes."""
    if isinstance(source, (str, os.PathLike)) and Path(source).suffix.lower() == ".npz":
        return sample_of_clip(load_clip(source), model)
    if isinstance(source, (str, os.PathLike)):
        source = open_events(source, sensor_size=sensor_size)
    if isinstance(source, Recording):
        source = EventStream.of_recording(source)
    if isinstance(source, EventStream):
        return samples_of_events(source, model, **binning)
    return samples_of_frames(source, model)


def stream_meta(model: FixedPointModel, source: SampleSource, fire_once: bool, carry_state: bool) -> dict[str, Any]:
    """What a spike file says of its run; a file with the same facts holds the same spikes."""
    shapes = {name: list(shape) for name, shape in model.shapes(source.size).items()}
    run = {"backend": "event", "fire_once": fire_once, "carry_state": carry_state, "model": model_digest(model)}
    return {**run, "source": source.identity, "size": list(source.size), "layers": list(shapes), "shapes": shapes}


def planned_meta(
    model: FixedPointModel,
    source: Source,
    *,
    duration_us: int = SAMPLE_US,
    timesteps: int = TIMESTEPS,
    size: Pair | None = None,
    binary: bool = False,
    start: int | None = None,
    sensor_size: Pair | None = None,
    fire_once: bool = True,
    carry_state: bool = False,
) -> dict[str, Any]:
    """`stream_meta` of a run that `run_stream` would make of the same arguments."""
    binning = {"duration_us": duration_us, "timesteps": timesteps, "size": size, "binary": binary, "start": start}
    return stream_meta(model, sample_source(model, source, sensor_size, binning), fire_once, carry_state)


def stream_records(
    model: FixedPointModel, source: SampleSource, fire_once: bool = True, carry_state: bool = False, first: int = 0
) -> Iterator[SpikeRecord]:
    """The record of each sample from number `first`, as it comes: spikes, no membranes; `meta`: steps, start."""
    engine = EventEngine(model, source.size, fire_once)
    for sample in source.samples(first):
        if sample.size != source.size:
            raise ArgumentError(f"`source` yields frames of {sample.size} pixels after those of {source.size}")
        if not carry_state:
            engine.clear()
        spikes = engine.run(sample.payloads)
        rows = {name: events.rows(engine.shapes[name]) for name, events in spikes.items()}
        yield SpikeRecord(rows, {}, {"steps": sample.payloads.steps, "start": sample.start})


def _consume(
    model: FixedPointModel,
    source: SampleSource,
    first: int,
    fire_once: bool,
    carry_state: bool,
    sinks: list[Sink | None],
    progress: Callable[[int, int | None], None] | None,
) -> StreamSummary:
    counts = dict.fromkeys(model.shapes(source.size), 0)
    done = steps = 0
    for done, record in enumerate(stream_records(model, source, fire_once, carry_state, first), start=1):
        steps += record.meta["steps"]
        counts = {name: counts[name] + found for name, found in record.counts.items()}
        for sink in sinks:
            if sink is not None:
                sink(first + done - 1, record)
        if progress is not None:
            progress(first + done, source.total)
    return StreamSummary(done, steps, counts)
