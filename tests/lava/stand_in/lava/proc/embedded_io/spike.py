"""Stand-in for the spike adapters of the Loihi extension: same names and ports, on the CPU, and late on request.

It is no simulation of the chip. It notes how the adapters are called, and delays what enters by LATE chip steps.
"""

from __future__ import annotations

from collections import deque
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


class PyToN3ConvAdapter(AbstractProcess):
    """Payloads into a convolution."""

    def __init__(self, *, shape: tuple[int, ...], num_message_bits: int, spike_exp: int, compression: Any) -> None:
        CALLS.append(("in", {"shape": shape, "bits": num_message_bits, "exp": spike_exp, "compression": compression}))
        super().__init__(late=LATE, shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)


class NxToPyAdapter(AbstractProcess):
    """Spikes out."""

    def __init__(self, *, shape: tuple[int, ...], num_message_bits: int) -> None:
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
