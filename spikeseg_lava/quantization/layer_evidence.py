"""What one layer saw in the runs of the float network: its close calls, their moments, the errors they lead to.

Layers are looked at one by one, each on the input it has in the float network. Whole spikes are few on a clip, so what
the errors of integers cost is estimated as well::

    wrong spikes = (membranes per unit at the threshold) * (mean |error of V| near it)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, InputCode
from spikeseg_lava.network.observation import input_windows
from spikeseg_lava.quantization.calibration import CalibrationRun, Evidence, compare_layer
from spikeseg_lava.quantization.close_calls import CloseCalls, close_calls, received
from spikeseg_lava.quantization.compensation import Moments, PatchSums, moments_of, pooled_second, signed_groups
from spikeseg_lava.quantization.rounding import decay_of
from spikeseg_lava.quantization.validation_clips import Frames
from spikeseg_lava.spikes.comparison import LayerComparison

NEAR = 0.3  # of the threshold: how near a membrane must be for its patch to count in full
AT = 0.15  # of the threshold: so near, membranes are counted and their errors measured
USUAL = 0.5  # of made-up clips have no larger drive
FORGOTTEN = 0.01  # patches that count for less than this are left out


@dataclass(frozen=True, eq=False)
class _LayerRun:
    """A run as one layer saw it: its inputs, and its close calls where the run decides something of its own.

    Without a run of the whole network these are frames for the first layer.
    """

    run: CalibrationRun | None
    inputs: Frames
    calls: list[CloseCalls] | None


class LayerEvidence:
    """The runs as one layer saw them; keeps what several trials share: inputs, close calls and their moments."""

    def __init__(self, network: SpikingNetwork, layer: ConvLayer, evidence: Evidence) -> None:
        self.layer = layer
        self.given, self.made_up, self.unseen = (
            [_as_seen(network, layer, run) for run in part]
            for part in (evidence.given, evidence.made_up, evidence.unseen)
        )
        if layer is network.layers[0]:
            scenes = [
                _LayerRun(None, scene, close_calls(layer, scene, False, network.reset_interval))
                for scene in evidence.scenes
            ]
            self.made_up += scenes[::2]
            self.unseen += scenes[1::2]
        self._moments: dict[InputCode, list[Moments]] = {}
        self._seen_drive: NDArray[np.float64] | None = None

    @property
    def known(self) -> bool:
        """There are clips of the user."""
        return bool(self.given)

    def compared(
        self, conv: FixedPointConv, code: InputCode
    ) -> tuple[tuple[LayerComparison, ...], tuple[LayerComparison, ...]]:
        """An integer layer against the float one on the user's clips, and on those that take part in no rounding."""
        fitted, unseen = (
            tuple(compare_layer(conv, code, seen.inputs, seen.run) for seen in part if seen.run is not None)
            for part in (self.given, self.unseen)
        )
        return fitted, unseen

    def seen_drive(self) -> NDArray[np.float64] | None:
        """Float64[O]: the largest drive of one step on the clips given, or the usual one of made-up clips."""
        if self._seen_drive is None:
            drives = [_largest_drive(self.layer, seen.inputs) for seen in self.given or self.made_up]
            self._seen_drive = np.quantile(drives, 1.0 if self.given else USUAL, axis=0) if drives else None
        return self._seen_drive

    def moments(self, code: InputCode) -> list[Moments]:
        """What the close calls of the fitted runs ask of the weights, by channel, for an input as `code` says it."""
        if code not in self._moments:
            self._moments[code] = list(self._find_moments(code))
        return self._moments[code]

    def _find_moments(self, code: InputCode) -> Iterator[Moments]:
        groups, size = signed_groups(self.layer), self.layer.weight[0].size
        sums = {o: PatchSums.empty(size) for o in {o for o, _ in groups}}
        theta = self.layer.neuron.threshold
        for seen in self.given + self.made_up:
            for o, call, patches, membranes in self._calls(seen, code):
                representative, sign = groups[o]
                closeness = np.exp(-np.square(call.distance / (NEAR * theta[o])))
                close = closeness > FORGOTTEN
                sums[representative].add(sign * patches[close], membranes[close], closeness[close])
        second = pooled_second(list(sums.values()))
        weight = self.layer.weight.astype(np.float64).reshape(len(groups), -1)
        own = {o: self._with_payload(moments_of(one, second, weight[o]), code, weight[o]) for o, one in sums.items()}
        yield from (own[o] for o, _ in groups)

    def _with_payload(self, moments: Moments, code: InputCode, weight: NDArray[np.float64]) -> Moments:
        """Where no close call tells what rounding the payload costs, half a unit of one input in ten does."""
        if moments.rest or code.bits == 1 or not np.array_equal(moments.second, np.eye(len(weight))):
            return moments
        return replace(moments, rest=float(np.square(weight).sum()) / 12 / code.scale**2)

    def _calls(
        self, seen: _LayerRun, code: InputCode
    ) -> Iterator[tuple[int, CloseCalls, NDArray[np.float64], NDArray[np.float64]]]:
        """Channel, close calls, patches Float64[K, D] in integer units of the input, and the membranes they mean."""
        if seen.calls is None:
            return
        neuron, shape = self.layer.neuron, (len(self.layer.weight), -1)
        weight = self.layer.weight.astype(np.float64).reshape(shape)
        kept = 1 - decay_of(neuron) / DECAY_UNIT
        encoded = received(self.layer, seen.calls, code.encode(seen.inputs) / code.scale, kept)
        floats = received(self.layer, seen.calls, seen.inputs.astype(np.float64), neuron.beta)
        for o, (call, patches, exact) in enumerate(zip(seen.calls, encoded, floats, strict=True)):
            yield o, call, patches, exact @ weight[o]

    def expected_wrong(self, conv: FixedPointConv, code: InputCode) -> float | None:
        """Part of the spikes of the unseen runs that the errors near the threshold are expected to turn."""
        theta, wrong, spikes = self.layer.neuron.threshold, 0.0, 0
        for seen in self.unseen:
            for o, call, patches, membranes in self._calls(seen, code):
                near = np.abs(call.distance) <= AT * theta[o]
                error = self._errors(conv, code, o, call, patches, membranes)[near]
                wrong += call.density(AT * theta[o]) * float(np.abs(error).mean()) if len(error) else 0.0
            spikes += sum(call.fired for call in seen.calls or ())
        return float(wrong / spikes) if spikes else None

    def _errors(
        self,
        conv: FixedPointConv,
        code: InputCode,
        o: int,
        call: CloseCalls,
        patches: NDArray[np.float64],
        membranes: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Float64[K]: how much farther above the threshold the integer membrane is than the float one."""
        scale, neuron = conv.scale[o], self.layer.neuron
        drive = patches @ (conv.kernel[o].ravel() / scale * code.scale) - membranes
        kept = 1 - conv.neuron.decay[o] / DECAY_UNIT
        pull = conv.neuron.pull[o] / scale * _times(kept, call.steps) - neuron.pull[o] * _times(
            neuron.beta[o], call.steps
        )
        # ceil leaves the decision to the next whole membrane below: half a unit on average
        return drive - pull - ((conv.neuron.threshold[o] - 0.5) / scale - neuron.threshold[o])


def _times(kept: float, steps: NDArray[np.int64]) -> NDArray[np.floating]:
    """Float[K]: how many steps' worth of a constant a membrane holds after `steps` steps that keep a part of it."""
    return (1 - kept**steps) / (1 - kept) if kept < 1 else steps.astype(np.float64)


def _as_seen(network: SpikingNetwork, layer: ConvLayer, run: CalibrationRun) -> _LayerRun:
    inputs = run.inputs(network)[layer.name]
    return _LayerRun(run, inputs, None if run.twin else close_calls(layer, inputs, run.fire_once, run.reset_interval))


def _largest_drive(layer: ConvLayer, inputs: Frames) -> NDArray[np.float64]:
    """Float64[O]: of one step, either way."""
    height, width = layer.weight.shape[2:4]
    windows = input_windows(inputs, (height, width), layer.stride, layer.padding)
    sums = (np.tensordot(layer.weight, window, axes=((1, 2, 3), (0, 3, 4))) for window in windows)
    largest = [np.abs(drive).max(axis=(1, 2), initial=0) for drive in sums]
    return np.max(largest, axis=0, initial=0).astype(np.float64) if largest else np.zeros(len(layer.weight))
