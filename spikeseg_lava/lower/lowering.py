"""`lower`: a fixed-point model in stock parts only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine import run_engine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointConv, FixedPointLayer, FixedPointModel, InputCode
from spikeseg_lava.lower.build import REFIRE_STEPS, build
from spikeseg_lava.lower.fitting import Codes, LayerClip, encoded, fit_graded, fit_spikes
from spikeseg_lava.lower.limits import SPIKES, layer_problems
from spikeseg_lava.lower.mirror import mirror_problems
from spikeseg_lava.lower.planning import Wish, plan_layer
from spikeseg_lava.lower.stock_model import StockModel, as_given, brightest_of
from spikeseg_lava.lower.stock_network import LayerPlan, StockNetwork
from spikeseg_lava.network import Pair
from spikeseg_lava.record import SpikeRecord

Method = Literal["auto", "exact", "windows", "mirror", "memoryless", "unfloored"]
FRAMES = 10  # of a sample, where neither the model nor a calibration clip says how many


def lower(
    model: FixedPointModel,
    target: str = "stock",
    calibration: NDArray[Any] | None = None,
    *,
    method: Method = "auto",
    depth: int | None = None,
    fidelity: float = 0.995,
    fire_once: bool = True,
    frames: int | None = None,
    size: Pair | None = None,
) -> StockNetwork:
    """Rewrite a model with only Lava processes that the Loihi extension has models for: Conv, Sparse, LIF, LIFReset.

    Layers whose integers keep the limits of these parts (17-bit activations and thresholds, 13-bit bias, even 8-bit
    weights) keep them; others get new ones, `fitted.refitted` tells why. The floor is made by one of the gadgets of
    `spikeseg_lava.lower.windows` and `spikeseg_lava.lower.mirror`.

    Args:
        target: "stock", the only one.
        calibration: a clip Float[T, C, H, W]; chooses integers of refitted layers and the depth of windows.
        method: "auto" takes the fewest windows that keep an IoU of `fidelity` per layer on the clip (without a clip:
            "exact"); "exact" is the floored neuron bit for bit with the fewest neurons; "windows" takes `depth`;
            "mirror" is exact for any number of frames, fire-once only; "memoryless" is windows of depth 1;
            "unfloored" is the plain LIF, to compare.
        depth: of "windows"; default: `frames`, which is exact.
        fire_once: neurons that fire once per sample; it is built in.
        frames: longest sample it must hold for; default: the calibration's, else the model's.
        size: (height, width) of the frames; default: the calibration's, else the model's.

    Raises:
        ArgumentError: an unknown target or method, or arguments that do not fit each other.
        QuantisationError: a layer cannot be written in stock parts at all.
    """
    if target != "stock":
        raise ArgumentError(f"`target` must be 'stock', got {target!r}")
    if method not in get_args(Method):
        raise ArgumentError(f"`method` must be one of {', '.join(get_args(Method))}, got {method!r}")
    size = size or (model.input_size if calibration is None else (calibration.shape[2], calibration.shape[3]))
    if size is None:
        raise ArgumentError("`size` is needed: neither the model nor a calibration clip says how large the frames are")
    frames = frames or (len(calibration) if calibration is not None else model.timesteps or FRAMES)
    wish = Wish(method, depth, fidelity, fire_once, frames)
    fitted, plans = _fitted(model, calibration, wish)
    return build(fitted, plans, size, frames, fire_once)


def _fitted(
    model: FixedPointModel, calibration: NDArray[Any] | None, wish: Wish
) -> tuple[StockModel, dict[str, LayerPlan]]:
    """Every layer as it is or refitted, and its plan."""
    clips = {} if calibration is None else dict(_layer_clips(model, calibration, wish.fire_once))
    stock = as_given(model)
    layers: list[FixedPointLayer] = []
    plans: dict[str, LayerPlan] = {}
    refitted: dict[str, tuple[str, ...]] = {}
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            first = layer is model.convolutions[0]
            clip = clips.get(layer.name)
            given = (model.input,) if first else None
            why = _problems(layer, stock.largest_payloads if first else SPIKES, wish, bool(given))
            codes = given
            if why:
                layer, codes = _refit(layer, given, clip, wish)
                refitted[layer.name] = tuple(why)
            if codes is not None:
                stock = replace(stock, codes=codes)
            payloads = None if clip is None else _payloads(clip.frames, codes)
            plans[layer.name] = plan_layer(layer, wish, payloads)
        layers.append(layer)
    code = model.input if len(stock.codes) == 1 else InputCode(max(code.bits for code in stock.codes), 1.0)
    fitted = replace(model, layers=tuple(layers), input=code)
    return replace(stock, model=fitted, refitted=refitted), plans


def _problems(conv: FixedPointConv, largest: Any, wish: Wish, graded: bool) -> list[str]:
    """What speaks against a layer's integers, for the gadget it will get."""
    steps = 1 if wish.fire_once else REFIRE_STEPS
    found = layer_problems(conv, largest, steps, graded)
    return found + (mirror_problems(conv, largest) if wish.mirrored(conv) else [])


def _refit(
    conv: FixedPointConv, given: Codes | None, clip: LayerClip | None, wish: Wish
) -> tuple[FixedPointConv, Codes | None]:
    lossless = conv.neuron.leak_mode == "multiplicative"

    def problems(candidate: FixedPointConv, largest: Any) -> list[str]:
        return [
            text
            for text in _problems(candidate, largest, wish, given is not None)
            if not (lossless and "factor" in text)
        ]

    if given is None or given[0].bits == 1:
        return fit_spikes(conv, problems), given
    return fit_graded(conv, brightest_of(given[0]), problems, clip)


def _payloads(frames: NDArray[Any], codes: Codes | None) -> NDArray[np.int32]:
    return frames.astype(np.int32) if codes is None else encoded(frames, codes)


def _layer_clips(model: FixedPointModel, frames: NDArray[Any], fire_once: bool) -> Iterator[tuple[str, LayerClip]]:
    """What every convolution sees and answers when the given model runs on the calibration clip."""
    record = run_engine(model, frames, fire_once)
    below = np.asarray(frames)
    shapes = model.shapes((frames.shape[2], frames.shape[3]))
    for layer in model.layers:
        spikes = _dense(record, layer.name, (len(frames), *shapes[layer.name]))
        if isinstance(layer, FixedPointConv):
            yield layer.name, LayerClip(below, spikes.transpose(0, 2, 3, 1), fire_once)
        below = spikes


def _dense(record: SpikeRecord, layer: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    spikes = np.zeros(shape, bool)
    spikes[tuple(record.spikes[layer].T)] = True
    return spikes
