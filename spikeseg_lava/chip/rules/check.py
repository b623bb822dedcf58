"""Every design rule on one model: all that is broken, collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.groups import ChipNetwork, as_given
from spikeseg_lava.chip.rules import neuron, placement, synapse
from spikeseg_lava.chip.rules.finding import SEVERITIES, Finding, MappedModel
from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.chip.tiling import place
from spikeseg_lava.errors import ArgumentTypeError
from spikeseg_lava.network.bounds import STEPS, layer_ranges
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.observation import layer_inputs, observe
from spikeseg_lava.spikes.record import SpikeRecord

Rule = Callable[[MappedModel], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    neuron.saturation_of_floored_membranes,
    neuron.saturation_of_membranes_without_floor,
    neuron.accumulator,
    synapse.weight_word,
    synapse.payload_word,
    synapse.odd_mixed_weights,
    synapse.weight_planes,
    neuron.floor_beyond_stock,
    neuron.fire_once_beyond_stock,
    neuron.one_threshold_a_population,
    neuron.decay_word,
    neuron.stock_threshold,
    neuron.stock_bias,
    neuron.stock_current,
    placement.fan_in_axons,
    placement.synapse_memory,
    placement.neurons_on_a_core,
    placement.axons_out,
    placement.chip_count,
    placement.wide_input,
)


def check_rules(
    model: FixedPointModel,
    target: str | Target | None = None,
    size: Pair | None = None,
    *,
    steps: int | None = None,
    fire_once: bool = True,
    frames: NDArray[Any] | None = None,
    record: SpikeRecord | None = None,
) -> list[Finding]:
    """All broken design rules, errors first; an empty list where there is nothing to say.

    Args:
        target: name of a chip or a Target; default: the one the model was quantized for.
        size: (height, width) of the frames; default: the model's.
        steps: time steps of a sample; default: the model's, else 100.
        frames, record: a clip Float[T, C, H, W] and the record of a run on it, for ranges that really occur.

    Raises:
        ArgumentError: an unknown target, or no frame size known.
        RecordError: a record that lacks a layer.
    """
    mapped = examine(model, target, size, steps=steps, fire_once=fire_once, frames=frames, record=record)
    return broken_rules(mapped)


def broken_rules(mapped: MappedModel) -> list[Finding]:
    """What `check_rules` finds, of something examined already."""
    findings = [finding for rule in RULES for finding in rule(mapped)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def examine(
    model: FixedPointModel,
    target: str | Target | None = None,
    size: Pair | None = None,
    *,
    steps: int | None = None,
    fire_once: bool = True,
    frames: NDArray[Any] | None = None,
    record: SpikeRecord | None = None,
    network: ChipNetwork | None = None,
) -> MappedModel:
    """What the rules examine; arguments as `check_rules`, `network` being the form in which the model is placed."""
    if not isinstance(model, FixedPointModel):
        raise ArgumentTypeError(f"`model` must be a FixedPointModel, got {type(model).__name__}; quantize it first")
    target = target if isinstance(target, Target) else get_target(target or model.target)
    if frames is not None:
        size, steps = size or _size(frames), steps or len(frames)
    size = size or model.input_size or (0, 0)
    steps = steps or model.timesteps or STEPS
    observed = None
    if frames is not None and record is not None:
        observed = observe(model, layer_inputs(model, frames, record), fire_once)
    network = network or as_given(model, size)
    ranges = layer_ranges(model, steps, observed)
    return MappedModel(model, target, size, steps, fire_once, network, place(network.groups, target), ranges)


def _size(frames: NDArray[Any]) -> Pair:
    return int(frames.shape[2]), int(frames.shape[3])
