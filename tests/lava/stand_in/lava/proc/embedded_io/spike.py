"""Stand-in for the spike adapters of the Loihi extension: same names and ports, on the CPU, and late on request.

It is no simulation of the chip. It notes how the adapters are called, and delays what enters by LATE chip steps.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

CALLS: list[tuple[str, dict[str, Any]]] = []
LATE = 0


def _refuse_other_widths(bits: int, shown: tuple[int, ...]) -> None:
    if bits not in shown:
        raise NotImplementedError(f"num_message_bits={bits}: public code shows {shown}")


class PyToN3ConvAdapter(AbstractProcess):
    """Payloads into a convolution."""

    def __init__(self, *, shape: tuple[int, ...], num_message_bits: int, spike_exp: int, compression: Any) -> None:
        _refuse_other_widths(num_message_bits, (16, 24, 32))
        CALLS.append(("in", {"shape": shape, "bits": num_message_bits, "exp": spike_exp, "compression": compression}))
        super().__init__(late=LATE, shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)


class NxToPyAdapter(AbstractProcess):
    """Spikes out."""

    def __init__(self, *, shape: tuple[int, ...], num_message_bits: int) -> None:
        _refuse_other_widths(num_message_bits, (0, 16, 24, 32))
        CALLS.append(("out", {"shape": shape, "bits": num_message_bits}))
        super().__init__(late=0, shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)


class LateModel(PyLoihiProcessModel):
    """Passes messages on, `late` steps later."""

    proc_params: Any
    inp: Any = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: Any = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._waiting = deque([np.zeros(proc_params["shape"], np.int32)] * proc_params["late"])

    def run_spk(self) -> None:
        self._waiting.append(self.inp.recv().astype(np.int32))
        self.out.send(self._waiting.popleft())


@implements(proc=PyToN3ConvAdapter, protocol=LoihiProtocol)
@requires(CPU)
class PyInModel(LateModel):
    """Model of PyToN3ConvAdapter."""


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
class PyOutModel(LateModel):
    """Model of NxToPyAdapter."""


def refuse_what_public_code_does_not_show(graph: Any, admitted: Iterable[str]) -> None:
    """NotImplementedError for a form on neuron cores that no public code shows, unless `admitted` says so in words.

    Shown by lava-dl's netx (chip tests, tutorials): Conv without groups, one Conv an adapter, one synapse a LIF,
    thresholds of 16 bit, a bias exponent for all neurons, message bits 0, 16, 24 or 32.
    """
    words, reached = " ".join(admitted), Counter(_targets(graph))
    for name, process in graph.synapses.items():
        groups = int(np.prod(process.groups.init)) if hasattr(process, "groups") else 1
        bits = int(np.prod(process.num_message_bits.init))
        if groups != 1 or bits not in (0, 16, 24, 32):
            raise NotImplementedError(f"{name}: groups={groups}, num_message_bits={bits}")
    for name, process in graph.neurons.items():
        if process.name != name:
            raise NotImplementedError(f"{process.name} is not named {name}")
        if np.size(process.bias_exp.init) != 1:
            raise NotImplementedError(f"{name}: a bias exponent for every neuron")
        many, high = reached[name] > 1, int(process.vth.init) >= 2**16
        if (many or high) and f"`{name}`" not in words:
            raise NotImplementedError(f"{name}: {reached[name]} synapses, threshold {process.vth.init}")


def _targets(graph: Any) -> Iterator[str]:
    """Name of the neuron behind every synapse."""
    owners = {id(process.a_in): name for name, process in graph.neurons.items()}
    for process in graph.synapses.values():
        for port in process.a_out.get_dst_ports():
            if id(port) in owners:
                yield owners[id(port)]
