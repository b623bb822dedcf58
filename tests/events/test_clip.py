"""Clips of frames: what is written is read again, and what is no clip is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava import demo
from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.events.clip import load_clip, save_clip

FRAMES = np.random.default_rng(1).random((3, 2, 5, 7), np.float32)


def refusal(path: Path) -> str:
    with pytest.raises(ClipError) as caught:
        load_clip(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_saved_clip_is_read_again(tmp_path: Path):
    save_clip(tmp_path / "clip.npz", FRAMES)
    frames = load_clip(tmp_path / "clip.npz")
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, FRAMES)


def test_suffix_is_left_as_it_is(tmp_path: Path):
    save_clip(tmp_path / "clip", FRAMES)
    assert load_clip(str(tmp_path / "clip")).shape == (3, 2, 5, 7)


def test_shipped_and_golden_clips(shared: Path):
    assert load_clip(demo.clip_path()).shape[1:] == (2, 96, 128)
    for path in (shared / "golden").glob("*.npz"):
        assert load_clip(path).shape == (10, 2, 128, 128)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.int32, np.bool_])
def test_other_numbers_become_float32(tmp_path: Path, dtype: type):
    np.savez(tmp_path / "clip.npz", frames=np.ones((1, 1, 2, 2), dtype))
    frames = load_clip(tmp_path / "clip.npz")
    assert frames.dtype == np.float32
    assert frames.tolist() == [[[[1, 1], [1, 1]]]]


def test_fortran_order_is_read_in_the_order_of_the_axes(tmp_path: Path):
    np.savez(tmp_path / "clip.npz", frames=np.asfortranarray(FRAMES))
    frames = load_clip(tmp_path / "clip.npz")
    assert frames.flags.c_contiguous
    np.testing.assert_array_equal(frames, FRAMES)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FRAMES[0], r"must be \(T, C, H, W\) with at least one step and pixel, got shape \(2, 5, 7\)"),
        (FRAMES[:0], r"got shape \(0, 2, 5, 7\)"),
        (FRAMES[:, :, :0], r"got shape \(3, 2, 0, 7\)"),
        (np.where(FRAMES > 0.9, np.nan, FRAMES), "must be finite float32 numbers, got .* NaN or infinite"),
        (np.where(FRAMES > 0.9, np.inf, FRAMES), "must be finite float32 numbers"),
        (FRAMES.astype(np.float64) * 1e300, "must be finite float32 numbers"),
        (FRAMES - 0.5, "must be zero or more, got -0.4"),
        (FRAMES.astype(str), "must be numbers, got dtype <U"),
        (FRAMES * 1j, "must be numbers, got dtype complex"),
    ],
)
def test_arrays_that_are_no_frames(tmp_path: Path, frames: np.ndarray, message: str):
    np.savez(tmp_path / "clip.npz", frames=frames)
    with pytest.raises(ClipError, match=message):
        load_clip(tmp_path / "clip.npz")
    with pytest.raises(ClipError, match=message):
        save_clip(tmp_path / "written.npz", frames)
    assert not (tmp_path / "written.npz").exists()


def test_files_that_are_no_clip(tmp_path: Path):
    np.savez(tmp_path / "other.npz", events=FRAMES, p=FRAMES)
    np.save(tmp_path / "single.npy", FRAMES)
    (tmp_path / "text.npz").write_text("t x y p\n")
    (tmp_path / "empty.npz").touch()
    assert "it holds events, p, expected an array `frames`" in refusal(tmp_path / "other.npz")
    assert "no archive" in refusal(tmp_path / "single.npy")
    assert "is not a clip" in refusal(tmp_path / "text.npz")
    assert "is not a clip" in refusal(tmp_path / "empty.npz")
    assert "there is no such file" in refusal(tmp_path / "missing.npz")
    assert "it is a folder" in refusal(tmp_path)


def test_pickled_frames_are_not_unpickled(tmp_path: Path):
    np.savez(tmp_path / "clip.npz", frames=np.array([{"a": 1}], object))
    assert "never loaded" in refusal(tmp_path / "clip.npz")


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_truncated_clip(tmp_path: Path, part: float):
    save_clip(tmp_path / "clip.npz", FRAMES)
    contents = (tmp_path / "clip.npz").read_bytes()
    (tmp_path / "clip.npz").write_bytes(contents[: int(part * len(contents))])
    assert "is not a clip" in refusal(tmp_path / "clip.npz")


def test_damaged_clip(tmp_path: Path):
    save_clip(tmp_path / "clip.npz", FRAMES)
    contents = bytearray((tmp_path / "clip.npz").read_bytes())
    contents[100:140] = bytes(40)
    (tmp_path / "clip.npz").write_bytes(contents)
    assert "is not a clip" in refusal(tmp_path / "clip.npz")


def test_folder_that_does_not_exist(tmp_path: Path):
    with pytest.raises(ArgumentError, match="does not exist"):
        save_clip(tmp_path / "missing" / "clip.npz", FRAMES)
