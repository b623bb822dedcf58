"""Checks of what users hand to our Processes, in the parent, where an error can still be shown plainly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import DECAY_UNIT, STATE_MAX, STATE_MIN
from spikeseg_lava.network.parameters import check_reset_interval


def channel_values(name: str, value: Any, channels: int, least: float = 0.0) -> NDArray[Any]:
    """A scalar or one value per channel as an array [1] or [channels]; ArgumentError if below `least`."""
    values = np.atleast_1d(np.asarray(value))
    if values.shape not in ((1,), (channels,)):
        raise ArgumentError(f"`{name}` must be one number or {channels}, one per channel, got shape {values.shape}")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or values.min() < least:
        bound = f" of {least:g} or more" if np.isfinite(least) else ""
        raise ArgumentError(f"`{name}` must hold finite numbers{bound}, got {values.tolist()}")
    return values


def pair(name: str, value: int | Pair, least: int) -> Pair:
    """A number for both axes, or (x, y)."""
    values = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) != 2 or any(int(n) != n or n < least for n in values):
        raise ArgumentError(f"`{name}` must be an integer of {least} or more, or a pair (x, y) of them, got {value!r}")
    return int(values[0]), int(values[1])


def image_shape(name: str, value: Any) -> tuple[int, int, int]:
    """A shape (W, H, C)."""
    values = tuple(value)
    if len(values) != 3 or any(int(n) != n or n < 1 for n in values):
        raise ArgumentError(f"`{name}` must be (W, H, C) with three positive integers, got {value!r}")
    return int(values[0]), int(values[1]), int(values[2])


def windows(name: str, size: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Output size (W, H): `(n + 2 * padding - kernel) // stride + 1`; ArgumentError where the kernel does not fit."""
    width, height = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if width < 1 or height < 1:
        raise ArgumentError(f"`{name}` {kernel} does not fit an image of {size[0]}x{size[1]} with padding {padding}")
    return width, height


def population_shape(name: str, value: Any) -> tuple[int, ...]:
    """A shape, from a tuple or from the number of neurons of a line, as `lava.proc.lif` takes it."""
    values = (value,) if isinstance(value, (int, np.integer)) else value
    if not isinstance(values, (tuple, list)) or any(isinstance(n, str) for n in values):
        raise ArgumentTypeError(f"`{name}` must be an integer or a tuple of integers, got {value!r}")
    shape = tuple(int(n) for n in values)
    if not shape or shape != tuple(values) or min(shape) < 1:
        raise ArgumentError(f"`{name}` must hold one or more positive integers, got {value!r}")
    return shape


def state_values(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An initial state, one number for all or an array that broadcasts to `shape`."""
    values = np.asarray(value)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ArgumentError(f"`{name}` must hold finite numbers, got {value!r}")
    try:
        return np.array(np.broadcast_to(values, shape))
    except ValueError:
        raise ArgumentError(
            f"`{name}` must be one number or an array of shape {shape}, got shape {values.shape}"
        ) from None


def reset_cycle(interval: int | None, offset: int) -> tuple[int | None, int]:
    """Interval and offset of a periodic reset, as `lava.proc.lif.process.LIFReset` takes them; None: no reset."""
    check_reset_interval(interval)
    if isinstance(offset, bool) or not isinstance(offset, (int, np.integer)):
        raise ArgumentTypeError(f"`reset_offset` must be an integer, got {offset!r}")
    return (None if interval is None else int(interval)), int(offset)


@dataclass(frozen=True)
class Limits:
    """What a Var may hold, by number type: bounds of integer models, bounds of floating-point models."""

    integer: tuple[int, int]
    floating: tuple[float, float] = (-np.inf, np.inf)

    def check(self, what: str, value: Any, number: np.dtype[Any]) -> None:
        """ArgumentError, beginning with `what`, unless a model of this number type holds every value exactly."""
        values = np.asarray(value)
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ArgumentError(f"{what} must hold finite numbers, got {value!r}")
        if number.kind == "f":
            least, most = self.floating
            if (worst := _worst(values, least, most)) is not None:
                raise ArgumentError(f"{what} must lie in {least:g}..{most:g} in a floating-point model, got {worst}")
            return
        least, most = max(self.integer[0], np.iinfo(number).min), min(self.integer[1], np.iinfo(number).max)
        broken = values[values != np.floor(values)]
        if broken.size:
            raise ArgumentError(
                f"{what} must hold integers in a fixed-point model, got {broken.flat[0]:g}: choose "
                "`select_tag='floating_pt'`, or scale the network to integers"
            )
        if (worst := _worst(values, least, most)) is not None:
            raise ArgumentError(f"{what} must lie in {least}..{most} in a fixed-point model, got {worst}")


def _worst(values: NDArray[Any], least: float, most: float) -> Any:
    outside = values[(values < least) | (values > most)]
    return outside.flat[0] if outside.size else None


MEMBRANE = Limits((STATE_MIN, STATE_MAX))
FIRED = Limits((0, 1), (0, 1))
THRESHOLD = Limits((0, 2**31 - 1), (0, np.inf))
EVENT_THRESHOLD = Limits((1, 2**31 - 1), (0, np.inf))  # per event, an idle neuron must not fire by itself
LEAK = Limits((0, 2**31 - 1), (0, np.inf))
DECAY = Limits((0, DECAY_UNIT), (0, 1))
BIAS = Limits((STATE_MIN, STATE_MAX))
WEIGHT = Limits((-(2**31), 2**31 - 1))
WEIGHT_EXPONENT = Limits((0, 31), (0, 31))
