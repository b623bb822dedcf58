"""The one way kernels are compiled: at their first call, kept on disk where that is possible, announced once.

A folder that cannot be written, a disk that is full and a kept kernel that is damaged only cost time: the kernel is
then compiled in memory, and one notice says so.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile

PACKAGE = "spikeseg_lava."
OPTIONS = {"nogil": True, "error_model": "numpy"}
CHECKSUM_BYTES = 4

NOTICE = (
    "compiling the kernels: the first run of each command takes up to a minute longer, later ones load what was kept"
)

logger = logging.getLogger(__name__)


def compiled(function: Callable[..., Any], **more: Any) -> Any:
    """`function` compiled at its first call and kept on disk; kept in memory only where no folder can be written."""
    kernel: Any = njit(**OPTIONS, **more)(function)
    users = config.CACHE_DIR  # pyright: ignore[reportAttributeAccessIssue]
    try:
        config.CACHE_DIR = str(cache_folder(users))  # pyright: ignore[reportAttributeAccessIssue]
        kernel._cache = KernelCache(function)
    except (RuntimeError, OSError) as error:
        announce_once("kernels are compiled in memory, no folder can keep them", error)
    finally:
        config.CACHE_DIR = users  # pyright: ignore[reportAttributeAccessIssue]
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """`compiled`, and made part of every kernel that calls it: passing a dozen arrays takes as long as a short loop."""
    return compiled(function, inline="always")


class KernelCache(FunctionCache):
    """Numba's kept kernels, where a damaged file or a full disk is no error: the kernel is compiled in memory."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        kept = self._cache_file
        self._cache_file = ChecksummedFile(self.cache_path, self._impl.filename_base, kept._source_stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kept kernel; None where there is none, or only a damaged one, which is then replaced."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # a damaged pickle can raise nearly everything
            announce_once("the cache of compiled kernels is damaged, they are compiled again", error)
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel, or go on without."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk, a folder that has gone
            announce_once("kernels are compiled in memory, their cache cannot be written", error)
            self.disable()

    def _forget(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


class ChecksummedFile(IndexDataCacheFile):
    """Kept kernels are machine code: a flipped bit would crash or miscalculate, so a checksum follows each."""

    def _dump(self, obj: Any) -> bytes:
        content = super()._dump(obj)
        return content + zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little")

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        if zlib.crc32(content[:-CHECKSUM_BYTES]).to_bytes(CHECKSUM_BYTES, "little") != content[-CHECKSUM_BYTES:]:
            raise ValueError(f"{name} does not match its checksum")
        return super()._load_data(name)


def cache_folder(users: str = "") -> Path:
    """A folder of this very version of the kernels, in the folder `users` chose by NUMBA_CACHE_DIR, if any.

    Numba renews a kept function when its own file has changed, but not when a function it calls has: a folder named
    after the text of all of them does.
    """
    here = Path(__file__).parent
    if users:
        folder = Path(users)
    elif os.access(here, os.W_OK):
        folder = here / "__pycache__"
    else:
        folder = _users_cache() / "spikeseg-lava"
    return folder / f"kernels-{source_digest(here)}"


def _users_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@functools.cache
def source_digest(package: Path) -> str:
    """Digest of all modules of `package` that compile something, and of the constants they compile in."""
    texts = [file.read_bytes() for file in sorted(package.rglob("*.py"))]
    compiling = [text for text in texts if b"spikeseg_lava.compilation import" in text]
    constants = package / "network" / "integers.py"
    return hashlib.sha256(b"".join([*compiling, constants.read_bytes()])).hexdigest()[:16]


_announced: set[str] = set()


def announce_once(line: str, error: Exception) -> None:
    """Logs `line` with its reason, once per process."""
    if line not in _announced:
        _announced.add(line)
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        logger.warning(f"{line} ({reason[:200]})")


class CompilationNotice(event.Listener):
    """Logs, once per machine, that kernels are being compiled: the first run of a command is slower than those after.

    A file beside the kept kernels records that the notice was shown; without a folder it is shown once per process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.told = False
        self.folder = folder

    def on_start(self, event: Any) -> None:
        if self.told or not str(event.data["dispatcher"].py_func.__module__).startswith(PACKAGE):
            return
        self.told = True
        folder = self.folder or cache_folder(config.CACHE_DIR)  # pyright: ignore[reportAttributeAccessIssue]
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "told").touch(exist_ok=False)  # FileExistsError where another run has told
            logger.warning(NOTICE)
            return
        if not folder.is_dir():
            logger.warning(NOTICE)

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", CompilationNotice())
