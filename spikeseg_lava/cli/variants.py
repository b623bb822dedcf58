"""Variants of one network that are set side by side: trained floats, the chip's integers, stock Loihi parts only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.cli.inputs import runner_of
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

if TYPE_CHECKING:
    from spikeseg_lava.execution.objects import Runner
    from spikeseg_lava.stock.cost import StockReport

FLOAT, INTEGER, STOCK = "float", "fixed-point", "stock parts"


def variants_of(
    network: SpikingNetwork,
    fire_once: bool,
    backend: str = "event",
    calibration: Sequence[NDArray[np.float32]] | None = None,
    stock: tuple[Pair, int] | None = None,
) -> dict[str, Runner]:
    """What runs one sample of each variant, the integers on `backend`.

    Args:
        stock: size (height, width) and steps of the samples a stock variant is built for, or None for none.
    """
    from spikeseg_lava.quantization.quantize import quantize

    model = quantize(network, calibration=calibration)
    variants: dict[str, Runner] = {
        FLOAT: runner_of(network, "torch", fire_once),
        INTEGER: model if backend == "event" else runner_of(model, backend, fire_once),
    }
    if stock is not None:
        from spikeseg_lava.stock.lower import lower
        from spikeseg_lava.stock.simulate import run_stock

        size, steps = stock
        clip = calibration[0] if calibration else None
        variants[STOCK] = partial(run_stock, lower(model, "stock", clip, fire_once=fire_once, frames=steps, size=size))
    return variants


def stock_report(model: FixedPointModel, frames: NDArray[Any], fire_once: bool) -> StockReport:
    """The stock variant of a model, made for a clip and measured on it against the model's own spikes."""
    from spikeseg_lava.execution.backends import run
    from spikeseg_lava.stock.cost import measure
    from spikeseg_lava.stock.lower import lower

    reference = run(model, frames, "event", fire_once)
    return measure(lower(model, "stock", frames, fire_once=fire_once), frames, reference)
