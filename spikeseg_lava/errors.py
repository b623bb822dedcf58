"""The exception family of the package: whatever a user can get wrong ends in one of these, with one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SpikeSegLavaError(Exception):
    """Base of every error this package raises on purpose."""


class ArgumentError(SpikeSegLavaError, ValueError):
    """An argument is outside what the function can do."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of a kind the function cannot use."""


class CheckpointError(SpikeSegLavaError):
    """A file is not a checkpoint this package can read."""


class ClipError(SpikeSegLavaError):
    """A clip of frames is missing, malformed or does not fit the network."""


class RecordingError(SpikeSegLavaError):
    """An event recording is missing, truncated or malformed."""


class RecordError(SpikeSegLavaError):
    """A spike record is missing, malformed or does not fit another one."""


class ModelFileError(SpikeSegLavaError):
    """A file is not a fixed-point model of a version this package reads."""


class QuantizationError(SpikeSegLavaError):
    """A network cannot be written in the integers of the target."""


class ExchangeError(SpikeSegLavaError):
    """A network of another format cannot be expressed here, or ours cannot be expressed there."""


class BackendError(SpikeSegLavaError):
    """An execution backend is missing something or failed while running."""


@contextmanager
def placed(place: str, kind: type[SpikeSegLavaError] = ArgumentError) -> Iterator[None]:
    """An ArgumentError within becomes an error of `kind` whose message begins with `place`, a file or a layer."""
    try:
        yield
    except ArgumentError as error:
        raise kind(f"{place}: {error}") from error


SHOWN_CHARACTERS = 300


def printable(text: object, limit: int = SHOWN_CHARACTERS) -> str:
    """`text` on one line and without what a terminal would obey: other characters as escapes, the rest cut.

    Names in files come from strangers: an escape sequence in one could rewrite the screen, and some are megabytes long.
    """
    whole = str(text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole[:limit])
    return shown if len(whole) <= limit else f"{shown}... ({len(whole):,} characters)"
