"""Recordings with ground truth: the EBSSA folder, or synthetic passes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Labels, Recording
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.synthetic import Scene, synthesize
from spikeseg_lava.network.floats import Pair

LABELLED = "labelled data"
CAMERA = re.compile(r"(?:^|(?<=[_\-. ]))(atis|davis)(?=$|[_\-. ])", re.IGNORECASE)
LABEL_STEP_US = 20_000


@dataclass(frozen=True)
class Source:
    """One recording to evaluate.

    Attributes:
        name: unique in a data set, e.g. the file's name without its ending.
        pass_name: the pass it shows; recordings of one pass by two cameras at once share it.
        camera: "atis", "davis", or "" where the name does not say.
        read: gives the recording with its labels.
    """

    name: str
    pass_name: str
    camera: str
    read: Callable[[], Recording]


def find_sources(folder: str | os.PathLike[str], sensor_size: Pair | None = None, **reading: Any) -> list[Source]:
    """The recordings of a folder in the layout of EBSSA: `Labelled Data/*.mat`, or `*.mat` in the folder itself.

    EBSSA was recorded by an ATIS and a DAVIS side by side: `..._atis_...` and `..._davis_...` of one pass differ in
    that word only and share their `pass_name`. `reading` are further options of `read_recording`.

    Raises:
        RecordingError: the folder is missing or holds no `.mat` file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RecordingError(f"`{root}` is not a folder")
    inside = [part for part in root.iterdir() if part.is_dir() and part.name.lower().replace("_", " ") == LABELLED]
    files = sorted(path for place in (inside or [root]) for path in place.iterdir() if path.suffix.lower() == ".mat")
    if not files:
        raise RecordingError(f"`{root}` holds no recording: expected `Labelled Data/*.mat` or `*.mat`")
    return [_source_of(path, {**reading, "sensor_size": sensor_size}) for path in files]


def _source_of(path: Path, reading: dict[str, Any]) -> Source:
    camera = CAMERA.search(path.stem)
    pass_name = re.sub(r"[_\-. ]{2,}", "_", CAMERA.sub("", path.stem)).strip("_-. ")
    read = partial(read_recording, path, **reading)
    return Source(path.stem, pass_name or path.stem, camera.group(1).lower() if camera else "", read)


def split(sources: Sequence[Source], share: float, seed: int = 0) -> tuple[list[Source], list[Source]]:
    """Two parts, the first of about `share` of the passes, picked at random; a pass is never torn apart.

    Raises:
        ArgumentError: `share` does not lie between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ArgumentError(f"`share` must lie between 0 and 1, got {share}")
    passes = sorted({source.pass_name for source in sources})
    order = np.random.default_rng(seed).permutation(len(passes))
    chosen = {passes[k] for k in order[: round(share * len(passes))]}
    return [s for s in sources if s.pass_name in chosen], [s for s in sources if s.pass_name not in chosen]


def synthetic_sources(count: int, seed: int = 0, plan: SceneParameters | None = None) -> list[Source]:
    """`count` synthetic recordings with ground truth, made when they are read; seeds are `seed`, `seed` + 1, ...

    Args:
        plan: sensor, duration, speed, brightness, noise, stars, hot pixels; default: `SceneParameters()`.

    Raises:
        ArgumentError: `count` below 1.
    """
    if count < 1:
        raise ArgumentError(f"`count` must be at least 1, got {count}")
    plan = plan or SceneParameters()
    names = [f"synthetic_{seed + k:04d}" for k in range(count)]
    return [Source(name, name, "", partial(_synthetic, plan, seed + k)) for k, name in enumerate(names)]


def _synthetic(plan: SceneParameters, seed: int) -> Recording:
    scene = synthesize(plan, seed)
    x, y, t, p = scene.events
    source = {"format": "synthetic", "seed": seed}
    recording = Recording(x, y, t, p.astype(np.uint8), plan.size, source=source)
    return replace(recording, labels=labels_of_scene(scene))


def labels_of_scene(scene: Scene) -> Labels:
    """A label every 20 ms while an object is on the sensor."""
    times = np.arange(0, scene.plan.duration_us, LABEL_STEP_US)
    height, width = scene.plan.size
    positions = scene.truth.positions(times)
    inside = ((positions > -0.5) & (positions < (width - 0.5, height - 0.5))).all(axis=-1)
    object_id, k = np.nonzero(inside)
    x, y = positions[inside].T
    return Labels(x, y, times[k].astype(np.int64), object_id.astype(np.int64) + 1)
