"""A spiking convolution from the tensors of its layer."""

from __future__ import annotations

from typing import Any

from spikeseg_lava.checkpoint.neuron import neuron_from
from spikeseg_lava.checkpoint.state import LayerState
from spikeseg_lava.checkpoint.tensors import weights_from
from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.network import ConvLayer

FOREIGN = ("bias", "running_mean", "running_var")  # of a bias or a normalisation: the current would be another one


def convolution_from(state: LayerState, adapted: Any = None) -> ConvLayer:
    """The layer with padding k//2; `adapted` thresholds, where given, replace those of the buffers.

    Raises CheckpointError for a layer with a bias or a normalisation, which the network has none of.
    """
    if foreign := [key for key in state.tensors if key.endswith(FOREIGN)]:
        raise CheckpointError(
            f"`{state.name}` has {', '.join(foreign)}; expected a convolution without bias and normalisation: "
            "train without, or fold it into the weights"
        )
    weight = weights_from(state.tensors["conv.weight"], f"{state.name}.conv.weight")
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return ConvLayer(state.name, weight, neuron_from(state, len(weight), adapted), padding=padding)
