"""The reader without torch gives what torch gives, or leaves the file to torch; nothing in a file is ever called."""

from __future__ import annotations

import contextlib
import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.torch_version import TorchVersion

from spikeseg_lava import demo
from spikeseg_lava.exchange.checkpoint.file import UnreadTensor, read_torch_file
from spikeseg_lava.exchange.checkpoint.zip_reader import NotPlainError, read_plain

Save = Callable[..., Path]


def by_torch(path: Path) -> Any:
    with torch.serialization.safe_globals([TorchVersion]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, np.ndarray)
        assert ours.shape == tuple(theirs.shape)
        if theirs.dtype == torch.bfloat16:
            theirs = theirs.float()
        assert f"torch.{ours.dtype}" == str(theirs.dtype)
        np.testing.assert_array_equal(ours, theirs.detach().numpy())
    elif isinstance(theirs, dict):
        assert isinstance(ours, dict)
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine, other)
    else:
        assert ours == theirs
        assert type(ours) is type(theirs) or isinstance(theirs, TorchVersion)


def test_demo_checkpoint_equals_torch() -> None:
    assert_same(read_plain(demo.checkpoint_path().read_bytes()), by_torch(demo.checkpoint_path()))


def test_real_checkpoint_equals_torch(shared: Path) -> None:
    path = shared / "checkpoints" / "spikeseg_ebssa.pt"
    assert_same(read_plain(path.read_bytes()), by_torch(path))


def test_importing_the_reader_and_reading_imports_no_torch() -> None:
    code = (
        "import sys; from spikeseg_lava import demo, load_checkpoint; load_checkpoint(demo.checkpoint_path());"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int16,
    torch.uint8,
    torch.bool,
]
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)
KEYS = st.text(max_size=4) | st.integers(0, 99)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    dtype = draw(st.sampled_from(DTYPES))
    tensor = torch.arange(int(np.prod(shape, dtype=int))).reshape(shape).to(dtype)
    if shape and draw(st.booleans()):
        tensor = tensor.transpose(0, len(shape) - 1)[1:]  # a view with strides and an offset
    return torch.nn.Parameter(tensor) if tensor.is_floating_point() and draw(st.booleans()) else tensor


CONTENTS = st.recursive(
    LEAVES | tensors(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=2).map(OrderedDict)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(contents=CONTENTS, protocol=st.sampled_from([2, 3]))
def test_whatever_torch_saves_is_read_as_torch_reads_it(
    tmp_path_factory: pytest.TempPathFactory, contents: Any, protocol: int
) -> None:
    path = tmp_path_factory.mktemp("zip") / "c.pt"
    torch.save(contents, path, pickle_protocol=protocol)
    assert_same(read_plain(path.read_bytes()), by_torch(path))


def test_the_way_by_torch_gives_the_same(saved: Save) -> None:
    contents = {"a": torch.ones(2, 3), "b": [torch.zeros(2, dtype=torch.bfloat16), 3], "c": "text"}
    new = read_torch_file(saved(contents))[0]
    assert_same(read_torch_file(saved(contents, _use_new_zipfile_serialization=False))[0], by_torch(saved(contents)))
    assert_same(new, by_torch(saved(contents)))


def test_rare_tensors_are_left_to_torch(saved: Save) -> None:
    path = saved({"sparse": torch.ones(2, 2).to_sparse()})
    with pytest.raises(NotPlainError, match="call"):
        read_plain(path.read_bytes())
    assert isinstance(read_torch_file(path)[0]["sparse"], UnreadTensor)


def archive(data: bytes, **entries: bytes) -> bytes:
    """A zip as of `torch.save` with this pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in {"data.pkl": data, **entries}.items():
            file.writestr(f"a/{name}", content)
    return buffer.getvalue()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("open('pwned', 'w')",))


STORAGE = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Evil()),
        pickle.dumps({"a": Evil()}, protocol=4),
        b"cos\nsystem\nX\x02\0\0\0ls\x85R.",
        b"cbuiltins\ngetattr\n(lp0\ntR.",
        b"ccollections\nOrderedDict\n)R}X\x01\0\0\0aK\x01sb0.",
        b"}X\x01\0\0\0a}}s.",
        b"\x80\x02.",
        b"\x80\x02}q\0",
        b"(" * 100_000 + b".",
        b"}\x85X\x01\0\0\0bs.",
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + STORAGE + b"J\xff\xff\xff\xff(K\x02t(K\x01t\x89NtR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + STORAGE + b"K\0(J\xff\xff\xff\x7ft(K\0t\x89NtR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + STORAGE + b"K\0(K\x02t(J\xff\xff\xff\x7ft\x89NtR.",
        b"i" + pickle.dumps(1),
    ],
)
def test_hostile_pickles_are_left_to_torch_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.pt").write_bytes(archive(data, **{"data/0": bytes(16)}))
    with pytest.raises(NotPlainError):
        read_plain((tmp_path / "c.pt").read_bytes())
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize(
    "entries",
    [{"byteorder": b"big"}, {"constants.pkl": b""}],
)
def test_other_archives_are_left_to_torch(tmp_path: Path, entries: dict[str, bytes]) -> None:
    (tmp_path / "c.pt").write_bytes(archive(pickle.dumps({}), **entries))
    with pytest.raises(NotPlainError):
        read_plain((tmp_path / "c.pt").read_bytes())


def test_a_zip_bomb_is_not_inflated(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/data.pkl", pickle.dumps({}))
        file.writestr("a/data/0", bytes(10**7))
    with pytest.raises(NotPlainError, match="compressed"):
        read_plain((tmp_path / "c.pt").read_bytes())


@settings(max_examples=150)
@given(st.data())
def test_mutated_files_are_read_or_left_to_torch(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(demo.checkpoint_path().read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, 3000) | st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "c.pt"
    path.write_bytes(whole[: data.draw(st.just(len(whole)) | st.integers(0, len(whole)))])
    with contextlib.suppress(NotPlainError):
        read_plain(path.read_bytes())
