"""Damaged, foreign and hostile files: refused in one line, and nothing in them is executed."""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builders.checkpoints import Save, two_layers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint


class Touch:
    """Creates a file when it is unpickled by a reader that executes what it reads."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


class System(Touch):
    """The same through the shell."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"\"{sys.executable}\" -c \"open(r'{self.marker}', 'w')\"",)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("hostile", [Touch, System])
@pytest.mark.parametrize("how", ["torch.save", "before torch 1.6", "pickle"])
def test_nothing_is_executed(saved: Save, tmp_path: Path, hostile: type[Touch], how: str):
    marker = tmp_path / "executed"
    contents = {"model_state_dict": two_layers(), "config": hostile(marker)}
    path = tmp_path / "checkpoint.pt"
    if how == "pickle":
        path.write_bytes(pickle.dumps(contents))
    else:
        saved(contents, _use_new_zipfile_serialization=how == "torch.save")
    message = refusal(path)
    assert not marker.exists()
    assert "could execute code" in message or how == "pickle"


def test_the_hostile_file_would_have_worked(tmp_path: Path):
    for hostile, name in ((Touch, "a"), (System, "b")):
        pickle.loads(pickle.dumps(hostile(tmp_path / name)))
        assert (tmp_path / name).exists()


def test_foreign_object_is_named(saved: Save):
    assert "an object of `torch.nn.modules.linear.Linear`" in refusal(saved(torch.nn.Linear(2, 2)))
    assert "multiarray.scalar`" in refusal(saved({"model_state_dict": two_layers(), "loss": np.float64(0.5)}))


def test_no_lasting_permission_is_given(saved: Save):
    before = set(torch.serialization.get_safe_globals())  # torch adds its own when more of it is imported
    load_checkpoint(saved({"model_state_dict": two_layers(), "pytorch_version": torch.__version__}))
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "the file is empty"),
        (b"\0" * 64, "truncated, damaged, or no file of `torch.save`"),
        (b"t x y p\n0.1 3 4 1\n", "truncated, damaged, or no file of `torch.save`"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 512, "truncated, damaged, or no file of `torch.save`"),
    ],
)
def test_other_files(tmp_path: Path, contents: bytes, reason: str):
    path = tmp_path / "other.pt"
    path.write_bytes(contents)
    assert reason in refusal(path)


def test_no_file_at_all(tmp_path: Path):
    assert "it is a folder" in refusal(tmp_path)
    assert "there is no such file" in refusal(tmp_path / "missing.pt")


def test_other_zip_archive(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "clip.npz", "w") as archive:
        archive.writestr("frames.npy", b"")
    assert "no file of `torch.save`" in refusal(tmp_path / "clip.npz")


def test_torchscript_archive(saved: Save):
    path = saved(two_layers())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("checkpoint/constants.pkl", pickle.dumps((), protocol=2))
    assert "TorchScript archive" in refusal(path)


def test_unreadable_file(saved: Save):
    path = saved(two_layers())
    path.chmod(0)
    if os.access(path, os.R_OK):
        return  # the superuser reads everything
    assert "Permission denied" in refusal(path)


def test_changed_weight_is_noticed(saved: Save):
    path = saved(two_layers())
    contents = bytearray(path.read_bytes())
    weight = contents.find(two_layers()["encoder.conv2.conv.weight"].numpy().tobytes())
    contents[weight + 2] ^= 1
    path.write_bytes(contents)
    assert "checksum" in refusal(path)


def test_checkpoint_saved_without_checksums_is_read(saved: Save):
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(two_layers())
    finally:
        torch.serialization.set_crc32_options(True)
    assert np.array_equal(load_checkpoint(path).convolutions[1].weight, two_layers()["encoder.conv2.conv.weight"])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_truncated_file(saved: Save, zipped: bool, part: float):
    path = saved(two_layers(), _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    assert "cannot be read as a checkpoint" in refusal(path)


def saved_bytes(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"model_state_dict": two_layers()}, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(zipped=st.booleans(), place=st.floats(0, 1, exclude_max=True), value=st.binary(min_size=1, max_size=4))
def test_changed_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, zipped: bool, place: float, value: bytes):
    contents = bytearray(saved_bytes(zipped))
    start = int(place * len(contents))
    contents[start : start + len(value)] = value
    path = tmp_path / "changed.pt"
    path.write_bytes(contents)
    with suppress(CheckpointError):
        load_checkpoint(path)


def test_a_few_bytes_that_claim_gigabytes_are_refused(saved: Save):
    state = two_layers()
    state["encoder.conv1.conv.weight"] = torch.ones(1, 1, 1, 1).expand(10**5, 10**5, 1, 1)
    assert "repeats fewer numbers" in refusal(saved({"model_state_dict": state}))


@pytest.mark.parametrize(
    ("data", "named"),
    [({"input_height": 10**7, "input_width": 10**7}, "input_height"), ({"n_timesteps": 10**12}, "n_timesteps")],
)
def test_sizes_beyond_any_camera_are_refused(saved: Save, data: dict[str, int], named: str):
    assert named in refusal(saved({"model_state_dict": two_layers(), "config": {"data": data}}))


def test_packed_and_overlapping_entries_are_refused(saved: Save, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10**7))
    assert "more than the file" in refusal(tmp_path / "packed.pt")


def test_deep_nesting_is_refused(tmp_path: Path):
    deep = 10**5
    for name, opcodes in (("list", b"]" * deep + b"a" * (deep - 1)), ("tuple", b")" + b"\x85" * deep)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02" + opcodes + b".")
            archive.writestr("a/version", b"3")
        assert "expected a dictionary" in refusal(tmp_path / name)


def test_what_is_read_is_what_the_digest_names(saved: Save, monkeypatch: pytest.MonkeyPatch):
    path = saved({"model_state_dict": two_layers()})
    first = load_checkpoint(path)
    content, read_bytes = path.read_bytes(), Path.read_bytes

    def read_and_change(file: Path) -> bytes:
        found = read_bytes(file)
        file.write_bytes(b"changed by somebody else")
        return found

    monkeypatch.setattr(Path, "read_bytes", read_and_change)
    assert load_checkpoint(path).provenance["sha256"] == first.provenance["sha256"]
    assert len(content) != path.stat().st_size
