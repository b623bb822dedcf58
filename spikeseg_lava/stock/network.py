"""A network written in stock parts: its populations, the integers it executes, and how frames become its payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import FixedPointNeuron, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.parts import InputSource, Population, Synapse


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


Gadget = Literal["direct", "windows", "mirror", "pool"]


@dataclass(frozen=True)
class Signal:
    """Where a layer's spikes leave: a population or source, and the chip step at which those of frame 0 do."""

    name: str
    shape: Shape
    emitted: int


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """How one layer is written.

    Attributes:
        gadget: "direct" (one LIF), "windows" (`depth` LIFReset copies and an OR), "mirror" (floor by hard reset),
            "pool".
        depth: longest window of frames a copy integrates; 0 where it does not apply.
        exact: bit for bit the floored neuron, whatever the input (of at most `StockNetwork.frames` frames).
        note: why.
        neuron: parameters that replace the layer's own, where an approximation has better ones.
    """

    layer: str
    gadget: Gadget
    depth: int = 0
    exact: bool = True
    note: str = ""
    neuron: FixedPointNeuron | None = None


@dataclass(frozen=True, eq=False)
class StockNetwork:
    """Populations and synapses that stock Lava processes run, with everything needed to source them and read them.

    Attributes:
        outputs: layer -> where its spikes leave; frame t leaves at chip step `emitted + steps_per_frame * t`.
        steps_per_frame: chip steps per input frame.
        fitted: the integers it executes, and how frames become its payloads.
        method: as asked of `lower`.
        frames: longest sample for which `exact` plans and the fire-once latch hold.
    """

    populations: tuple[Population, ...]
    synapses: tuple[Synapse, ...]
    sources: tuple[InputSource, ...]
    outputs: Mapping[str, Signal]
    plans: Mapping[str, LayerPlan]
    steps_per_frame: int
    fitted: StockModel
    fire_once: bool
    frames: int
    method: str

    @property
    def exact(self) -> bool:
        """Bit for bit the model that was given: nothing refitted, every layer's gadget exact."""
        return not self.fitted.refitted and all(plan.exact for plan in self.plans.values())

    @property
    def latency(self) -> int:
        """Chip steps from the arrival of a frame to the last layer's spikes."""
        return max(signal.emitted for signal in self.outputs.values()) - 1

    @property
    def has_resets(self) -> bool:
        """Whether neurons are cleared at certain chip steps."""
        return any(population.reset for population in self.populations)

    def arriving_later(self, lag: int) -> StockNetwork:
        """The network for input that reaches it `lag` chip steps late: its reset cycles wait as long."""
        return replace(self, populations=tuple(population.later(lag) for population in self.populations))

    def chip_steps(self, frames: int) -> int:
        """Chip steps until the last layer's spikes of the last of `frames` frames have left."""
        return self.latency + 1 + self.steps_per_frame * (frames - 1)


class Circuit:
    """Collects populations and synapses while a network is lowered.

    Args:
        reset_interval: frames after which neurons are cleared.
        clears: every layer clears its neurons when its first frame arrives, as spikes may come before.
    """

    def __init__(self, steps_per_frame: int, reset_interval: int | None = None, clears: bool = False) -> None:
        self.steps_per_frame, self.reset_interval, self.clears = steps_per_frame, reset_interval, clears
        self.populations: list[Population] = []
        self.synapses: list[Synapse] = []
        self.sources: list[InputSource] = []

    def population(self, population: Population) -> str:
        """Add a population; returns its name."""
        self.populations.append(population)
        return population.name

    def source(self, source: InputSource) -> str:
        """Add a source unless it is there already; returns its name."""
        if source not in self.sources:
            self.sources.append(source)
        return source.name

    def connect(self, *synapses: Synapse) -> None:
        """Add synapses."""
        self.synapses.extend(synapses)
