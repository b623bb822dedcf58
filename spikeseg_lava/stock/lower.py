"""`lower`: a fixed-point model in stock parts only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.events.clip import checked_frames
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.approximation import Codes, LayerClip, encoded, fit_graded, fit_spikes
from spikeseg_lava.stock.build import REFIRE_STEPS, build
from spikeseg_lava.stock.circuit import floor_is_idle
from spikeseg_lava.stock.floors import hard_reset_problems
from spikeseg_lava.stock.gadgets import LoweringOptions, choose_gadget
from spikeseg_lava.stock.limits import SPIKES, Payloads, layer_problems
from spikeseg_lava.stock.network import LayerPlan, StockModel, StockNetwork, brightest_of, largest_payloads

Method = Literal["auto", "exact", "windows", "mirror", "memoryless", "leaky", "unfloored"]
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
    weights) keep them; others get new ones, for the reasons in `fitted.refitted`. The floor is made by one of
    the gadgets of `spikeseg_lava.stock.floors`.

    Args:
        target: "stock", the only one.
        calibration: a clip Float[T, C, H, W]; chooses integers of refitted layers and the depth of windows.
        method: "auto" takes the fewest windows that keep an IoU of `fidelity` per layer on the clip (without a clip:
            "exact"); "exact" is the floored neuron bit for bit with the fewest neurons; "windows" takes `depth`;
            "mirror" is exact for any number of frames; "memoryless" is windows of depth 1;
            "leaky" is one LIF with the decay, bias and threshold that fit the clip best; "unfloored" is the plain LIF,
            to compare.
        depth: of "windows"; default: `frames`, which is exact.
        fire_once: neurons that fire once per sample; it is built in.
        frames: longest sample it must hold for; default: the calibration's, else the model's.
        size: (height, width) of the frames; default: the calibration's, else the model's.

    Raises:
        ClipError: a calibration clip that does not fit the model.
        ArgumentError: an unknown target or method, or arguments that do not fit each other.
        QuantizationError: a layer cannot be written in stock parts at all.
    """
    if target != "stock":
        raise ArgumentError(f"`target` must be 'stock', got {target!r}")
    if method not in get_args(Method):
        raise ArgumentError(f"`method` must be one of {', '.join(get_args(Method))}, got {method!r}")
    if not isinstance(model, FixedPointModel):
        raise ArgumentTypeError(f"`model` must be a FixedPointModel, got {type(model).__name__}: `quantize` makes one")
    calibration = None if calibration is None else checked_frames(model, calibration)
    size = size or (model.input_size if calibration is None else (calibration.shape[2], calibration.shape[3]))
    if size is None:
        raise ArgumentError("`size` is needed: neither the model nor a calibration clip says how large the frames are")
    frames = frames or (len(calibration) if calibration is not None else model.timesteps or FRAMES)
    if method == "auto" and calibration is None:
        method = "exact"
    options = LoweringOptions(method, depth, fidelity, fire_once, frames, calibration is not None)
    fitted, plans = _fitted(model, calibration, options)
    return build(fitted, plans, size, frames, fire_once, method)


@dataclass(frozen=True, eq=False)
class LoweredLayer:
    """A convolution as it will be written: `codes` of its payloads (first layer), `why` it was refitted (or empty)."""

    conv: FixedPointConv
    plan: LayerPlan
    codes: Codes | None
    why: tuple[str, ...]


def _fitted(
    model: FixedPointModel, calibration: NDArray[Any] | None, options: LoweringOptions
) -> tuple[StockModel, dict[str, LayerPlan]]:
    """Every layer as it is or refitted, and its plan."""
    clips = {} if calibration is None else dict(_layer_clips(model, calibration, options.fire_once))
    given: Codes | None = (model.input,)
    plain = options.fire_once or all(floor_is_idle(conv) for conv in model.convolutions)
    steps = 1 if plain else REFIRE_STEPS
    lowered: dict[str, LoweredLayer] = {}
    for conv in model.convolutions:
        lowered[conv.name] = _lower_layer(conv, given, clips.get(conv.name), options, steps)
        given = None
    codes = lowered[model.convolutions[0].name].codes or (model.input,)
    layers = tuple(lowered[x.name].conv if x.name in lowered else x for x in model.layers)
    code = codes[0] if len(codes) == 1 else InputCode(max(code.bits for code in codes), 1.0)
    refitted = {name: layer.why for name, layer in lowered.items() if layer.why}
    stock = StockModel(replace(model, layers=layers, input=code), codes, brightest_of(model.input), refitted)
    return stock, {name: layer.plan for name, layer in lowered.items()}


def _lower_layer(
    conv: FixedPointConv, codes: Codes | None, clip: LayerClip | None, options: LoweringOptions, steps: int
) -> LoweredLayer:
    """Keep the layer's integers or choose new ones, then plan it; `codes` only where it sees the frames.

    `steps`: the most chip steps that a frame may take.
    """

    def problems(candidate: FixedPointConv, largest: Payloads) -> list[str]:
        found = layer_problems(candidate, largest, steps, codes is not None)
        return found + (
            hard_reset_problems(candidate, largest, options.fire_once) if options.needs_hard_reset(candidate) else []
        )

    channels, brightest = conv.source.weight.shape[1], 1.0 if codes is None else brightest_of(codes[0])
    why = problems(conv, SPIKES if codes is None else codes[0].largest)
    if why and (codes is None or codes[0].bits == 1):
        conv = fit_spikes(conv, problems)
    elif why and codes is not None:
        conv, codes = fit_graded(conv, brightest, problems, clip)
    payloads = None if clip is None else _payloads(clip.frames, codes)
    largest = SPIKES if codes is None else largest_payloads(codes, brightest, channels)
    return LoweredLayer(conv, choose_gadget(conv, options, payloads, largest), codes, tuple(why))


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
