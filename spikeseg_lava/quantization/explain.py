"""Every integer of a model traced to its float, its scale, its exponent and its error."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.files import write_csv, writing
from spikeseg_lava.network.bounds import LayerRange, layer_ranges
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.provenance import Trace
from spikeseg_lava.quantization.scales import cut_level

COLUMNS: tuple[str, ...] = (
    "layer",
    "kind",
    "index",
    "float",
    "scale",
    "integer",
    "represented",
    "error",
    "cut",
    "planes",
)


@dataclass(frozen=True, eq=False)
class LayerExplanation:
    """One convolution.

    Attributes:
        exponents: left shift of every weight plane.
        input_scale: payload units per unit of the layer's float input; 1 for spikes.
        scale: Float64[O], membrane units per unit of the float membrane.
        traces: of weights, thresholds, and leaks or decays.
        choice: setting and reason from the model's provenance; empty where it does not say.
        ranges: static worst case.
    """

    name: str
    exponents: tuple[int, ...]
    input_scale: float
    scale: NDArray[np.float64]
    traces: tuple[Trace, ...]
    choice: Mapping[str, Any]
    ranges: LayerRange

    def trace(self, kind: str) -> Trace:
        """The integers of one kind: "weight", "threshold", "leak" or "decay"."""
        for trace in self.traces:
            if trace.kind == kind:
                return trace
        raise ArgumentError(f"`kind` must be one of {', '.join(t.kind for t in self.traces)}, got {kind!r}")

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row an integer."""
        for trace in self.traces:
            for row in trace.rows():
                yield {"layer": self.name, **row}

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "exponents": list(self.exponents),
            "input_scale": self.input_scale,
            "scale": self.scale.tolist(),
            "integers": [trace.summary() for trace in self.traces],
            "choice": dict(self.choice),
            "saturation": self.ranges.saturation,
        }

    def __str__(self) -> str:
        exponents = ", ".join(map(str, self.exponents))
        scale = _span(self.scale)
        lines = [
            f"{self.name}: {len(self.exponents)} plane(s) of signed 8 bit, exponent(s) {exponents}; "
            f"{scale} membrane units per float unit, {self.input_scale:g} payload units per unit of input"
        ]
        if "reason" in self.choice:
            lines.append(f"  chosen: {self.choice['reason']}")
        if "unseen_iou" in self.choice:
            fitted, unseen = (_iou(self.choice[name]) for name in ("fitted_iou", "unseen_iou"))
            lines.append(f"  spike IoU of the whole network: {fitted} on the clips fitted, {unseen} on clips not seen")
        return "\n".join([*lines, *(f"  {_line(trace)}" for trace in self.traces), f"  range of {self.ranges}"])


@dataclass(frozen=True, eq=False)
class ModelExplanation:
    """A model, layer by layer; prints as a summary, `rows` and `save_csv` give every single integer."""

    target: str
    input: InputCode
    layers: tuple[LayerExplanation, ...]

    def __getitem__(self, name: str) -> LayerExplanation:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row an integer, over all layers; keys as in `COLUMNS`."""
        for layer in self.layers:
            yield from layer.rows()

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Every integer as a line of comma-separated values."""
        with writing(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            write_csv(text, COLUMNS, self.rows())
            text.detach()

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "input": {"bits": self.input.bits, "scale": self.input.scale},
            "layers": [layer.to_json() for layer in self.layers],
        }

    def __str__(self) -> str:
        code = self.input
        payload = "1 bit, event or none" if code.bits == 1 else f"{code.bits} bit, round({code.scale:g} x)"
        return "\n".join([f"target {self.target}; input payload {payload}", *map(str, self.layers)])


def explain(model: FixedPointModel, layer: str | None = None) -> ModelExplanation:
    """Trace the integers of `model` (of one `layer`, or of all) to their floats; ArgumentError for an unknown layer."""
    names = [conv.name for conv in model.convolutions]
    if layer is not None and layer not in names:
        raise ArgumentError(f"`layer` must be one of {', '.join(names)}, got {layer!r}")
    ranges = layer_ranges(model)
    layers = (
        _explain_layer(model, conv, ranges[conv.name]) for conv in model.convolutions if layer in (None, conv.name)
    )
    return ModelExplanation(model.target, model.input, tuple(layers))


def _explain_layer(model: FixedPointModel, conv: FixedPointConv, ranges: LayerRange) -> LayerExplanation:
    first = conv is model.layers[0]
    code = model.input if first else InputCode(1, 1.0)
    choices = model.provenance.get("quantization", {}).get("layers", {})
    return LayerExplanation(
        conv.name,
        tuple(plane.exponent for plane in conv.planes),
        code.scale,
        conv.scale,
        (_weights(conv, code), *_neurons(conv)),
        choices.get(conv.name, {}),
        ranges,
    )


def _weights(conv: FixedPointConv, code: InputCode) -> Trace:
    source = conv.source.weight.astype(np.float64)
    limit = cut_level(conv.source, code.bits)[:, None, None, None]
    scale = np.broadcast_to((conv.scale / code.scale)[:, None, None, None], source.shape)
    planes = tuple((plane.weight, plane.exponent) for plane in conv.planes)
    return Trace("weight", source, scale, conv.kernel, source > limit, planes)


def _neurons(conv: FixedPointConv) -> Iterator[Trace]:
    source, neuron = conv.source.neuron, conv.neuron
    whole = np.zeros(len(conv.scale), bool)
    yield Trace("threshold", source.threshold, conv.scale, neuron.threshold.astype(np.int64), whole)
    if neuron.leak_mode == "multiplicative":
        unit = np.full(len(conv.scale), float(DECAY_UNIT))
        yield Trace("decay", source.beta, unit, neuron.decay.astype(np.int64), whole)
    else:
        yield Trace("leak", source.leak, conv.scale, neuron.leak.astype(np.int64), whole)
    if source.bias.any():
        yield Trace("bias", source.bias, conv.scale, neuron.bias.astype(np.int64), whole)


def _iou(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _span(values: NDArray[np.float64]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _line(trace: Trace) -> str:
    facts = trace.summary()
    cut = f", {facts['cut']} cut to the level that fires alone" if facts["cut"] else ""
    of = " of beta" if trace.kind == "decay" else ""
    return (
        f"{trace.kind:<9} {facts['values']} integers from {facts['smallest_integer']} to {facts['largest_integer']}; "
        f"error{of} at most {facts['largest_error']:.3g}, rms {facts['rms_error']:.3g}{cut}"
    )
