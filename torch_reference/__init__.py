"""The network in plain PyTorch, readable as its definition: float neurons and encoder, and the integer oracle."""

from torch_reference.encoder import ReferenceEncoder, run_reference
from torch_reference.functional import spike_fn, spike_function
from torch_reference.neurons import IFNeuron, LIFNeuron, SpikingNeuron, create_neuron

__all__ = [
    "IFNeuron",
    "LIFNeuron",
    "ReferenceEncoder",
    "SpikingNeuron",
    "create_neuron",
    "run_reference",
    "spike_fn",
    "spike_function",
]
