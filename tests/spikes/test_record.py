"""Spike records on disk: read again as written, and refused in one line where they are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

ROWS = np.array([[0, 1, 2, 3], [1, 0, 0, 0]], np.int32)
RECORD = SpikeRecord({"conv1": ROWS, "pool1": ROWS[:0]}, {"conv1": np.ones((2, 3, 4), np.int32)}, {"fire_once": True})


def refusal(path: Path) -> str:
    with pytest.raises(RecordError) as caught:
        SpikeRecord.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_record_is_read_again(tmp_path: Path):
    RECORD.save(tmp_path / "record.npz")
    again = SpikeRecord.load(tmp_path / "record.npz")
    assert (again.counts, again.meta) == ({"conv1": 2, "pool1": 0}, {"fire_once": True})
    np.testing.assert_array_equal(again.spikes["conv1"], ROWS)
    np.testing.assert_array_equal(again.membranes["conv1"], np.ones((2, 3, 4)))
    assert (again.spikes["pool1"].dtype, again.spikes["pool1"].shape) == (np.int32, (0, 4))


def test_rows_are_sorted_by_step_channel_row_column():
    rows = rows_in_order(np.array([[1, 0, 0, 0], [0, 1, 0, 2], [0, 1, 0, 1], [0, 0, 9, 9]]))
    assert rows.tolist() == [[0, 0, 9, 9], [0, 1, 0, 1], [0, 1, 0, 2], [1, 0, 0, 0]]


def test_files_that_are_no_record(tmp_path: Path):
    np.savez(tmp_path / "clip.npz", frames=np.zeros((1, 1, 2, 2), np.float32))
    np.savez(tmp_path / "flat.npz", conv1=np.zeros(5, np.int32))
    np.savez(tmp_path / "objects.npz", conv1=np.array([{}], object))
    np.save(tmp_path / "single.npy", ROWS)
    (tmp_path / "text.npz").write_text("no record\n")
    assert "holds no layer" in refusal(tmp_path / "clip.npz")
    assert "layer `conv1` has int32 (5,), expected (N, 4)" in refusal(tmp_path / "flat.npz")
    assert "holds pickled objects" in refusal(tmp_path / "objects.npz")
    assert "a single array" in refusal(tmp_path / "single.npy")
    for name in ("text.npz", "missing.npz", "."):
        assert "is not a spike record" in refusal(tmp_path / name)


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95])
def test_truncated_and_damaged_record(tmp_path: Path, part: float):
    path = tmp_path / "record.npz"
    SpikeRecord({"conv1": rows_in_order(np.random.default_rng(2).integers(0, 99, (400, 4)))}).save(path)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(part * len(contents))])
    assert "is not a spike record" in refusal(path)
    path.write_bytes(contents[:100] + bytes(60) + contents[160:])
    assert "is not a spike record" in refusal(path)
