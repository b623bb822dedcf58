"""The picture: drawn for any record, mapped to the right pixels, and refused with a clear line otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.pictures.sample import draw, layer_size, sensor_positions, shown_layers
from spikeseg_lava.spikes.record import SpikeRecord

FRAMES = np.zeros((4, 2, 12, 20), np.float32)
FRAMES[1, 0, 3, 4] = FRAMES[2, 1, 5, 6] = 1.0
NONE = np.empty((0, 4), np.int32)


def a_record(**spikes) -> SpikeRecord:
    return SpikeRecord({name: np.asarray(rows, np.int32).reshape(-1, 4) for name, rows in spikes.items()})


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_writes_each_format(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    draw(FRAMES, a_record(conv1=[[1, 0, 3, 4]], conv3=[[2, 0, 1, 1]]), path, FRAMES.max(axis=(0, 1)) > 0)
    head = path.read_bytes()[:256]
    assert {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<svg"}[suffix][1:] in head or b"<?xml" in head


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        a_record(conv1=NONE, conv2=NONE),
        a_record(pool1=[[0, 0, 0, 0]]),
        a_record(**{f"strange {i}": [[i, 0, i, i]] for i in range(7)}),
    ],
    ids=["no layer", "no spike", "only a pool", "seven layers, later than the frames"],
)
def test_draws_any_record(tmp_path, record):
    draw(FRAMES, record, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5000


@pytest.mark.parametrize("channels", [1, 3])
def test_draws_any_number_of_channels(tmp_path, channels):
    draw(np.ones((2, channels, 5, 6), np.float32), a_record(conv1=NONE), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").exists()


def test_spikes_change_the_picture(tmp_path):
    for name, rows in (("a", NONE), ("b", [[1, 0, 3, 4]])):
        draw(FRAMES, a_record(conv1=rows), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_leaves_the_global_state_of_matplotlib_alone(tmp_path):
    from matplotlib import rcParams

    before = dict(rcParams)
    draw(FRAMES, a_record(conv1=NONE), tmp_path / "picture.png")
    assert dict(rcParams) == before


def test_pools_are_left_out_unless_asked_for():
    record = a_record(conv1=NONE, pool1=NONE, conv2=NONE)
    assert shown_layers(record) == ["conv1", "conv2"]
    assert shown_layers(record, ["pool1"]) == ["pool1"]
    with pytest.raises(ArgumentError, match=r"`conv9`.*conv1, pool1, conv2"):
        shown_layers(record, ["conv9"])


def test_layer_size_from_membrane_then_meta_then_spikes():
    rows = {"conv3": np.array([[0, 0, 4, 7]], np.int32)}
    assert layer_size(SpikeRecord(rows), "conv3") == (5, 8)
    assert layer_size(SpikeRecord(rows, {}, {"shapes": {"conv3": [1, 6, 9]}}), "conv3") == (6, 9)
    assert layer_size(SpikeRecord(rows, {"conv3": np.zeros((1, 24, 32))}), "conv3") == (24, 32)


def test_neuron_behind_two_pools_stands_for_the_middle_of_its_four_pixels():
    x, y = sensor_positions(np.array([[0, 0, 2, 5]]), (24, 32), (96, 128))
    assert (x[0], y[0]) == (5 * 4 + 1.5, 2 * 4 + 1.5)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)), sensor=st.tuples(st.integers(1, 200), st.integers(1, 200))
)
def test_positions_stay_on_the_sensor(size, sensor):
    corners = np.array([[0, 0, 0, 0], [0, 0, size[0] - 1, size[1] - 1]])
    x, y = sensor_positions(corners, size, sensor)
    assert x[0] + x[1] == pytest.approx(sensor[1] - 1)
    assert y[0] + y[1] == pytest.approx(sensor[0] - 1)
    assert (x >= -0.5).all()
    assert (y >= -0.5).all()


def test_refuses_what_it_cannot_draw(tmp_path):
    with pytest.raises(ArgumentError, match=r"`path` must end in one of \.png"):
        draw(FRAMES, a_record(), tmp_path / "picture.txt")
    with pytest.raises(ClipError, match="shape"):
        draw(FRAMES[0], a_record(), tmp_path / "picture.png")
    with pytest.raises(ArgumentError, match="`truth`"):
        draw(FRAMES, a_record(), tmp_path / "picture.png", np.zeros((3, 3), bool))
    assert not list(tmp_path.iterdir())
