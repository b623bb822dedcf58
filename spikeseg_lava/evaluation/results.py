"""How an evaluation is done, what comes of it, and the file that keeps it.

The file holds settings, definition and the results so far; with every result it is written aside and renamed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikeseg_lava.decoding.stages import CAUSAL
from spikeseg_lava.errors import ArgumentError, printable
from spikeseg_lava.evaluation.scores import ObjectScores
from spikeseg_lava.evaluation.volumes import DEFINITION, Counts
from spikeseg_lava.execution.samples import LEAST_FILL
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import Pair


@dataclass(frozen=True)
class Settings:
    """How recordings are cut, run, decoded and judged.

    Attributes:
        duration_us: length of a sample, microseconds.
        timesteps: steps of a sample.
        size: (height, width) of the frames; None: the sensor's own.
        binary: frames say whether there was an event, instead of how many.
        radius: how far a detection may be from a labelled path, in pixels of the sensor.
        pool_winners, tau, max_distance, min_spikes: see `detect_objects`.
        fire_once: a neuron of a model fires at most once per sample; other runners have their own way.
        least_fill: see `StreamSettings`.
    """

    duration_us: int = 1_000_000
    timesteps: int = 10
    size: Pair | None = (128, 128)
    binary: bool = False
    radius: float = 6.0
    pool_winners: str = CAUSAL
    tau: float = 0.1
    max_distance: float = 12.0
    min_spikes: int = 1
    fire_once: bool = True
    least_fill: float = LEAST_FILL

    def __post_init__(self) -> None:
        if not 0 < self.radius < 10_000:
            raise ArgumentError(f"`radius` must be a positive number of pixels, got {self.radius}")


NO_OBJECTS = ObjectScores()


@dataclass(frozen=True)
class Result:
    """What one network did on one recording.

    Attributes:
        seen: for every label volume, by sample and then object, whether it was detected; the same order for all
            networks, so that they can be compared volume by volume.
        objects: the same recording scored object by object.
    """

    recording: str
    pass_name: str
    camera: str
    network: str
    counts: Counts
    spikes: int
    seen: tuple[bool, ...]
    objects: ObjectScores = NO_OBJECTS


@dataclass(frozen=True)
class Skipped:
    """A recording that could not be evaluated, and why."""

    recording: str
    reason: str


VERSION = 1


class ResultsFile:
    """Results by (recording, network); with a path, kept in that file."""

    def __init__(self, path: str | os.PathLike[str] | None, settings: Mapping[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        self.settings: dict[str, Any] = json.loads(json.dumps(dict(settings)))
        self.results: dict[tuple[str, str], Result] = {}
        self.skipped: dict[str, Skipped] = {}
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def keep(self, results: Iterable[Result | Skipped]) -> Iterator[Result | Skipped]:
        """The same results, each written before it is passed on."""
        for result in results:
            if isinstance(result, Skipped):
                self.skipped[result.recording] = result
            else:
                self.results[result.recording, result.network] = result
                self.skipped.pop(result.recording, None)
            self._write()
            yield result

    def _write(self) -> None:
        if self.path is None:
            return
        document = {
            "evaluation": VERSION,
            "settings": self.settings,
            "definition": DEFINITION.splitlines(),
            "results": [asdict(result) for result in self.results.values()],
            "skipped": [asdict(skipped) for skipped in self.skipped.values()],
        }
        with writing(self.path) as file:
            file.write(json.dumps(document, indent=1).encode())

    def _read(self, path: Path) -> None:
        try:
            if not path.is_file():
                raise ValueError("it is no ordinary file")
            document = json.loads(path.read_text())
            version, settings = document["evaluation"], dict(document["settings"])
            results = [_result(entry) for entry in document["results"]] if version == VERSION else []
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = printable(f"{type(error).__name__}: {error}")
            raise ArgumentError(f"`{path}` exists and is no evaluation: name another file ({reason})") from error
        if version != VERSION or settings != self.settings:
            names = sorted({*self.settings, *settings})
            changed = [name for name in names if settings.get(name) != self.settings.get(name)] or ["version"]
            raise ArgumentError(
                f"`{path}` holds an evaluation with other settings ({printable(', '.join(changed))}): name another "
                "file, or the same settings to go on"
            )
        self.results = {(result.recording, result.network): result for result in results}


def _result(entry: dict[str, Any]) -> Result:
    """One result; ValueError where a field is of another kind than an evaluation writes."""
    scores: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.get("objects", {}).items()}
    parts = {"counts": Counts(**entry["counts"]), "seen": tuple(entry["seen"]), "objects": ObjectScores(**scores)}
    result = Result(**{**entry, **parts})
    texts = (result.recording, result.pass_name, result.camera, result.network)
    numbers = (result.spikes, *asdict(result.counts).values())
    if not all(isinstance(value, str) for value in texts) or not all(isinstance(n, (int, float)) for n in numbers):
        raise ValueError("a result whose names are no texts or whose counts are no numbers")
    return result
