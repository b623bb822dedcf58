"""Data sets: the layout of EBSSA, two cameras of one pass kept together, synthetic recordings with their truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.evaluation.sources import Source, find_sources, split, synthetic_sources
from spikeseg_lava.events.scene import SceneParameters

NAMES = ("20170215_atis_ISS_labelled", "20170215_davis_ISS_labelled", "2016_SL-8 R_B_davis", "geosat")


@pytest.fixture
def ebssa(tmp_path):
    folder = tmp_path / "Labelled Data"
    folder.mkdir()
    for name in NAMES:
        td = {"x": [1, 20], "y": [2, 30], "ts": [10, 2000], "p": [1, -1]}
        savemat(folder / f"{name}.mat", {"TD": td, "Obj": {"x": [4.0], "y": [3.0], "ts": [500], "id": [2]}})
    (folder / "readme.txt").write_text("not a recording")
    (tmp_path / "Unlabelled Data").mkdir()
    return tmp_path


def test_recordings_of_the_labelled_folder(ebssa):
    sources = find_sources(ebssa)
    assert sorted(source.name for source in sources) == sorted(NAMES)
    assert [s.name for s in find_sources(ebssa / "Labelled Data")] == [s.name for s in sources]


def test_two_cameras_of_one_pass_share_it(ebssa):
    found = {source.name: (source.pass_name, source.camera) for source in find_sources(ebssa)}
    assert found == {
        NAMES[0]: ("20170215_ISS_labelled", "atis"),
        NAMES[1]: ("20170215_ISS_labelled", "davis"),
        NAMES[2]: ("2016_SL-8 R_B", "davis"),
        NAMES[3]: ("geosat", ""),
    }


def test_reads_events_and_labels(ebssa):
    source = next(s for s in find_sources(ebssa) if s.camera == "atis")
    recording = source.read()
    assert recording.size == (240, 304)
    assert recording.labels is not None
    assert (recording.labels.x.tolist(), recording.labels.id.tolist()) == ([3.0], [2])


@pytest.mark.parametrize("place", ["", "missing"])
def test_folder_without_recordings(tmp_path, place):
    with pytest.raises(RecordingError, match=r"holds no recording|is not a folder"):
        find_sources(tmp_path / place)


@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), unique=True, max_size=14), st.floats(0, 1), st.integers(0, 99)
)
def test_split_never_tears_a_pass_apart(members, share, seed):
    sources = [Source(f"{k}{camera}", str(k), str(camera), lambda: None) for k, camera in members]  # type: ignore[arg-type,return-value]
    first, second = split(sources, share, seed)
    assert sorted(s.name for s in first + second) == sorted(s.name for s in sources)
    assert not {s.pass_name for s in first} & {s.pass_name for s in second}
    assert len({s.pass_name for s in first}) == round(share * len({s.pass_name for s in sources}))
    assert split(sources, share, seed) == (first, second)


def test_split_refuses_other_shares():
    with pytest.raises(ArgumentError, match="`share`"):
        split([], 1.5)


def test_synthetic_recordings_are_the_same_every_time_and_labelled_on_the_sensor():
    plan = SceneParameters(size=(40, 60), duration_us=400_000, passes=2, speed=90)
    a, b = synthetic_sources(2, seed=5, plan=plan)
    assert (a.name, b.name) == ("synthetic_0005", "synthetic_0006")
    first, again, other = a.read(), a.read(), b.read()
    np.testing.assert_array_equal(first.t, again.t)
    assert not np.array_equal(first.t, other.t)
    labels = first.labels
    assert labels is not None
    assert set(labels.id.tolist()) == {1, 2}
    assert ((labels.x > -0.5) & (labels.x < 59.5) & (labels.y > -0.5) & (labels.y < 39.5)).all()
    for number in (1, 2):
        x, y, t = (column[labels.id == number] for column in (labels.x, labels.y, labels.t))
        np.testing.assert_allclose(np.hypot(np.diff(x), np.diff(y)) / np.diff(t), 90 / 1e6)


def test_at_least_one_synthetic_recording():
    with pytest.raises(ArgumentError, match="`count`"):
        synthetic_sources(0)
