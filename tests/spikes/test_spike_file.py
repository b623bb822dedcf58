"""A spike file grows in bounded memory, keeps what is complete when the disk is full, and refuses what is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.spikes import spike_file
from spikeseg_lava.spikes.spike_file import SpikeFile, SpikeWriter

META = {"layers": ["conv1", "conv2"], "model": "m"}
FULL = """
import resource, signal, sys
import numpy as np
from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.spike_file import SpikeWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing beyond the limit fails as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
rows = {name: np.random.default_rng(0).integers(0, 2**20, (2**16, 4)).astype(np.int32) for name in ("conv1", "conv2")}
try:
    with SpikeWriter(sys.argv[1], {"layers": ["conv1", "conv2"], "model": "m"}) as writer:
        for _ in range(30):
            writer.append(rows, 5, 0)
except RecordError as error:
    print(error)
"""


def rows_of(number: int) -> dict[str, np.ndarray]:
    """One spike of conv1 that tells the sample, none of conv2."""
    return {"conv1": np.array([[0, 1, 2, number]], np.int32), "conv2": np.zeros((0, 4), np.int32)}


def test_samples_come_back(tmp_path: Path) -> None:
    with SpikeWriter(tmp_path / "a.h5", META) as writer:
        for number in range(5):
            writer.append(rows_of(number), 10, 100 * number)
        writer.finish()
    with SpikeFile(tmp_path / "a.h5") as file:
        assert [record.spikes["conv1"][0, 3] for record in file] == list(range(5))
        assert file.record(3).meta["start"] == 300
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_samples_without_spikes_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {name: np.zeros((0, 4), np.int32) for name in META["layers"]}
    clock = iter(range(10**6, 10**7))
    with SpikeWriter(tmp_path / "a.h5", META) as writer:
        held = []
        for _ in range(3000):
            writer.append(empty, 10)
            held.append(len(writer._pending))
        assert max(held) < spike_file.SAMPLES_PER_WRITE
        monkeypatch.setattr(spike_file.time, "monotonic", lambda: 100.0 * next(clock))  # minutes pass between samples
        writer.append(rows_of(1), 10)
        assert not writer._pending


@pytest.mark.parametrize("limit", [1000, 3_000_000, 12_000_000])
def test_a_full_disk_is_one_error_and_keeps_what_is_complete(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a.h5"), str(limit)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be written: File too large" in done.stdout
    kept = 0 if "nothing was written" in done.stdout else int(done.stdout.partition("the first ")[2].split()[0])
    assert (kept > 0) == (limit > 10_000_000)
    assert [path.name for path in tmp_path.iterdir()] == (["a.h5.partial"] if kept else [])
    with SpikeWriter(tmp_path / "a.h5", META) as writer:
        assert writer.samples == kept
        writer.append(rows_of(7), 5)
        writer.finish()
    with SpikeFile(tmp_path / "a.h5") as file:
        assert [len(record.spikes["conv2"]) for record in file] == [2**16] * kept + [0]
        assert file.record(kept).spikes["conv1"][0, 3] == 7


def test_a_writer_that_dies_leaves_a_file_to_go_on_from(tmp_path: Path) -> None:
    code = FULL.replace("range(30)", "range(9)").replace("5, 0)", "5, 0)\n        import os; os.kill(os.getpid(), 9)")
    words = [sys.executable, "-c", code, str(tmp_path / "a.h5"), "-1"]
    assert subprocess.run(words, capture_output=True, timeout=60).returncode == -9
    with SpikeWriter(tmp_path / "a.h5", META) as writer:
        assert writer.samples in range(10)


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.h5.partial").symlink_to("victim")
    with pytest.raises(ArgumentError, match="ordinary files"):
        SpikeWriter(tmp_path / "a.h5", META)
    with pytest.raises(ArgumentError, match="ordinary files"):
        SpikeWriter("/dev/null", META)
    os.mkfifo(tmp_path / "b.h5.partial")
    with pytest.raises(ArgumentError, match="ordinary files"):
        SpikeWriter(tmp_path / "b.h5", META)
    assert not (tmp_path / "victim").exists()


def test_a_link_to_a_spike_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.h5").symlink_to("real.h5")
    with SpikeWriter(tmp_path / "link.h5", META) as writer:
        writer.append(rows_of(1), 5)
        writer.finish()
    assert (tmp_path / "link.h5").is_symlink()
    assert SpikeFile(tmp_path / "real.h5").samples == 1


def damaged(file: Any, change: str) -> None:
    """One part of a spike file that a stranger has altered."""
    if change == "rows elsewhere":
        del file["conv1/rows"]
        file["conv1"].create_dataset("rows", (2, 4), np.int32, external=[("/etc/passwd", 0, 32)])
    elif change == "linked file":
        del file["conv1"]
        file["conv1"] = h5py.ExternalLink("other.h5", "/conv1")
    elif change == "ends beyond the rows":
        file["conv1/ends"][0] = 10**6
    elif change == "falling ends":
        file["conv1/ends"][...] = [1, 0]
    elif change == "fewer ends":
        file["conv2/ends"].resize(1, axis=0)
    elif change == "a group for steps":
        del file["steps"]
        file.create_group("steps")
    elif change == "no layer":
        file.attrs["meta"] = json.dumps({**json.loads(file.attrs["meta"]), "layers": ["conv9"]})
    elif change == "no description":
        file.attrs["meta"] = "[" * 100_000
    elif change == "another version":
        file.attrs["meta"] = json.dumps({**json.loads(file.attrs["meta"]), "version": 99})


CHANGES = ["rows elsewhere", "linked file", "ends beyond the rows", "falling ends", "fewer ends", "a group for steps"]


@pytest.mark.parametrize("change", [*CHANGES, "no layer", "no description", "another version"])
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, change: str) -> None:
    with SpikeWriter(tmp_path / "a.h5", META) as writer:
        writer.append(rows_of(0), 5)
        writer.append(rows_of(1), 5)
        writer.finish()
    SpikeFile(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        damaged(file, change)
    with pytest.raises(RecordError, match="no spike file"):
        SpikeFile(tmp_path / "a.h5")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("t x y p")
    os.mkfifo(tmp_path / "pipe.h5")
    for name in ("text.h5", "pipe.h5", "none.h5"):
        with pytest.raises(RecordError, match="no spike file"):
            SpikeFile(tmp_path / name)
