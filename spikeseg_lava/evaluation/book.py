"""The file of an evaluation: settings, definition, results so far. Rewritten aside and renamed with every result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.evaluation.counts import Counts
from spikeseg_lava.evaluation.results import Result, Settings, Skipped
from spikeseg_lava.evaluation.volumes import DEFINITION
from spikeseg_lava.files import writing

VERSION = 1


class Book:
    """Results by (recording, network); with a path, kept in that file."""

    def __init__(self, path: str | os.PathLike[str] | None, settings: Settings) -> None:
        self.path = None if path is None else Path(path)
        self.settings: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
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
            document = json.loads(path.read_text())
            version, settings = document["evaluation"], document["settings"]
            results = [_result(entry) for entry in document["results"]] if version == VERSION else []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArgumentError(f"`{path}` exists and is no evaluation: name another file ({error!r})") from error
        if version != VERSION or settings != self.settings:
            changed = [name for name, value in self.settings.items() if settings.get(name) != value] or ["version"]
            raise ArgumentError(
                f"`{path}` holds an evaluation with other settings ({', '.join(changed)}): name another file, or the "
                "same settings to go on"
            )
        self.results = {(result.recording, result.network): result for result in results}


def _result(entry: dict[str, Any]) -> Result:
    return Result(**{**entry, "counts": Counts(**entry["counts"]), "seen": tuple(entry["seen"])})
