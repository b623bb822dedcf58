"""A file of `torch.save`: read without torch where it holds plain data, else by torch with an allow-list of one type.

Nothing in the file is ever executed.
"""

from __future__ import annotations

import errno
import hashlib
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.exchange.checkpoint.zip_reader import NotPlainError, read_plain
from spikeseg_lava.files import writing

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_torch_file(path: Path) -> Any:
    """What `torch.save` wrote, tensors as arrays; raises CheckpointError in one line for anything else."""
    if not path.is_file():
        reason = "it is a folder" if path.is_dir() else "there is no such file"
        raise CheckpointError(f"`{path}` is not a checkpoint: {reason}")
    if not path.stat().st_size:
        raise CheckpointError(f"`{path}` is not a checkpoint: the file is empty")
    if damaged := _damaged_entries(path):
        raise CheckpointError(f"`{path}` is damaged: {', '.join(map(repr, damaged[:3]))} do not match their checksums")
    try:
        return read_plain(path)
    except NotPlainError:
        return _read_with_torch(path)


class UnreadTensor:
    """A tensor that is no dense array: sparse, quantized, or without data."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def _read_with_torch(path: Path) -> Any:
    """Files of before torch 1.6, rare types of tensors; and the reason where a file is none that may be read."""
    import torch
    from torch.torch_version import TorchVersion

    allowed: list[Any] = [TorchVersion]  # a str: training code stores `torch.__version__`
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise nearly everything
        raise CheckpointError(f"`{path}` cannot be read as a checkpoint: {_reason(error)}") from error
    return _as_arrays(contents)


def _as_arrays(value: Any) -> Any:
    """The same with arrays in place of tensors, as `read_plain` gives them."""
    import torch

    if isinstance(value, torch.Tensor):
        try:
            return (value.float() if value.dtype == torch.bfloat16 else value).detach().cpu().numpy()
        except (TypeError, RuntimeError):
            return UnreadTensor(str(value.dtype))
    if isinstance(value, dict):
        return {key: _as_arrays(inner) for key, inner in value.items()}
    return [_as_arrays(inner) for inner in value] if isinstance(value, list) else value


def sha256(path: Path) -> str:
    """Hex digest of the file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _damaged_entries(path: Path) -> list[str]:
    """Entries of a zip archive that do not match their CRC-32, which torch never looks at.

    Empty where every entry is off: then `torch.serialization.set_crc32_options(False)` left the checksums out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            damaged = [entry.filename for entry in entries if not _matches(archive, entry)]
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return []  # no archive, or not even its list can be read: torch says so, or reads a file of before 1.6
    return damaged if len(damaged) < len(entries) else []


def _matches(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(entry) as file:
            while file.read(2**20):
                pass
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return False
    return True


def _reason(error: Exception) -> str:
    text = str(error)
    if found := _GLOBAL.search(text):
        return (
            f"it holds an object of `{found[1]}`, and only tensors, numbers, strings and containers of them are read "
            "(anything else could execute code); save the `state_dict()` of the model"
        )
    if "TorchScript" in text:
        return "it is a TorchScript archive; save the `state_dict()` of the model with `torch.save`"
    if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that one: a seek before the start of the file
        return error.strerror or text
    return "it is truncated, damaged, or no file of `torch.save`"


def write_checkpoint(path: Path, state: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> None:
    """Write a checkpoint as SpikeSEG's training does: `model_state_dict` and `config`, in torch's zip format."""
    import torch

    tensors = {key: torch.tensor(value) for key, value in state.items()}
    with writing(path) as file:
        torch.save({"model_state_dict": tensors, "config": dict(config)}, file)
