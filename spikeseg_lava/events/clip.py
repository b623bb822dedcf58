"""A clip: the frames of one sample, Float32[T, C, H, W], in an `.npz` file without pickles."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ClipError, RecordingError
from spikeseg_lava.events.formats.numpy_array import BROKEN_ARCHIVE, StoredArray
from spikeseg_lava.files import writing

if TYPE_CHECKING:
    from spikeseg_lava.network.floats import SpikingNetwork
    from spikeseg_lava.network.model import FixedPointModel

FRAMES = "frames"


def is_clip(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds frames: by the name of the array in it, or an ending `.npz` where it cannot be told."""
    path = Path(path)
    if not path.is_file() or not zipfile.is_zipfile(path):
        return path.suffix.lower() == ".npz"
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except BROKEN_ARCHIVE:
        return path.suffix.lower() == ".npz"
    return FRAMES in names or (path.suffix.lower() == ".npz" and not {"x", "y"} <= {name.lower() for name in names})


def load_clip(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Frames (T, C, H, W) of the clip at `path`: its array `frames`; anything else in the file is left alone.

    Values are graded spikes, zero or more: as a rule every bin divided by its own largest count.

    Raises:
        ClipError: no such file, truncated, no `.npz`, no array `frames`, or frames that are no clip.
    """
    path = Path(path)
    if not path.is_file():
        raise ClipError(f"`{path}` is not a clip: {_what_else(path)}")
    return _checked(_array(path), f"`{path}`: `{FRAMES}`")


def save_clip(path: str | os.PathLike[str], frames: NDArray[Any]) -> None:
    """Write `frames` (T, C, H, W) as float32; ClipError where they are no clip."""
    frames = _checked(np.asarray(frames), f"`{FRAMES}`")
    with writing(path) as file:
        np.savez_compressed(file, frames=frames)


def checked_frames(network: SpikingNetwork | FixedPointModel, frames: Any, finite: bool = True) -> NDArray[np.float32]:
    """The frames as Float32[T, C, H, W]; ClipError where they are none or do not fit the network.

    Without `finite` the caller sees to it that all are finite numbers: this takes as long as half a step of the engine.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or not len(frames):
        raise ClipError(f"`frames` must be (T, C, H, W) with at least one step, got shape {frames.shape}")
    if frames.dtype.kind not in "fiub" or (finite and not np.isfinite(frames).all()):
        raise ClipError("`frames` must be finite numbers")
    if frames.shape[1] != network.input_channels:
        raise ClipError(f"`frames` have {frames.shape[1]} channel(s), the network expects {network.input_channels}")
    network.shapes((frames.shape[2], frames.shape[3]))
    return np.ascontiguousarray(frames, np.float32)


def _array(path: Path) -> NDArray[Any]:
    try:
        if not zipfile.is_zipfile(path):
            raise RecordingError(f"it is no archive, or a truncated one, expected an `.npz` with an array `{FRAMES}`")
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            if FRAMES not in members:
                held = ", ".join(members) or "nothing"
                raise RecordingError(f"it holds {held}, expected an array `{FRAMES}`")
            with archive.open(members[FRAMES]) as file:
                return StoredArray.of(file, archive.getinfo(members[FRAMES]).file_size).whole()
    except (RecordingError, *BROKEN_ARCHIVE) as error:
        raise ClipError(f"`{path}` is not a clip: {_first_line(error)}") from error


def _checked(frames: NDArray[Any], label: str) -> NDArray[np.float32]:
    if frames.ndim != 4 or not frames.size:
        raise ClipError(f"{label} must be (T, C, H, W) with at least one step and pixel, got shape {frames.shape}")
    if frames.dtype.kind not in "fiub":
        raise ClipError(f"{label} must be numbers, got dtype {frames.dtype}")
    with np.errstate(over="ignore"):
        frames = np.ascontiguousarray(frames, np.float32)
    if not np.isfinite(frames).all():
        raise ClipError(f"{label} must be finite float32 numbers, got {np.sum(~np.isfinite(frames))} NaN or infinite")
    if frames.min() < 0:
        raise ClipError(f"{label} must be zero or more, got {frames.min():g}: a graded spike has no sign")
    return frames


def _what_else(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is a pipe or device, a clip must be a file" if path.exists() else "there is no such file"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
