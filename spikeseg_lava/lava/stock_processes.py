"""Lava's own fixed-point Conv model with its geometry held in 32 bit.

Lava keeps kernel, padding and stride in int8. Since numpy 2 a Python integer that does not fit is an OverflowError in
the sum `width + 2 * padding`, so the model fails on images of 128 pixels and more. The arithmetic is Lava's.

Lava's own Conv, Sparse, LIF and LIFReset Processes for the parts of a stock network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import AbstractPort, ReshapePort
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.sparse.process import Sparse
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from spikeseg_lava.lava.axes import lava_shape, lava_weight, swapped
from spikeseg_lava.lava.runtime.ports import array_var
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.stock.limits import split_bias
from spikeseg_lava.stock.parts import KernelSynapse, PointSynapse, Population, Synapse


class PyWideConvModelFixed(PyConvModelFixed):
    """`PyConvModelFixed` for images of any size, to be chosen by `exception_proc_model_map`."""

    kernel_size: Any = array_var(np.int32, 8)
    stride: Any = array_var(np.int32, 8)
    padding: Any = array_var(np.int32, 8)
    dilation: Any = array_var(np.int32, 8)
    groups: Any = array_var(np.int32, 8)


Ports = Mapping[str, Any]  # source or population -> the port its spikes leave by


def connect_synapses(
    synapses: Iterable[Synapse], ports: Ports, neurons: Mapping[str, Any], shapes: Mapping[str, Shape]
) -> dict[str, Any]:
    """Conv and Sparse Processes between ports and neurons, by name."""
    made: dict[str, Any] = {}
    for synapse in synapses:
        if isinstance(synapse, KernelSynapse):
            made[synapse.name] = _conv(synapse, ports[synapse.source], neurons[synapse.target], shapes[synapse.source])
        else:
            made[synapse.name] = _sparse(synapse, ports[synapse.source], neurons[synapse.target])
    return made


def neuron_process(population: Population) -> Any:
    """LIF, or LIFReset where the population has a reset cycle."""
    mantissa, exponent = split_bias(population.bias, population.name)
    shape = lava_shape(population.shape)
    parameters: dict[str, Any] = {
        "shape": shape,
        "vth": population.threshold,
        "du": population.current_decay,
        "dv": population.voltage_decay,
        "bias_mant": np.broadcast_to(mantissa, shape).astype(np.int32),
        "bias_exp": exponent,
        "name": population.name,
    }
    if population.reset is None:
        return LIF(**parameters)
    return LIFReset(**parameters, reset_interval=population.reset.interval, reset_offset=population.reset.offset)


def _conv(synapse: KernelSynapse, port: Any, neuron: Any, shape: Shape) -> Conv:
    conv = Conv(
        weight=lava_weight(synapse.weight).astype(np.int32),
        input_shape=lava_shape(shape),
        stride=swapped(synapse.stride),
        padding=swapped(synapse.padding),
        groups=synapse.groups,
        num_message_bits=synapse.message_bits,
        name=synapse.name,
    )
    port.connect(conv.s_in)
    conv.a_out.connect(neuron.a_in)
    return conv


def _sparse(synapse: PointSynapse, port: Any, neuron: Any) -> Sparse:
    shape = neuron.a_in.shape
    weights = diags_array(np.full(np.prod(shape), synapse.weight, np.int32), format="csr", dtype=np.int32)
    sparse = Sparse(weights=csr_matrix(weights), weight_exp=synapse.exponent, name=synapse.name)
    _reshaped(port, sparse.s_in.shape).connect(sparse.s_in)
    _reshaped(sparse.a_out, shape).connect(neuron.a_in)
    return sparse


class Reshaped(ReshapePort):
    """Lava's virtual port with a `reshape` that works since numpy 2.1, which renamed an argument that Lava names."""

    def get_transform_func_fwd(self) -> Any:
        return partial(_reshape, self.shape)


def _reshaped(port: Any, shape: tuple[int, ...]) -> Any:
    """`port.reshape(shape)`, with our class of virtual port."""
    virtual = Reshaped(new_shape=shape, old_shape=port.shape)
    port._connect_forward([virtual], AbstractPort, [None], assert_same_shape=False)
    return virtual


def _reshape(shape: tuple[int, ...], data: NDArray[Any]) -> NDArray[Any]:
    return data.reshape(shape)
