"""Writing without half-written files and without surprises: what a name already stands for is kept.

A file is written aside, under a name nobody can guess, and renamed when complete. A symbolic link is followed: the file
it names is replaced, not the link. A device or a pipe is written through. A read-only file is left alone.
"""

from __future__ import annotations

import csv
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from spikeseg_lava.errors import ArgumentError

NEW_FILE = 0o666  # less the umask, which the kernel takes off
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that becomes `path` when the block ends without an error, and vanishes otherwise."""
    check_target(path)
    mode = _mode(path)
    if _is_stream(mode):
        with _opened_stream(Path(path)) as file:
            yield file
        return
    target = Path(os.path.realpath(path))  # a link stays, and what it names is written
    aside = target.with_name(f".spikeseg-{secrets.token_hex(8)}.partial")
    with _refused_by_name(path):
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, NEW_FILE)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if mode is not None:
            os.chmod(aside, stat.S_IMODE(mode))
        os.replace(aside, target)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in DISK_FAULTS:
            raise ArgumentError(f"`{os.fspath(path)}` cannot be written: {error.strerror}") from error
        raise


def check_target(path: str | os.PathLike[str]) -> None:
    """ArgumentError where `path` cannot be written: before hours of work, not after."""
    with _refused_by_name(path):
        mode = _mode(path)
        folder = os.path.dirname(os.path.realpath(path)) if mode is None else None
    if folder is not None and not os.path.isdir(folder):
        raise ArgumentError(f"`{path}` cannot be written: folder `{Path(path).parent}` does not exist")
    if mode is None:
        return
    if stat.S_ISDIR(mode):
        raise ArgumentError(f"`{path}` cannot be written: it is a folder")
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise ArgumentError(f"`{path}` cannot be written: it is a disk or a socket")
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise ArgumentError(f"`{path}` cannot be written: it is read-only; make it writable or name another file")


def _mode(path: str | os.PathLike[str]) -> int | None:
    """Type and permissions of what `path` names, links followed; None where there is nothing yet."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_stream(mode: int | None) -> bool:
    """Whether bytes written there go somewhere else: a terminal, /dev/null, a pipe."""
    return mode is not None and (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode))


def _opened_stream(target: Path) -> IO[bytes]:
    """`target` opened for writing; ArgumentError for a pipe that nobody reads, which would block for ever."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        reason = "nobody reads this pipe" if error.errno == errno.ENXIO else error.strerror
        raise ArgumentError(f"`{target}` cannot be written: {reason}") from error
    os.set_blocking(handle, True)
    return os.fdopen(handle, "wb")


@contextmanager
def _refused_by_name(path: str | os.PathLike[str]) -> Iterator[None]:
    """The user's own name in the message, not the one the file is written under."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise ArgumentError(f"`{os.fspath(path)}` cannot be written: {reason}") from error


FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(text: IO[str], columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a header line and `rows` as comma-separated values.

    Names come from strangers: a text that a spreadsheet would run as a formula gets an apostrophe first.
    """
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
