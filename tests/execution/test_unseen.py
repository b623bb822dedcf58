"""Fidelity on clips that took no part in choosing the integers."""

from __future__ import annotations

import pytest
from builders.networks import random_clip, random_network

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.execution.unseen import NO_CLIP, UnseenCell, UnseenMatrix, unseen_matrix
from spikeseg_lava.pictures.sample import save_unseen_matrix


def cell(calibration: str, clip: str, iou: float | None) -> UnseenCell:
    return UnseenCell(calibration, clip, "conv1", True, calibration == clip, 10, iou)


def test_the_clip_seen_proves_nothing():
    matrix = UnseenMatrix((cell("a", "a", 0.1), cell("a", "b", 0.8), cell("a", "c", None), cell("b", "a", 1.0)))
    assert matrix.worst == 0.8
    assert matrix.mean == pytest.approx(0.9)
    assert matrix.summary() == [("a", "conv1", 0.8, 0.8, 1), ("b", "conv1", 1.0, 1.0, 1)]
    assert matrix.worst_by_clip() == {("a", "a"): None, ("a", "b"): 0.8, ("a", "c"): None, ("b", "a"): 1.0}


def test_every_calibration_is_run_on_every_clip_in_both_modes(tmp_path):
    clips = {"a": random_clip(6), "b": random_clip(7)}
    matrix = unseen_matrix(random_network(5), {NO_CLIP: None, "a": clips["a"]}, clips)
    assert len(matrix.cells) == 2 * 2 * 2 * 2
    assert sum(cell.seen for cell in matrix.cells) == 2 * 2
    assert min(cell.reference_spikes for cell in matrix.cells) > 20
    assert matrix.worst is not None
    assert matrix.worst >= 0.97
    save_unseen_matrix(matrix, tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_compare():
    with pytest.raises(ArgumentError, match="at least one entry"):
        unseen_matrix(random_network(5), {}, {"a": random_clip(6)})
