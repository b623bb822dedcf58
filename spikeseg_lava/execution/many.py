"""`run_many`: the same model over many recordings, through joblib, so that its Dask and Ray back ends spread the work.

    with joblib.parallel_backend("dask"):                      # or "ray", or nothing: processes of this machine
        summary = run_many(files, model, output_dir="spikes", jobs=-1)

One bad file is reported at the end and stops no other; a run started again does only what is not done yet.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from spikeseg_lava.errors import ArgumentError, RecordError, printable
from spikeseg_lava.events.clip import is_clip
from spikeseg_lava.events.read import open_events
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.execution.samples import StreamSettings
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.spike_file import SpikeFile, discard_empty

if TYPE_CHECKING:
    from spikeseg_lava.execution.stream import Source

SUFFIX = ".spikes.h5"
logger = logging.getLogger(__name__)
Check = Callable[[EventStream, Path], None]
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
        return "\n".join([head, *(f"{printable(result.source)}: {result.error}" for result in self.failed)])


def run_many(
    files: Iterable[str | os.PathLike[str]],
    model: FixedPointModel,
    output_dir: str | os.PathLike[str],
    *,
    jobs: int = 1,
    progress: Callable[[FileResult, int], None] | None = None,
    check: Check | None = None,
    **settings: Any,
) -> ManyResult:
    """Stream every recording of `files` through `model`; spikes go to `<output_dir>/<file name>.spikes.h5`.

    Args:
        jobs: how many at a time, as joblib counts (-1: one a core); back ends of joblib set around the call are used.
        progress: called with each result as it comes, and the number of files.
        check: called with every recording and its path; refuses it by an exception, which is then the file's error.
        settings: those of `StreamSettings`, as `run_stream` takes them.

    A complete output of the same model, settings and recording is left as it is; an unfinished one is continued.

    Raises:
        ArgumentError: no file, two files of one name, settings `run_stream` does not know, or an `output_dir` that
            cannot be made. What is wrong with a single file is in its FileResult instead.
    """
    outputs = output_paths(files, output_dir)
    StreamSettings.of(settings)
    results: dict[Path, FileResult] = {}
    with contextlib.closing(
        _finished(outputs, partial(run_one, model=model, settings=settings, check=check), _workers(jobs, len(outputs)))
    ) as finished:
        for result in finished:
            results[result.source] = result
            if progress is not None:
                progress(result, len(outputs))
    return ManyResult(tuple(results[source] for source in outputs))


def run_one(
    source: Path, output: Path, model: FixedPointModel, settings: dict[str, Any], check: Check | None = None
) -> FileResult:
    """One recording; whatever goes wrong with it comes back as a result, never as an exception."""
    from spikeseg_lava.execution.stream import run_stream

    try:
        opened = source if is_clip(source) else open_events(source, **StreamSettings.of(settings).opening)
        if check is not None and isinstance(opened, EventStream):
            check(opened, source)
        if is_complete(opened, output, model, settings):
            return FileResult(source, output, "skipped")
        summary = run_stream(model, opened, output, **settings)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of a Rust library is no Exception
        return FileResult(source, output, "failed", error=printable(f"{type(error).__name__}: {error}"))
    return FileResult(source, output, "done", summary.samples, summary.counts)


def _finished(
    outputs: dict[Path, Path], one: Callable[[Path, Path], FileResult], jobs: int
) -> Generator[FileResult, None, None]:
    """The results as they come. A worker that is killed takes what the others do with it, which is then done again."""
    waiting, begun = dict(outputs), set[Path]()
    try:
        while waiting:
            try:
                for result in _together(dict(waiting), one, jobs, begun):
                    del waiting[result.source]
                    yield result
            except Exception as error:  # of the workers; a recording never raises one
                again = {source: waiting[source] for source in waiting if source in begun} or dict(waiting)
                logger.warning(f"a worker was lost, {len(again)} file(s) are run one by one: {printable(error)}")
                for result in _one_by_one(again, one):
                    del waiting[result.source]
                    yield result
    except BaseException:
        for output in waiting.values():
            discard_empty(output)
        raise


def _together(
    outputs: dict[Path, Path], one: Callable[[Path, Path], FileResult], jobs: int, begun: set[Path]
) -> Iterator[FileResult]:
    """The results of joblib's workers; `begun` takes the files that were handed to them."""
    from joblib import Parallel, delayed

    def tasks() -> Iterator[Any]:
        for source, output in outputs.items():
            begun.add(source)
            yield delayed(one)(source, output)

    parallel: Any = Parallel(jobs, return_as="generator_unordered", batch_size=cast(Any, 1))
    finished = parallel(tasks())
    try:
        yield from finished
    finally:
        with warnings.catch_warnings():  # joblib warns of what it aborts
            warnings.simplefilter("ignore")
            finished.close()


def _one_by_one(outputs: dict[Path, Path], one: Callable[[Path, Path], FileResult]) -> Iterator[FileResult]:
    """Each recording in a process that may die without harm to the others."""
    from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

    for source, output in outputs.items():
        executor = ProcessPoolExecutor(max_workers=1)
        try:
            yield executor.submit(one, source, output).result()
        except BrokenProcessPool as error:
            signals = ", ".join(re.findall(r"SIG[A-Z]+", str(error))) or "an unknown cause"
            reason = f"its process was killed ({signals}): not enough memory, or a library that crashed"
            yield FileResult(source, output, "failed", error=reason)
        finally:
            executor.shutdown(wait=True, kill_workers=True)


def _workers(jobs: int, files: int) -> int:
    """As many workers as joblib makes of `jobs`, but no more than files."""
    from joblib import effective_n_jobs

    if jobs == 0:
        raise ArgumentError("`jobs` must be a number of processes, or -1 for one a core, got 0")
    return min(effective_n_jobs(jobs), files)


def is_complete(source: Source, output: Path, model: FixedPointModel, settings: dict[str, Any]) -> bool:
    """Whether `output` holds what a run over `source` would give: same model, settings and events."""
    from spikeseg_lava.execution.stream import planned_meta

    if not output.is_file():
        return False
    try:
        with SpikeFile(output) as file:
            return planned_meta(model, source, **settings).items() <= file.meta.items()
    except RecordError:
        return False


def output_paths(
    files: Iterable[str | os.PathLike[str]], output_dir: str | os.PathLike[str], suffix: str = SUFFIX
) -> dict[Path, Path]:
    """The output file of each recording; makes the folder. ArgumentError where two would share one."""
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
    return {source: folder / f"{source.name}{suffix}" for source in sources}
