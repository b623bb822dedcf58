"""Networks side by side over synthetic passes: what is found, what quantization would cost, going on after Ctrl-C."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from spikeseg_lava.demo.make import demo_network
from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.evaluation.evaluation import evaluate
from spikeseg_lava.evaluation.results import Result, Settings, Skipped
from spikeseg_lava.evaluation.sources import Source, find_sources, synthetic_sources
from spikeseg_lava.evaluation.table import COLUMNS, costs, csv_text, rows
from spikeseg_lava.evaluation.volumes import Counts
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import run_reference

NETWORK = demo_network()
SETTINGS = Settings(duration_us=1_600_000, timesteps=16, size=None, radius=8.0)
SOURCES = synthetic_sources(2, seed=22, plan=SceneParameters())


def seeing(frames):
    return run_reference(NETWORK, frames)


def blind(frames):
    spikes = {name: np.zeros((0, 4), np.int32) for name in ("conv1", "pool1", "conv2", "pool2", "conv3")}
    return SpikeRecord(spikes, meta={"steps": len(frames)})


@pytest.fixture(scope="module")
def results():
    return list(evaluate(SOURCES, {"float": seeing, "blind": blind}, NETWORK, SETTINGS))


def test_passes_are_found_by_the_network_and_not_by_a_blind_one(results):
    assert [(r.recording, r.network) for r in results] == [(s.name, n) for s in SOURCES for n in ("float", "blind")]
    table = {row["network"]: row for row in rows(results) if row["recording"] == "overall"}
    assert table["float"]["sensitivity"] == 1.0
    assert table["float"]["informedness"] > 0.9
    assert (table["blind"]["sensitivity"], table["blind"]["specificity"], table["blind"]["informedness"]) == (0, 1, 0)
    assert table["float"]["spikes"] > 50 > table["blind"]["spikes"] == 0


def test_costs_count_label_volumes_lost(results):
    (cost,) = costs(results, "float")
    assert (cost["network"], cost["against"], cost["recordings"]) == ("blind", "float", 2)
    assert (cost["lost"], cost["gained"], cost["sensitivity"]) == (2, 0, -1.0)
    (other,) = costs(results, "blind")
    assert (other["lost"], other["gained"]) == (0, 2)
    with pytest.raises(ArgumentError, match="'fixed' was not evaluated; there is float, blind"):
        costs(results, "fixed")


def test_goes_on_after_an_interruption(tmp_path):
    calls = []

    def interrupted(frames):
        calls.append("run")
        if len(calls) == 2:
            raise KeyboardInterrupt
        return blind(frames)

    path = tmp_path / "evaluation.json"
    with pytest.raises(KeyboardInterrupt):
        list(evaluate(SOURCES, {"a": interrupted}, NETWORK, SETTINGS, path))
    assert [entry["recording"] for entry in json.loads(path.read_text())["results"]] == [SOURCES[0].name]
    assert list(tmp_path.iterdir()) == [path]
    results = list(evaluate(SOURCES, {"a": interrupted}, NETWORK, SETTINGS, path))
    assert len(calls) == 3
    assert [r.recording for r in results] == [s.name for s in SOURCES]
    assert results == list(evaluate(SOURCES, {"a": interrupted}, NETWORK, SETTINGS, path))
    assert len(calls) == 3
    assert "no event is cropped" in " ".join(json.loads(path.read_text())["definition"])


def test_other_settings_need_another_file(tmp_path):
    path = tmp_path / "evaluation.json"
    list(evaluate(SOURCES[:1], {"a": blind}, NETWORK, SETTINGS, path))
    with pytest.raises(ArgumentError, match=r"other settings \(radius\)"):
        list(evaluate(SOURCES[:1], {"a": blind}, NETWORK, replace(SETTINGS, radius=3.0), path))
    with pytest.raises(ArgumentError, match=r"other settings \(network\)"):
        list(evaluate(SOURCES[:1], {"a": blind}, NETWORK.with_threshold(2.0), SETTINGS, path))
    with pytest.raises(ArgumentError, match=r"other settings \(fire_once\)"):
        list(evaluate(SOURCES[:1], {"a": blind}, NETWORK, SETTINGS, path, {"fire_once": False}))
    path.write_text("{}")
    with pytest.raises(ArgumentError, match="is no evaluation"):
        list(evaluate(SOURCES[:1], {"a": blind}, NETWORK, SETTINGS, path))


def test_unreadable_and_unlabelled_recordings_are_skipped_with_a_reason():
    def broken():
        raise RecordingError("`x.mat`: it is truncated")

    plain = Source("plain", "plain", "", lambda: replace(SOURCES[0].read(), labels=None))
    found = list(evaluate([Source("x", "x", "", broken), plain], {"a": blind}, NETWORK, SETTINGS))
    assert found == [Skipped("x", "`x.mat`: it is truncated"), Skipped("plain", "it has no labels")]
    assert rows(found) == []


def test_recording_without_any_object_measures_false_alarms():
    (source,) = synthetic_sources(1, plan=SceneParameters(passes=0))
    (result,) = evaluate([source], {"a": blind}, NETWORK, SETTINGS)
    assert isinstance(result, Result)
    assert result.counts.sensitivity is None
    assert result.counts.specificity == 1


def a_result(recording, pass_name, network="a", **counts) -> Result:
    return Result(recording, pass_name, "", network, Counts(**counts), 1, ())


def test_two_cameras_of_a_pass_stand_together_and_are_summed():
    results = [
        a_result("p_atis", "p", tp=1, fn=1, tn=4),
        a_result("q", "q", tp=2, fp=1, tn=3),
        a_result("p_davis", "p", tp=2, tn=4),
    ]
    table = rows(results)
    assert [row["recording"] for row in table] == ["p_atis", "p_davis", "pass p", "q", "overall"]
    assert [row["sensitivity"] for row in table] == [0.5, 1.0, 0.75, 1.0, 0.8333]
    assert table[-1]["specificity"] == round(11 / 12, 4)
    lines = csv_text(results).splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 6
    assert lines[1].startswith("p_atis,a,1,1,0,4,0.5,1.0,0.5,,")


def test_nothing_to_evaluate():
    with pytest.raises(ArgumentError, match="`runners` is empty"):
        list(evaluate(SOURCES, {}, NETWORK, SETTINGS))
    with pytest.raises(ArgumentError, match="`radius`"):
        Settings(radius=0)


def test_files_of_two_cameras_give_what_the_recordings_in_memory_give(tmp_path, results):
    """The synthetic passes written as EBSSA keeps them (pixels from 1), read again and evaluated."""
    (tmp_path / "Labelled Data").mkdir()
    for source, camera in zip(SOURCES, ("atis", "davis"), strict=True):
        recording = source.read()
        labels = recording.labels
        assert labels is not None
        td = {"x": recording.x + 1, "y": recording.y + 1, "ts": recording.t, "p": recording.p}
        marks = {"x": labels.x + 1, "y": labels.y + 1, "ts": labels.t, "id": labels.id}
        savemat(tmp_path / "Labelled Data" / f"one_{camera}_pass.mat", {"TD": td, "Obj": marks})
    sources = find_sources(tmp_path, sensor_size=SceneParameters().size)
    again = list(evaluate(sources, {"float": seeing}, NETWORK, SETTINGS))
    ours, theirs = ([r.counts for r in found if isinstance(r, Result)] for found in (again, results))
    assert ours == theirs[::2]
    assert [row["recording"] for row in rows(again)] == ["one_atis_pass", "one_davis_pass", "pass one_pass", "overall"]
