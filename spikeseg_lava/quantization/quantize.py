"""The one call that writes a float network in integers, and what the network must be for it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.errors import ArgumentTypeError, QuantizationError
from spikeseg_lava.exchange.netx.layers import netx_layers
from spikeseg_lava.network.bounds import STEPS, check_saturation, layer_ranges
from spikeseg_lava.network.floats import PoolLayer, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.calibration import (
    Evidence,
    Judgement,
    Progress,
    calibration_clips,
    gather_evidence,
    judge,
)
from spikeseg_lava.quantization.layer_evidence import LayerEvidence
from spikeseg_lava.quantization.options import FIDELITY, Exportable, Options
from spikeseg_lava.quantization.provenance import provenance_of
from spikeseg_lava.quantization.search import Choice, LayerSearch
from spikeseg_lava.quantization.setting import SPIKES, Rounding
from spikeseg_lava.quantization.validation_clips import FrameKind, Frames

logger = logging.getLogger(__name__)
FINER = 4  # by how much smaller a part of the errors layers share, where the whole network loses too much
LEAST_IOU = 0.99  # on the clips fitted; less is warned of
NO_PAYLOAD = "`calibration` holds graded values, but spikes of {} carry no payload: frames become event or none"


def check_network(network: SpikingNetwork) -> None:
    """ArgumentTypeError for anything else; QuantizationError for a network without a convolution."""
    if not isinstance(network, SpikingNetwork):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork, got {type(network).__name__}")
    if not network.convolutions:
        raise QuantizationError("`network` has no convolution, expected at least one")


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
    fidelity: float = FIDELITY,
    exportable: Exportable | None = None,
    progress: Progress | None = None,
) -> FixedPointModel:
    """Write a float network in the integers of a chip (docs/fixed-point.md) so that new recordings keep their spikes.

    Weights are rounded on the clips of `calibration` and on made-up clips, without a clip on made-up ones alone. Each
    layer gets the cheapest setting (planes, then the accumulator's head-room, then scales per channel) that keeps its
    spikes on clips that took no part in rounding: clips held back, copies mirrored, transposed and reversed in time,
    other made-up clips. `provenance["quantization"]` tells what was tried and chosen, and the spike IoU on the clips
    fitted and on those not seen.

    Args:
        network: the float network.
        target: name of the chip whose word lengths, and the registers of whose own neuron, are respected.
        calibration: a clip Float[T, C, H, W], or a list of clips, as the network sees at inference.
        planes: 1 or 2 signed 8-bit weight planes, for all convolutions or by layer name; None: chosen.
        input_bits: payload bits of the frames, 1 for "event or none"; None: chosen.
        per_channel: a scale for every output channel instead of one a layer; None: chosen.
        rounding: "nearest", or "compensated" (errors of weights cancel on inputs like those seen); None: compensated.
        fire_once: mode in which spikes must be kept; None: both.
        fidelity: spike IoU asked of every layer of the whole network on clips not seen; cheaper settings stop there.
        exportable: "netx": weights, thresholds and decays that a lava-dl `.net` file can hold.
        progress: called with what is being done, how much of it is done, and how much there is; None: logged as INFO.

    Raises:
        ArgumentError: an unknown target, or an option out of its range.
        ClipError: calibration frames that do not fit the network.
        QuantizationError: a layer cannot be written in the integers of the target; names layer, value and limit.
        ExchangeError: `exportable`, and a layer has what the file format lacks.
    """
    check_network(network)
    options = Options(planes, input_bits, per_channel, rounding, get_target(target), fidelity, exportable)
    options.check_names([layer.name for layer in network.convolutions])
    clips = () if calibration is None else calibration_clips(network, calibration)
    report = progress or _log
    kind = _frame_kind(network, clips, options)
    without_runs = rounding == "nearest" and not clips  # nothing that runs could tell would change anything
    evidence = Evidence((), (), (), kind) if without_runs else gather_evidence(network, clips, kind, fire_once, report)
    steps = max([network.timesteps or 0, *(len(clip) for clip in clips)]) or STEPS
    model, choices, judged = _within_fidelity(network, evidence, options, steps, report)
    check_saturation(layer_ranges(model, steps).values())
    if exportable == "netx":
        netx_layers(model)
    _warn_of_losses(judged, options)
    return replace(model, provenance=provenance_of(network, model, evidence, choices, judged))


def _log(what: str, done: int, total: int) -> None:
    logger.info("quantizing: %s, %d of %d", what, done, total)


def _frame_kind(network: SpikingNetwork, clips: Sequence[Frames], options: Options) -> FrameKind:
    """What frames are: as in the user's clips; without a clip, binary where the payload can be nothing else."""
    one_bit = options.input_bits == 1 or options.payload_bits == 1 or isinstance(network.layers[0], PoolLayer)
    if clips:
        kind = FrameKind.of(clips)
        if options.payload_bits == 1 and not kind.binary:
            warnings.warn(NO_PAYLOAD.format(options.target.name), stacklevel=3)
        return kind
    return FrameKind(binary=one_bit)


def _within_fidelity(
    network: SpikingNetwork, evidence: Evidence, options: Options, steps: int, progress: Progress
) -> tuple[FixedPointModel, dict[str, Choice], Judgement]:
    """Layers as cheap as the whole network allows, judged on clips that take part in no rounding.

    Where it loses more than asked, layers share a quarter of the errors, and accumulators may saturate; and integers
    are chosen as without the user's clips. The best of these is taken, so no clip makes them worse than none.
    """
    searches = _searches(network, evidence, options, steps)
    # Made-up clips alone cannot tell what is cheap enough: without a clip layers get what loses least, or nearly so.
    allowed = (1 - options.fidelity) / len(searches) / (1 if evidence.given else FINER)
    best = _judged(network, searches, evidence, allowed, False, progress)
    for kept in (evidence, replace(evidence, given=())) if evidence.given else (evidence,):
        worst = best[2].worst
        if worst is None or worst >= options.fidelity:
            break
        if kept is not evidence:
            searches = _searches(network, kept, options, steps)
        again = _judged(network, searches, evidence, allowed / FINER, True, progress)
        best = again if (again[2].worst or 0.0) > worst else best
    return best


def _searches(network: SpikingNetwork, evidence: Evidence, options: Options, steps: int) -> list[LayerSearch]:
    seen = (LayerEvidence(network, layer, evidence) for layer in network.convolutions)
    return [LayerSearch(one, evidence.kind, options, steps) for one in seen]


def _judged(
    network: SpikingNetwork,
    searches: Sequence[LayerSearch],
    evidence: Evidence,
    allowed: float,
    saturating: bool,
    progress: Progress,
) -> tuple[FixedPointModel, dict[str, Choice], Judgement]:
    model, choices = _searched(network, searches, allowed, saturating, progress)
    return model, choices, judge(model, evidence)


def _searched(
    network: SpikingNetwork,
    searches: Sequence[LayerSearch],
    allowed: float,
    saturating: bool,
    progress: Progress,
) -> tuple[FixedPointModel, dict[str, Choice]]:
    first_is_pool = isinstance(network.layers[0], PoolLayer)
    trials: dict[str, Choice] = {}
    for done, search in enumerate(searches):
        progress("layers", done, len(searches))
        frames = not trials and not first_is_pool
        codes = search.frame_codes() if frames else [SPIKES]
        trials[search.layer.name] = Choice.of(search.trials(codes, allowed, saturating), allowed)
    progress("layers", len(searches), len(searches))
    layers = tuple(x if isinstance(x, PoolLayer) else trials[x.name].trial.conv for x in network.layers)
    code = trials[network.convolutions[0].name].trial.code
    made = FixedPointModel(
        layers,
        code,
        searches[0].options.target.name,
        network.input_size,
        network.timesteps,
        reset_interval=network.reset_interval,
    )
    return made, trials


def _warn_of_losses(judged: Judgement, options: Options) -> None:
    low = {name: iou for name, iou in judged.fitted.items() if iou is not None and iou < LEAST_IOU}
    if low:
        layers = ", ".join(f"`{name}` {iou:.3f}" for name, iou in low.items())
        warnings.warn(
            f"the integers keep less than {LEAST_IOU:g} of the spikes of the calibration clips (IoU {layers}); allow "
            f"more `planes` or `input_bits`, or another `target` than {options.target.name}",
            stacklevel=3,
        )
