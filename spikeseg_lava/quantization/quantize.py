"""The one call that writes a float network in integers, and what the network must be for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, QuantisationError
from spikeseg_lava.network.bounds import STEPS, check_saturation, layer_ranges
from spikeseg_lava.network.floats import ConvLayer, PoolLayer, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.calibration import CalibrationRun, Frames, calibration_clips, reference_runs
from spikeseg_lava.quantization.options import SPIKES, Options
from spikeseg_lava.quantization.provenance import provenance_of
from spikeseg_lava.quantization.search import LayerSearch, Trial, chosen
from spikeseg_lava.quantization.setting import Rounding


def check_network(network: SpikingNetwork) -> None:
    """QuantisationError naming the layer, the value and the limit where a number has no integer counterpart."""
    if not isinstance(network, SpikingNetwork):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork, got {type(network).__name__}")
    if not network.convolutions:
        raise QuantisationError("`network` has no convolution, expected at least one")
    for layer in network.convolutions:
        _check_finite(layer)
        _check_signs(layer)


def _check_finite(layer: ConvLayer) -> None:
    neuron = layer.neuron
    parts = {"weight": layer.weight, "threshold": neuron.threshold, "leak": neuron.leak, "beta": neuron.beta}
    parts["bias"] = neuron.bias
    for name, values in parts.items():
        bad = int(np.sum(~np.isfinite(values)))
        if bad:
            raise QuantisationError(
                f"`{layer.name}`: {bad} value(s) of `{name}` are no finite number; mend the checkpoint"
            )
    for name in ("threshold", "leak", "beta", "bias"):
        if parts[name].shape != layer.weight.shape[:1]:
            raise QuantisationError(
                f"`{layer.name}`: `{name}` has shape {parts[name].shape}, expected one value for each of the "
                f"{len(layer.weight)} output channels"
            )


def _check_signs(layer: ConvLayer) -> None:
    neuron = layer.neuron
    if neuron.threshold.min() <= 0:
        raise QuantisationError(f"`{layer.name}`: `threshold` must be positive, got {neuron.threshold.min():g}")
    if neuron.leak.min() < 0:
        raise QuantisationError(f"`{layer.name}`: `leak` must be zero or more, got {neuron.leak.min():g}")
    if neuron.beta.min() < 0 or neuron.beta.max() > 1:
        raise QuantisationError(
            f"`{layer.name}`: `beta` must lie in 0..1, got {neuron.beta.min():g} to {neuron.beta.max():g}"
        )


def quantize(
    network: SpikingNetwork,
    target: str = "loihi2",
    calibration: NDArray[Any] | Sequence[NDArray[Any]] | None = None,
    *,
    planes: int | Mapping[str, int] | None = None,
    input_bits: int | None = None,
    per_channel: bool | None = None,
    rounding: Rounding | None = None,
    fire_once: bool | None = None,
) -> FixedPointModel:
    """Write a float network in the integers of a chip (docs/fixed-point.md).

    With `calibration` every layer gets the cheapest setting that keeps every spike of the clips (planes first, then
    payload bits, then scales per channel and calibrated rounding), and where none does, the one with the fewest wrong
    spikes. Without, every layer gets the finest one: two planes, and the payload that leaves weights and input alike
    fine. `provenance["quantisation"]` of the result tells what was tried, chosen and why.

    Args:
        network: the float network.
        target: name of the chip whose word lengths are respected.
        calibration: a clip Float[T, C, H, W], or a list of clips, as the network sees at inference.
        planes: 1 or 2 signed 8-bit weight planes, for all convolutions or by layer name; None: chosen.
        input_bits: payload bits of the frames, 1 for "event or none"; None: chosen.
        per_channel: a scale for every output channel instead of one a layer; None: chosen.
        rounding: "nearest", or "calibrated" (weights up or down so that decisions are kept); None: chosen.
        fire_once: mode in which the spikes of the calibration clips must be kept; None: both.

    Raises:
        ArgumentError: an unknown target, or an option out of its range.
        ClipError: calibration frames that do not fit the network.
        QuantisationError: a layer cannot be written in the integers of the target; names layer, value and limit.
    """
    check_network(network)
    options = Options(planes, input_bits, per_channel, rounding, get_target(target))
    options.check_names([layer.name for layer in network.convolutions])
    clips = () if calibration is None else calibration_clips(network, calibration)
    if rounding == "calibrated" and not clips:
        raise ArgumentError("`rounding` 'calibrated' needs a `calibration` clip, got none; use 'nearest'")
    runs = reference_runs(network, clips, fire_once)
    trials = _trials(network, options, clips, runs)
    best = {name: chosen(tried) for name, tried in trials.items()}
    layers = tuple(x if isinstance(x, PoolLayer) else best[x.name].conv for x in network.layers)
    code = best[network.convolutions[0].name].code
    model = FixedPointModel(
        layers, code, target, network.input_size, network.timesteps, reset_interval=network.reset_interval
    )
    check_saturation(layer_ranges(model, _steps(network, clips)).values())
    return replace(model, provenance=provenance_of(network, model, runs, trials))


def _trials(
    network: SpikingNetwork, options: Options, clips: Sequence[Frames], runs: Sequence[CalibrationRun]
) -> dict[str, list[Trial]]:
    """Settings tried of every convolution, in order of cost."""
    steps = _steps(network, clips)
    trials: dict[str, list[Trial]] = {}
    for layer in network.convolutions:
        codes = [SPIKES] if trials else options.frame_codes(network, clips)
        fine_code = SPIKES if trials else options.balanced_code(network, clips, steps)
        finest = options.finest(layer.name, fine_code), fine_code
        search = LayerSearch(network, layer, runs, options.target, steps)
        trials[layer.name] = search.cheapest(options.settings(layer.name, codes) if runs else [finest], finest)
    return trials


def _steps(network: SpikingNetwork, clips: Sequence[Frames]) -> int:
    """How long a sample may be, as far as is known; matters for neurons without a floor."""
    return max([network.timesteps or 0, *(len(clip) for clip in clips)]) or STEPS
