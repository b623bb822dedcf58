"""Writing without half-written files: everything goes aside first and is renamed when complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from spikeseg_lava.errors import ArgumentError


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that becomes `path` when the block ends without an error, and vanishes otherwise."""
    target = Path(path)
    check_target(target)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def check_target(path: str | os.PathLike[str]) -> None:
    """ArgumentError where `path` cannot become a file: to be told before hours of work, not after."""
    target = Path(path)
    if not target.parent.is_dir():
        raise ArgumentError(f"`{target}` cannot be written: folder `{target.parent}` does not exist")
    if target.is_dir():
        raise ArgumentError(f"`{target}` cannot be written: it is a folder")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
