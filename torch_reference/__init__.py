"""The network in plain PyTorch, readable as its definition: float neurons and encoder, and the integer oracle."""

from spikeseg_lava.network.floats import LeakMode
from torch_reference.encoder import ReferenceEncoder, run_reference
from torch_reference.functional import (
    if_step,
    lif_step_multiplicative,
    lif_step_subtractive,
    soft_spike_fn,
    spike_fn,
    spike_function,
)
from torch_reference.neurons import BaseNeuron, FractionOfThetaWarning, IFNeuron, LIFNeuron, create_neuron, lif_step

__all__ = [
    "BaseNeuron",
    "FractionOfThetaWarning",
    "IFNeuron",
    "LIFNeuron",
    "LeakMode",
    "ReferenceEncoder",
    "create_neuron",
    "if_step",
    "lif_step",
    "lif_step_multiplicative",
    "lif_step_subtractive",
    "run_reference",
    "soft_spike_fn",
    "spike_fn",
    "spike_function",
]
