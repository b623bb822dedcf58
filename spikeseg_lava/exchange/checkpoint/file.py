"""A file of `torch.save`: read without torch where it holds plain data, else by torch with an allow-list of one type.

Nothing in the file is ever executed.
"""

from __future__ import annotations

import hashlib
import io
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


def read_torch_file(path: Path) -> tuple[Any, str]:
    """What `torch.save` wrote, tensors as arrays, and the SHA-256 of the file.

    The file is read once: what was checked, what is used and what the digest names are the same bytes.

    Raises:
        CheckpointError: in one line, for anything else.
    """
    if not path.is_file():
        reason = "it is a folder" if path.is_dir() else "there is no such file"
        raise CheckpointError(f"`{path}` is not a checkpoint: {reason}")
    try:
        content = path.read_bytes()
        return _read(content), hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise CheckpointError(f"`{path}` cannot be read as a checkpoint: {error.strerror}") from error
    except CheckpointError as error:
        raise CheckpointError(f"`{path}` {error}") from error


def _read(content: bytes) -> Any:
    if not content:
        raise CheckpointError("is not a checkpoint: the file is empty")
    if damaged := _damaged_entries(content):
        raise CheckpointError(f"is damaged: {', '.join(map(repr, damaged[:3]))} do not match their checksums")
    try:
        return read_plain(content)
    except NotPlainError:
        return _read_with_torch(content)


class UnreadTensor:
    """A tensor that is no dense array: sparse, quantized, or without data."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def _read_with_torch(content: bytes) -> Any:
    """Files of before torch 1.6, rare types of tensors; and the reason where a file is none that may be read."""
    import torch
    from torch.torch_version import TorchVersion

    allowed: list[Any] = [TorchVersion]  # a str: training code stores `torch.__version__`
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")
            return _as_arrays(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly everything
        raise CheckpointError(f"cannot be read as a checkpoint: {_reason(error)}") from error


def _as_arrays(value: Any) -> Any:
    """The same with arrays in place of tensors, as `read_plain` gives them."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            return UnreadTensor(str(value.dtype))  # its parts were never checked against each other
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CheckpointError(f"holds a tensor of shape {tuple(value.shape)} that repeats fewer numbers")
        try:
            return (value.float() if value.dtype == torch.bfloat16 else value).detach().cpu().numpy()
        except (TypeError, RuntimeError):
            return UnreadTensor(str(value.dtype))
    if isinstance(value, dict):
        return {key: _as_arrays(inner) for key, inner in value.items()}
    return [_as_arrays(inner) for inner in value] if isinstance(value, list) else value


def _damaged_entries(content: bytes) -> list[str]:
    """Entries of a zip archive that do not match their CRC-32, which torch never looks at.

    Empty where every entry is off: then `torch.serialization.set_crc32_options(False)` left the checksums out. Packed
    or overlapping entries, which torch never writes, could take hours to check and are refused.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > len(content):
                raise CheckpointError("is not a checkpoint: its entries hold more than the file")
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
    if isinstance(error, (MemoryError, RecursionError)):
        return "it claims more than memory holds, or nests too deep"
    return "it is truncated, damaged, or no file of `torch.save`"


def write_checkpoint(path: Path, state: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> None:
    """Write a checkpoint as SpikeSEG's training does: `model_state_dict` and `config`, in torch's zip format."""
    import torch

    tensors = {key: torch.tensor(value) for key, value in state.items()}
    with writing(path) as file:
        torch.save({"model_state_dict": tensors, "config": dict(config)}, file)
