"""A fixed-point model inside the limits of stock parts, and how frames become its payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ClipError
from spikeseg_lava.fixed_point import FixedPointModel, InputCode


@dataclass(frozen=True, eq=False)
class StockModel:
    """The integers a stock network executes.

    Attributes:
        model: its input channels are the payload planes of `codes`, one after the other; its own input code takes
            these payloads as they are.
        codes: one, or two where the first layer was refitted: a coarse weight times a fine payload, and what that
            weight missed times a coarse payload.
        brightest: largest frame value; the proof that no current wraps ends there.
        refitted: layers whose integers were chosen anew because the given ones do not fit; layer -> reasons.
    """

    model: FixedPointModel
    codes: tuple[InputCode, ...]
    brightest: float
    refitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def largest_payloads(self) -> NDArray[np.int64]:
        """Int64[C]: largest payload of every input channel of `model`."""
        return largest_payloads(self.codes, self.brightest, self.model.input_channels // len(self.codes))

    def encode(self, frames: NDArray[Any]) -> NDArray[np.int32]:
        """Int32[T, C, H, W] payloads of all planes; ClipError where a frame is brighter than was allowed for."""
        if self.codes[0].bits > 1 and np.max(frames, initial=0) > self.brightest:
            raise ClipError(
                f"`frames` reach {np.max(frames):g}, the network was lowered for values up to {self.brightest:g}"
            )
        return np.concatenate([code.encode(frames) for code in self.codes], axis=1)


def as_given(model: FixedPointModel) -> StockModel:
    """The model with its own input code."""
    return StockModel(model, (model.input,), brightest_of(model.input))


def brightest_of(code: InputCode) -> float:
    """Largest frame value a code can say."""
    return 1.0 if code.bits == 1 else code.largest / code.scale


def largest_payloads(codes: tuple[InputCode, ...], brightest: float, channels: int) -> NDArray[np.int64]:
    """Int64[codes * channels]: largest payload of every channel of every plane, for values up to `brightest`."""
    largest = [1 if code.bits == 1 else min(code.largest, int(np.rint(brightest * code.scale))) for code in codes]
    return np.repeat(largest, channels)
