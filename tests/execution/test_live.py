"""Live detection: every window is what an offline run of the same frames gives, whatever the blocks it came in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikeseg_lava as sl
from spikeseg_lava import demo
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.live import Drops, ReplaySource
from spikeseg_lava.events.stream import Events, EventStream
from spikeseg_lava.execution.live import LiveDetector, LiveSettings, LiveWindow
from spikeseg_lava.execution.watch import Watch

BIN = 100_000


@pytest.fixture(scope="module")
def recording() -> sl.Recording:
    return sl.read_recording(demo.events_path(), sensor_size=(96, 128))


@pytest.fixture(scope="module")
def model() -> sl.FixedPointModel:
    return sl.quantize(sl.load_checkpoint(demo.checkpoint_path()))


def windows_of(
    model: sl.FixedPointModel, recording: sl.Recording, settings: LiveSettings, cuts: list[int]
) -> list[LiveWindow]:
    """All windows of a recording that comes in blocks cut at `cuts`."""
    detector = LiveDetector(model, recording.size, settings)
    found: list[LiveWindow] = []
    whole = Events(recording.x, recording.y, recording.t, recording.p)
    for begin, end in pairwise([0, *cuts, len(whole)]):
        found += detector.add(whole[begin:end])
    return [*found, *detector.finish()]


@pytest.mark.parametrize("stride", [1, 3, 10])
def test_every_window_has_the_spikes_of_an_offline_run(
    model: sl.FixedPointModel, recording: sl.Recording, stride: int
) -> None:
    found = windows_of(model, recording, LiveSettings(BIN, 10, stride), [])
    assert len(found) == (recording.duration // BIN + 1 - 10) // stride + 1
    for k, window in enumerate(found):
        assert window.start_us == recording.start + k * stride * BIN
        frames = recording.to_frames(10, model.input_size, False, window.start_us, 10 * BIN)
        offline = sl.run(model, frames, backend="event")
        for layer, spikes in offline.spikes.items():
            np.testing.assert_array_equal(window.record.spikes[layer], spikes)
    assert sum(len(window.record.spikes["conv3"]) for window in found) > 0


@settings(max_examples=8)
@given(data=st.data())
def test_windows_do_not_depend_on_the_blocks_that_events_came_in(
    model: sl.FixedPointModel, recording: sl.Recording, data: Any
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(recording.t)), max_size=6)))
    whole, parts = (windows_of(model, recording, LiveSettings(BIN, 10, 5), c) for c in ([], cuts))
    assert [w.start_us for w in whole] == [w.start_us for w in parts]
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a.record.spikes["conv3"], b.record.spikes["conv3"])
        assert a.objects == b.objects
        assert a.finished == b.finished


def test_silence_of_years_costs_nothing_and_ends_objects(model: sl.FixedPointModel, recording: sl.Recording) -> None:
    detector = LiveDetector(model, recording.size, LiveSettings(BIN, 10, 1))
    whole = Events(recording.x, recording.y, recording.t, recording.p)
    before = list(detector.add(whole))
    assert any(window.objects for window in before)
    late = whole[:1]
    after = list(detector.add(Events(late.x, late.y, late.t + 10**14, late.p)))
    assert len(after) <= 30
    assert not detector.going_on()


def test_a_replayed_recording_says_each_object_and_that_it_ended(
    model: sl.FixedPointModel, recording: sl.Recording
) -> None:
    said: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []

    class Page:
        def publish(self, state: dict[str, Any]) -> None:
            shown.append(state)

    source = ReplaySource(EventStream.of_recording(recording), float("inf"))
    watching = Watch(source, LiveDetector(model, recording.size, LiveSettings(BIN, 10, 1)), said.append, Page())
    figures = watching.run()
    assert figures.events == len(recording)
    seen, ended = ({e["id"] for e in said if e["state"] == s} for s in ("seen", "ended"))
    assert seen == ended != set()
    assert shown[0]["width"] == recording.size[1]
    assert figures.line(Drops()).endswith("nothing dropped")
    assert "3 off clock" in figures.line(Drops(off_clock=3))


@pytest.mark.parametrize("wrong", [{"stride": 11}, {"bin_us": 0}, {"timesteps": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match=f"`{next(iter(wrong))}`"):
        LiveSettings(**wrong)  # type: ignore[arg-type]
