"""`run_many`: the same model over many recordings, through joblib, so that its Dask and Ray back ends spread the work.

    with joblib.parallel_backend("dask"):                      # or "ray", or nothing: processes of this machine
        summary = run_many(files, model, output_dir="spikes", jobs=-1)

One bad file is reported at the end and stops no other; a run started again does only what is not done yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from spikeseg_lava.errors import ArgumentError, RecordError, SpikeSegLavaError
from spikeseg_lava.network.integers import FixedPointModel

SUFFIX = ".spikes.h5"
State = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class FileResult:
    """What became of one recording: its spike file and counts, or the one line that says why it failed."""

    source: Path
    output: Path
    state: State
    samples: int = 0
    counts: dict[str, int] | None = None
    error: str | None = None


@dataclass(frozen=True)
class ManyResult:
    """The results of all files, in the order they were given."""

    files: tuple[FileResult, ...]

    @property
    def failed(self) -> tuple[FileResult, ...]:
        return tuple(result for result in self.files if result.state == "failed")

    def summary(self) -> str:
        """How many files were done, skipped and failed, and one line for each that failed."""
        count = {state: sum(r.state == state for r in self.files) for state in ("done", "skipped", "failed")}
        head = f"{count['done']} done, {count['skipped']} done before, {count['failed']} failed"
        return "\n".join([head, *(f"{result.source}: {result.error}" for result in self.failed)])


def run_many(
    files: Iterable[str | os.PathLike[str]],
    model: FixedPointModel,
    output_dir: str | os.PathLike[str],
    *,
    jobs: int = 1,
    progress: Callable[[FileResult, int], None] | None = None,
    **settings: Any,
) -> ManyResult:
    """Stream every recording of `files` through `model`; spikes go to `<output_dir>/<file name>.spikes.h5`.

    Args:
        jobs: how many at a time, as joblib counts (-1: one a core); back ends of joblib set around the call are used.
        progress: called with each result as it comes, and the number of files.
        settings: what `run_stream` takes: duration_us, timesteps, size, binary, start, sensor_size, fire_once,
            carry_state.

    A complete output of the same model, settings and recording is left as it is; an unfinished one is continued.

    Raises:
        ArgumentError: no file, two files of one name, settings `run_stream` does not know, or an `output_dir` that
            cannot be made. What is wrong with a single file is in its FileResult instead.
    """
    from joblib import Parallel, delayed

    outputs = output_paths(files, output_dir)
    _check_settings(settings)
    results: dict[Path, FileResult] = {}
    tasks = (delayed(run_one)(source, output, model, settings) for source, output in outputs.items())
    finished = cast("Iterable[FileResult]", Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks))
    for result in finished:
        results[result.source] = result
        if progress is not None:
            progress(result, len(outputs))
    return ManyResult(tuple(results[source] for source in outputs))


def run_one(source: Path, output: Path, model: FixedPointModel, settings: dict[str, Any]) -> FileResult:
    """One recording; whatever goes wrong with it comes back as a result, never as an exception."""
    from spikeseg_lava.execution.stream import run_stream

    try:
        if is_complete(source, output, model, settings):
            return FileResult(source, output, "skipped")
        summary = run_stream(model, source, output, **settings)
    except (SpikeSegLavaError, OSError, ValueError, MemoryError) as error:
        return FileResult(source, output, "failed", error=f"{type(error).__name__}: {error}".splitlines()[0])
    return FileResult(source, output, "done", summary.samples, summary.counts)


def is_complete(source: Path, output: Path, model: FixedPointModel, settings: dict[str, Any]) -> bool:
    """Whether `output` holds what a run over `source` would give: same model, settings and events."""
    from spikeseg_lava.execution.stream import planned_meta
    from spikeseg_lava.spikes.spike_file import SpikeFile

    if not output.is_file():
        return False
    try:
        with SpikeFile(output) as file:
            return planned_meta(model, source, **settings).items() <= file.meta.items()
    except RecordError:
        return False


def output_paths(files: Iterable[str | os.PathLike[str]], output_dir: str | os.PathLike[str]) -> dict[Path, Path]:
    """The spike file of each recording; makes the folder. ArgumentError where two would share one."""
    sources = [Path(file) for file in ([files] if isinstance(files, (str, os.PathLike)) else files)]
    if not sources:
        raise ArgumentError("`files` is empty, expected at least one recording")
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(f"`files` holds several named {', '.join(twice[:3])}: their outputs would share one name")
    folder = Path(output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"`output_dir` {folder} cannot be made: {error.strerror}") from error
    return {source: folder / f"{source.name}{SUFFIX}" for source in sources}


def _check_settings(settings: dict[str, Any]) -> None:
    known = {"duration_us", "timesteps", "size", "binary", "start", "sensor_size", "fire_once", "carry_state"}
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise ArgumentError(f"`{unknown[0]}` is no setting of a stream, expected some of {', '.join(sorted(known))}")
