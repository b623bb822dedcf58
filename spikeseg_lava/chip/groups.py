"""What is placed on neuron cores: groups of neurons, and the groups of synapses that reach them.

A model gives one neuron group a layer. A network lowered to stock parts gives several: whoever lowers it describes them
with these classes, so that tiling, step time and report need not know how a floor is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network import counting
from spikeseg_lava.network.counting import CountedLayer
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

Rows = NDArray[np.integer]  # [N, 4] of (t, c, y, x)
Sharing = Literal["kernel", "diagonal", "point"]


@dataclass(frozen=True)
class SynapseGroup:
    """The synapses from one source to a neuron group.

    Attributes:
        source: name of the neuron group (or input) below; `source_shape` (C, H, W) of it.
        window: kernel (height, width), moved over the source by `stride` with `padding`.
        copies: groups of the same geometry, such as weight planes.
        sharing: "kernel": one kernel for all places, from all channels to all; "diagonal": the same with weights
            between equal channels only; "point": from each neuron to the one of equal place, each stored for itself.
    """

    source: str
    source_shape: Shape
    window: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    copies: int = 1
    sharing: Sharing = "kernel"

    @property
    def fan_in(self) -> int:
        """Synapses of a neuron away from the borders, one copy."""
        return self.window[0] * self.window[1] * (self.source_shape[0] if self.sharing == "kernel" else 1)

    @property
    def dense(self) -> bool:
        """Every neuron sees everything below."""
        return self.sharing == "kernel" and self.window == self.source_shape[1:] and self.padding == (0, 0)


@dataclass(frozen=True)
class NeuronGroup:
    """Neurons of shape (C, H, W) that one parameter set serves, for `layer` of the network."""

    name: str
    shape: Shape
    synapses: tuple[SynapseGroup, ...]
    layer: str

    @property
    def neurons(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def dense(self) -> bool:
        """Every synapse of it is stored for itself, as every neuron sees everything below."""
        return bool(self.synapses) and all(group.dense for group in self.synapses)


@dataclass(frozen=True, eq=False)
class ChipNetwork:
    """A network in the form in which it is placed on the chip, and what it did on a clip.

    Attributes:
        form: how its neurons are made, in words.
        stock: Lava's own Processes make all of it.
        exact: its spikes are those of the model, whatever the input.
        steps_per_frame: chip steps a frame takes; `latency`: chip steps until the last layer answers.
        spikes: Int[N, 4] (chip step from 0, c, y, x) of every group and input, by name, ordered by step; None without a
            clip. `steps`: chip steps of the run.
    """

    groups: tuple[NeuronGroup, ...]
    form: str
    stock: bool = False
    exact: bool = True
    steps_per_frame: int = 1
    latency: int = 0
    spikes: Mapping[str, Rows] | None = None
    steps: int = 0

    @property
    def neurons(self) -> int:
        return sum(group.neurons for group in self.groups)


def layer_group(layer: CountedLayer, input_shape: Shape, source: str = "input") -> NeuronGroup:
    """A layer as it is, for an input (C, H, W)."""
    synapses = SynapseGroup(
        source, input_shape, counting.window(layer), layer.stride,
        (0, 0) if isinstance(layer, PoolLayer) else layer.padding, counting.planes(layer),
        "diagonal" if isinstance(layer, PoolLayer) else "kernel",
    )  # fmt: skip
    return NeuronGroup(layer.name, layer.output_shape(input_shape), (synapses,), layer.name)


def model_groups(network: SpikingNetwork | FixedPointModel, size: Pair | None = None) -> tuple[NeuronGroup, ...]:
    """Every layer as it is, on frames of `size` (height, width); ArgumentError where no size is known."""
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    shape: Shape = (network.input_channels, height, width)
    source, groups = "input", []
    for layer in network.layers:
        groups.append(layer_group(layer, shape, source))
        source, shape = layer.name, shapes[layer.name]
    return tuple(groups)


def as_given(
    network: SpikingNetwork | FixedPointModel,
    size: Pair | None = None,
    spikes: Mapping[str, Rows] | None = None,
    steps: int = 0,
) -> ChipNetwork:
    """One neuron on the chip for each of the network; `spikes` of every layer and of "input" where it ran."""
    return ChipNetwork(model_groups(network, size), "one neuron for each of the model", spikes=spikes, steps=steps)
