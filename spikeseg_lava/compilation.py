"""Compiling the kernels: once, kept on disk where that is possible, and it says so when it takes its time."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit  # type: ignore[import-untyped]
from numba.core import event  # type: ignore[import-untyped]

PACKAGE = "spikeseg_lava."
OPTIONS = {"nogil": True, "error_model": "numpy"}

logger = logging.getLogger(__name__)


def compiled(function: Callable[..., Any], **more: Any) -> Any:
    """`function` compiled at its first call and kept on disk; kept in memory only where no folder can be written."""
    users = config.CACHE_DIR  # pyright: ignore[reportAttributeAccessIssue]
    config.CACHE_DIR = str(cache_folder(users))  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return njit(cache=True, **OPTIONS, **more)(function)
    except (RuntimeError, OSError):
        return njit(**OPTIONS, **more)(function)
    finally:
        config.CACHE_DIR = users  # pyright: ignore[reportAttributeAccessIssue]


def inlined(function: Callable[..., Any]) -> Any:
    """`compiled`, and made part of every kernel that calls it: passing a dozen arrays takes as long as a short loop."""
    return compiled(function, inline="always")


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
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spikeseg-lava"
    return folder / f"kernels-{source_digest(here)}"


def source_digest(package: Path) -> str:
    """Digest of all modules of `package` that compile something, and of the constants they compile in."""
    texts = [file.read_bytes() for file in sorted(package.rglob("*.py"))]
    compiling = [text for text in texts if b"spikeseg_lava.compilation import" in text]
    constants = package / "network" / "integers.py"
    return hashlib.sha256(b"".join([*compiling, constants.read_bytes()])).hexdigest()[:16]


class CompilationNotice(event.Listener):
    """Logs, once per process, that kernels are being compiled: the first run is slower than those that follow."""

    def __init__(self) -> None:
        self.told = False

    def on_start(self, event: Any) -> None:
        if not self.told and str(event.data["dispatcher"].py_func.__module__).startswith(PACKAGE):
            self.told = True
            logger.warning("compiling the event kernels: about ten seconds, once; later runs load them from the cache")

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", CompilationNotice())
