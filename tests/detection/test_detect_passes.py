"""Two synthetic passes are found as two objects, on their paths and at their speeds; the results as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from spikeseg_lava.demo.make import demo_network
from spikeseg_lava.detection.detect import detect_objects
from spikeseg_lava.detection.table import COLUMNS, rows, write_csv, write_json
from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.events.synthetic import synthesize
from spikeseg_lava.execution.objects import detect_recording
from spikeseg_lava.execution.samples import StreamSettings
from torch_reference import run_reference

WINDOW = 1_600_000
NETWORK = demo_network()


@pytest.fixture(scope="module")
def scene():
    return synthesize(SceneParameters(duration_us=3 * WINDOW, passes=2, speed=20, brightness=6, noise_rate=0.3), 3)


def found_in(scene, size=None, **settings):
    x, y, t, p = scene.events
    recording = Recording(x, y, t, p.astype(np.uint8), scene.plan.size)
    cut, stream = StreamSettings(WINDOW, 16, size), EventStream.of_recording(recording)
    return detect_recording(NETWORK, stream, cut, lambda frames: run_reference(NETWORK, frames), **settings)


@pytest.fixture(scope="module")
def found(scene):
    return found_in(scene, min_spikes=5)


def test_each_pass_is_one_object_at_its_speed(scene, found):
    assert found.samples == 3
    assert len(found.objects) == 2
    for track in scene.truth.tracks:
        errors = [np.hypot(*np.subtract(o.velocity, track.velocity)) for o in found.objects]
        nearest = found.objects[int(np.argmin(errors))]
        assert min(errors) < 5
        assert np.median([distance(track, sighting) for sighting in nearest.sightings]) < 8


def distance(track, sighting) -> float:
    """Pixels from the path flown since half a second before the sighting."""
    return track.distances(*sighting.centroid, sighting.start_us - 5e5, sighting.end_us)


def test_spikes_add_up(found, scene):
    everything = found_in(scene)
    assert everything.spikes - everything.unlocated == sum(o.spikes for o in everything.objects) > 50
    assert found.saliency.shape == scene.plan.size
    assert found.saliency.max() > 0
    assert found.start_us == scene.events.t[0]


def test_decoding_beside_the_next_sample_changes_nothing(scene):
    frames = [np.roll(scene_frames(scene), shift, axis=3) for shift in (0, 9, 30)]
    samples = [(k * WINDOW, frame, run_reference(NETWORK, frame)) for k, frame in enumerate(frames)]
    alone, beside = (
        detect_objects(samples, NETWORK, scene.plan.size, WINDOW, overlap=overlap) for overlap in (False, True)
    )
    assert alone.samples == beside.samples == 3
    assert rows(alone) == rows(beside) != []
    np.testing.assert_array_equal(alone.saliency, beside.saliency)


def test_an_error_beside_the_next_sample_arrives(scene):
    frames = scene_frames(scene)
    record = run_reference(NETWORK, frames)
    record = replace(record, spikes={"conv3": record.spikes["conv3"]})
    with pytest.raises(RecordError, match="conv2"):
        detect_objects([(0, frames, record)] * 2, NETWORK, scene.plan.size, WINDOW, overlap=True)


def scene_frames(scene):
    x, y, t, p = scene.events
    return Recording(x, y, t, p.astype(np.uint8), scene.plan.size).to_frames(16)


def test_csv_and_json_hold_the_rows(found, tmp_path):
    write_csv(found, tmp_path / "o.csv")
    write_json(found, tmp_path / "o.json")
    table = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text())))
    document = json.loads((tmp_path / "o.json").read_text())
    assert list(table[0]) == list(COLUMNS)
    for row, line, entry in zip(rows(found), table, document["objects"], strict=True):
        assert {key: str(value) for key, value in row.items()} == line
        assert {key: entry[key] for key in COLUMNS} == row
        assert sum(s["spikes"] for s in entry["sightings"]) == row["spikes"]
    assert document["units"]["vx"] == "pixel/s"
    assert "not a probability" in document["definitions"]["confidence"]


def test_no_sample_no_object(tmp_path):
    empty = detect_objects([], NETWORK, (96, 128), WINDOW)
    assert empty.objects == rows(empty) == []
    assert empty.saliency is None
    write_csv(empty, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text().strip() == ",".join(COLUMNS)


def test_samples_in_another_order_are_refused():
    frames = np.zeros((2, 2, 96, 128), np.float32)
    record = run_reference(NETWORK, frames)
    with pytest.raises(ArgumentError, match="in order of time"):
        detect_objects([(5, frames, record), (0, frames, record)], NETWORK, (96, 128), 5)


@pytest.mark.parametrize(
    "bad", [{"max_distance": -1}, {"max_gap_us": -1}, {"max_distance": float("nan")}, {"extent": "disc"}]
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        detect_objects([], NETWORK, (96, 128), WINDOW, **bad)
