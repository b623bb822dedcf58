"""Objects of recordings: one path from events to objects, partial last windows, many recordings."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from spikeseg_lava.demo.make import demo_network
from spikeseg_lava.detection.table import json_text, rows, write_csv
from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.events.synthetic import synthesize
from spikeseg_lava.execution.objects import detect_many, detect_recording
from spikeseg_lava.execution.samples import StreamSettings
from spikeseg_lava.quantization.quantize import quantize

SECOND = 1_000_000
SETTINGS = StreamSettings(SECOND, least_fill=0.5)


@pytest.fixture(scope="module")
def model():
    return quantize(demo_network(), planes=1)


@pytest.fixture(scope="module")
def recording() -> Recording:
    x, y, t, p = synthesize(SceneParameters(duration_us=3 * SECOND, speed=30, brightness=6), 3).events
    return Recording(x, y, t, p.astype(np.uint8), SceneParameters().size)


@pytest.mark.parametrize("size", [None, (64, 80)])
@pytest.mark.parametrize("fire_once", [True, False])
def test_events_through_the_kept_engine_give_the_objects_of_dense_frames(model, recording, size, fire_once):
    stream = EventStream.of_recording(recording)
    settings = replace(SETTINGS, size=size, fire_once=fire_once)
    ours = detect_recording(model, stream, settings)
    theirs = detect_recording(model, stream, settings, lambda frames: run_engine(model, frames, fire_once))
    assert json_text(ours) == json_text(theirs)
    assert ours.spikes > 20
    assert ours.objects
    np.testing.assert_array_equal(ours.saliency, theirs.saliency)


def test_objects_are_told_as_they_are_finished(model, recording):
    told = []
    found = detect_recording(model, EventStream.of_recording(recording), SETTINGS, found=told.append)
    assert told == found.objects


def shortened(recording: Recording, stop: int) -> EventStream:
    return EventStream.of_recording(recording.between(0, recording.start + stop))


@pytest.mark.parametrize(("stop", "samples"), [(2.4, 2), (2.6, 3), (0.2, 1)])
def test_a_last_window_is_left_out_below_half_unless_it_is_the_only_one(model, recording, caplog, stop, samples):
    stream = shortened(recording, int(stop * SECOND))
    with caplog.at_level(logging.WARNING):
        found = detect_recording(model, stream, SETTINGS)
    assert found.samples == samples
    assert ("the last window is left out" in caplog.text) == (stop == 2.4)
    covered = min(stop, samples if stop == 2.4 else stop)
    assert (found.end_us - found.start_us) / SECOND == pytest.approx(covered, abs=0.02)
    assert detect_recording(model, stream, replace(SETTINGS, least_fill=0.0)).samples == int(np.ceil(stop))


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_recordings_get_a_file_each_and_a_bad_one_its_reason(model, recording, tmp_path, jobs):
    events = np.stack([recording.t, recording.x, recording.y, recording.p], axis=1)
    np.save(tmp_path / "one.npy", events)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    settings = replace(SETTINGS, sensor_size=recording.size)
    files = [tmp_path / "one.npy", tmp_path / "bad.npy"]
    done = {x.source.name: x for x in detect_many(files, model, tmp_path / "out", settings, jobs=jobs)}
    alone = detect_recording(model, EventStream.of_recording(recording), settings)
    write_csv(alone, tmp_path / "alone.csv")
    assert done["bad.npy"].error is not None
    assert done["bad.npy"].error.startswith("RecordingError")
    assert not done["bad.npy"].output.exists()
    assert done["one.npy"].objects == len(alone.objects) == len(rows(alone)) > 0
    assert done["one.npy"].output.read_text() == (tmp_path / "alone.csv").read_text()
