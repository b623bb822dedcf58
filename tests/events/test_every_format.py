"""One scene in every format: read alike, streamed alike, from a pipe too, and damaged files never do harm."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.recording_files import RECORDING_FILES
from builders.recordings import assert_same_events, small_events

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.cleaning import cleaned
from spikeseg_lava.events.formats.camera import faery_blocks
from spikeseg_lava.events.formats.hdf5 import hdf5_blocks, mat73_blocks
from spikeseg_lava.events.raw_events import from_tree
from spikeseg_lava.events.read import open_events, read_recording
from spikeseg_lava.events.repair import RecordingWarning
from spikeseg_lava.isolation import read_apart

# Of the mutations of each format: with 1 all together take less than a minute, with 100 a hundred times as long.
MORE = int(os.environ.get("SPIKESEG_LAVA_FUZZ", "1"))
SLOWEST = 20.0  # seconds for one damaged file
APART: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "group.h5": (hdf5_blocks, (None, 1000)),
    "v73.mat": (mat73_blocks, (1000,)),
    "dv.aedat4": (faery_blocks, ("aedat", 1000)),
    "stream.es": (faery_blocks, ("es", 1000)),
}


@pytest.fixture(params=RECORDING_FILES)
def path(request: pytest.FixtureRequest, tmp_path: Path, events: SimpleNamespace) -> Path:
    """A file of every format, of the same events."""
    RECORDING_FILES[request.param](tmp_path / request.param, events)
    return tmp_path / request.param


def test_the_same_events_come_out_of_every_format(path: Path, events: SimpleNamespace) -> None:
    recording, stream = read_recording(path, sensor_size=events.size), open_events(path, sensor_size=events.size)
    assert_same_events(recording, events)
    assert recording.repairs == {}
    assert_same_events(stream.recording(), events)
    assert (stream.source, stream.repairs) == (recording.source, {})


def test_a_file_of_another_name_is_known_by_its_content(path: Path, events: SimpleNamespace) -> None:
    other = path.rename(path.with_name("recording.other"))
    if path.suffix == ".bin":  # five bytes an event and nothing else
        with pytest.raises(ArgumentError, match="suffix"):
            read_recording(other)
        return
    assert_same_events(read_recording(other, sensor_size=events.size), events)


def test_a_pipe_is_as_good_as_a_file(path: Path, events: SimpleNamespace) -> None:
    pipe = path.with_name(f"pipe{path.suffix}")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    recording = read_recording(pipe, sensor_size=events.size)
    writer.join()
    assert_same_events(recording, events)


def test_a_pipe_nobody_writes_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a.raw")
    monkeypatch.setattr("spikeseg_lava.events.read.PIPE_PATIENCE", 0.1)
    with pytest.raises(RecordingError, match="named pipe, and nobody has written"):
        read_recording(tmp_path / "a.raw")


@pytest.mark.parametrize("suffix", ["raw", "npy", "txt"])
def test_devices_and_folders_are_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"folder.{suffix}").mkdir()
    (tmp_path / f"link.{suffix}").symlink_to("/dev/zero")
    for name in ("folder", "link"):
        with pytest.raises(RecordingError, match="is no file"):
            read_recording(tmp_path / f"{name}.{suffix}")


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`data` damaged in as many ways: bits, bytes, fields of 4 bytes, cuts, insertions, parts twice or elsewhere."""
    draw = random.Random(seed)
    extremes = [
        b"\xff" * 4,
        b"\x00" * 4,
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x00\x00\x00\x80",
        b"\x01\x00\x00\x00",
    ]
    for _ in range(count):
        damaged = bytearray(data)
        for _ in range(draw.choice((1, 1, 1, 2, 5, 30))):
            # Most of what decides lies at the beginning.
            place = (
                min(int(draw.paretovariate(0.5)) - 1, len(damaged))
                if draw.random() < 0.5
                else draw.randint(0, len(damaged))
            )
            way = draw.randrange(6)
            part = bytes(damaged[place : place + draw.randint(1, 64)])
            if way == 0 and place < len(damaged):
                damaged[place] ^= 1 << draw.randrange(8)
            elif way == 1 and place < len(damaged):
                damaged[place] = draw.randrange(256)
            elif way == 2:
                damaged[place : place + 4] = draw.choice(extremes)
            elif way == 3 and draw.random() < 0.3:
                del damaged[place:]
            elif way == 4:
                damaged[place:place] = draw.randbytes(draw.randint(1, 16)) if draw.random() < 0.5 else part
            else:
                damaged[place : place + len(part)] = damaged[-len(part) :]
        yield bytes(damaged)


def check(outcome: Any) -> None:
    """A recording, or a RecordingError of one line."""
    refusal = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", RecordingWarning)
            recording = outcome()
        assert len(recording) > 0
        assert np.all(np.diff(recording.t) >= 0)
    except RecordingError as error:
        refusal = str(error)
    assert "\n" not in refusal


@pytest.mark.parametrize("name", [name for name in RECORDING_FILES if name not in APART])
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, name: str) -> None:
    RECORDING_FILES[name](tmp_path / name, small_events(120))
    for damaged in mutations((tmp_path / name).read_bytes(), 150 * MORE, seed=len(name)):
        (tmp_path / name).write_bytes(damaged)
        begin = time.perf_counter()
        check(lambda: read_recording(tmp_path / name))
        check(lambda: open_events(tmp_path / name).recording())
        assert time.perf_counter() - begin < SLOWEST


def each(module: str, function: str, paths: list[str], arguments: list[Any]) -> Iterator[Any]:
    """Blocks of each file in turn, or the error it gives: many files in one child, for one a file is too slow here."""
    import importlib

    for path in paths:
        try:
            yield list(getattr(importlib.import_module(module), function)(path, *arguments))
        except RecordingError as error:
            yield str(error)


@pytest.mark.parametrize("name", APART)
def test_a_damaged_file_for_a_child_process_is_read_or_refused(tmp_path: Path, name: str) -> None:
    RECORDING_FILES[name](tmp_path / name, small_events(120))
    reader, arguments = APART[name]
    paths = []
    for k, damaged in enumerate(mutations((tmp_path / name).read_bytes(), 150 * MORE, seed=len(name))):
        paths.append(str(tmp_path / f"{k}{Path(name).suffix}"))
        Path(paths[-1]).write_bytes(damaged)
    read = 0
    while paths:
        items = read_apart(
            each, reader.__module__, reader.__name__, paths, arguments, error=RecordingError, seconds=SLOWEST
        )
        try:
            for item in items:
                paths.pop(0)
                if isinstance(item, str):
                    assert "\n" not in item
                    continue
                read += 1
                blocks = [from_tree(tree) for tree in item]
                check(lambda blocks=blocks: cleaned(lambda: blocks, name, "x", None, None)[0].recording())
        except RecordingError:  # the child crashed at one file: `read_recording` would have said so
            paths.pop(0)
    assert read > 0
