"""What a network or a model consists of, layer by layer: for a table, without running anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.counting import synapses
from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import html_table, span, text_table

Range = tuple[float, float]  # smallest and largest value over the output channels


@dataclass(frozen=True)
class LayerDescription:
    """One row of the table; None where it does not apply, or where the frame size is not known.

    Attributes:
        kind: "LIF", "IF" (no leak, no floor), "leaky, no floor", or "OR-pool".
        weight: (O, I, kh, kw).
        threshold, leak, beta, decay: in units of the membrane: floats, or the integers of a model.
        beta: of a float multiplicative leak; decay: of an integer one, 1/4096 of the membrane lost a step each.
        exponents: of the weight planes of a model.
        bias: added every step; None where no neuron has one.
        output: (C, H, W) of the spikes.
    """

    name: str
    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair | None = None
    weight: tuple[int, ...] | None = None
    threshold: Range | None = None
    leak_mode: str | None = None
    leak: Range | None = None
    beta: Range | None = None
    decay: Range | None = None
    exponents: tuple[int, ...] | None = None
    bias: Range | None = None
    output: Shape | None = None
    neurons: int | None = None
    synapses: int | None = None


COLUMNS = ("layer", "kind", "kernel", "stride", "maps", "threshold", "leak", "planes << bits", "neurons", "synapses")
LEAK = COLUMNS.index("leak")  # a column `bias` follows it where some layer has one


def _cells(layer: LayerDescription, biased: bool) -> tuple[Any, ...]:
    planes = None if layer.exponents is None else ", ".join(f"8 << {exponent}" for exponent in layer.exponents)
    return (
        layer.name,
        layer.kind,
        "{}x{}".format(*layer.kernel),
        "{}x{}".format(*layer.stride),
        None if layer.weight is None else f"{layer.weight[1]} > {layer.weight[0]}",
        None if layer.threshold is None else span(*layer.threshold),
        _leak(layer),
        *([None if layer.bias is None else span(*layer.bias)] if biased else []),
        planes,
        layer.neurons,
        layer.synapses,
    )


def _leak(layer: LayerDescription) -> str | None:
    """What a step takes off the membrane; of a multiplicative leak, what it leaves, or what it takes of 4096 parts."""
    if layer.beta is not None:
        return f"x {span(*layer.beta)}"
    if layer.decay is not None:
        return f"- {span(*layer.decay)} / 4096"
    return None if layer.leak is None else span(*layer.leak)


@dataclass(frozen=True)
class Description:
    """The layers in the order of the data, printed as a table.

    Attributes:
        input: (C, H, W) of the frames, where known.
        reset_interval: steps after which all state is cleared; None: only between samples.
    """

    layers: tuple[LayerDescription, ...]
    input: Shape | None = None
    reset_interval: int | None = None

    @property
    def neurons(self) -> int | None:
        """Neurons of all convolutions; pools have none."""
        return sum(layer.neurons or 0 for layer in self.layers) if self.input else None

    @property
    def synapses(self) -> int | None:
        """Synapses of all convolutions, without those on the padding."""
        return sum(layer.synapses or 0 for layer in self.layers) if self.input else None

    @property
    def title(self) -> str:
        """Frames, totals and the reset interval in words."""
        cleared = "" if self.reset_interval is None else f"; state is cleared every {self.reset_interval} steps"
        if self.input is None:
            return f"frames of any size{cleared}"
        frames = "frames {}x{}x{} (C x H x W)".format(*self.input)
        totals = f"{self.neurons:,} neurons and {self.synapses:,} synapses, pools and padding not counted"
        return f"{frames}; {totals}{cleared}"

    @property
    def columns(self) -> tuple[str, ...]:
        """`COLUMNS`, and `bias` where a layer has one."""
        return (*COLUMNS[: LEAK + 1], "bias", *COLUMNS[LEAK + 1 :]) if self._biased else COLUMNS

    @property
    def _biased(self) -> bool:
        return any(layer.bias is not None for layer in self.layers)

    def rows(self) -> list[tuple[Any, ...]]:
        """One row of `columns` a layer."""
        return [_cells(layer, self._biased) for layer in self.layers]

    def __str__(self) -> str:
        return f"{text_table(self.columns, self.rows())}\n{self.title}"

    def _repr_html_(self) -> str:
        return html_table(self.title, self.columns, self.rows())

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON-compatible dictionary."""
        return {**asdict(self), "neurons": self.neurons, "synapses": self.synapses}


def describe(network: SpikingNetwork | FixedPointModel, size: Pair | None = None) -> Description:
    """The table of a network or model on frames of `size` (height, width); default: the size it was trained at.

    Raises ArgumentError where frames of that size are too small for a layer.
    """
    size = size or network.input_size
    shapes = [None] * (len(network.layers) + 1) if size is None else _shapes(network, size)
    triples = zip(network.layers, shapes, shapes[1:], strict=False)
    return Description(
        tuple(_row(layer, below, above) for layer, below, above in triples), shapes[0], network.reset_interval
    )


def _shapes(network: SpikingNetwork | FixedPointModel, size: Pair) -> list[Shape]:
    return [(network.input_channels, *size), *network.shapes(size).values()]


def _row(layer: Any, below: Shape | None, above: Shape | None) -> LayerDescription:
    if isinstance(layer, PoolLayer):
        return LayerDescription(layer.name, "OR-pool", layer.kernel, layer.stride, output=above)
    weight = _source(layer).weight.shape
    multiplicative = layer.neuron.leak_mode == "multiplicative"
    is_float = isinstance(layer, ConvLayer)
    return LayerDescription(
        name=layer.name,
        kind=_kind(layer.neuron),
        kernel=(weight[2], weight[3]),
        stride=layer.stride,
        padding=layer.padding,
        weight=tuple(weight),
        threshold=_range(layer.neuron.threshold),
        leak_mode=layer.neuron.leak_mode,
        leak=None if multiplicative else _range(layer.neuron.leak),
        beta=_range(layer.neuron.beta) if multiplicative and is_float else None,
        decay=_range(layer.neuron.decay) if multiplicative and not is_float else None,
        exponents=None if is_float else tuple(plane.exponent for plane in layer.planes),
        bias=_range(layer.neuron.bias) if layer.neuron.bias.any() else None,
        output=above,
        neurons=int(np.prod(above)) if above else None,
        synapses=synapses(layer, below) if below else None,
    )


def _source(layer: ConvLayer | FixedPointConv) -> ConvLayer:
    return layer if isinstance(layer, ConvLayer) else layer.source


def _kind(neuron: Any) -> str:
    if neuron.floor:
        return "LIF"
    leaks = neuron.leak_mode == "multiplicative" or bool(np.any(neuron.leak))
    return "leaky, no floor" if leaks else "IF"


def _range(values: NDArray[Any]) -> Range:
    return values.min().item(), values.max().item()
