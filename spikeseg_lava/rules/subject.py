"""What the design rules look at: a model at one frame size, on one target, and what a run of it showed."""

from __future__ import annotations

from dataclasses import dataclass

from spikeseg_lava.fixed_point import FixedPointConv, FixedPointLayer, FixedPointModel
from spikeseg_lava.network import Pair, Shape
from spikeseg_lava.ranges import ConvRange
from spikeseg_lava.targets import Target
from spikeseg_lava.tiling import Tiling


@dataclass(frozen=True, eq=False)
class PlacedLayer:
    """A layer with the shape of its input, and how it is cut into cores (None: not even one neuron fits one)."""

    layer: FixedPointLayer
    input_shape: Shape
    output_shape: Shape
    tiling: Tiling | None


@dataclass(frozen=True, eq=False)
class Subject:
    """A model under examination.

    Attributes:
        size: (height, width) of the frames in pixels.
        steps: time steps of a sample.
        ranges: of each convolution, by name.
    """

    model: FixedPointModel
    target: Target
    size: Pair
    steps: int
    fire_once: bool
    layers: tuple[PlacedLayer, ...]
    ranges: dict[str, ConvRange]

    def convolutions(self) -> list[tuple[FixedPointConv, ConvRange]]:
        """Every convolution with its ranges."""
        return [(layer, self.ranges[layer.name]) for layer in self.model.convolutions]
