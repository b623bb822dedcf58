"""Models of OrPool: per event; they differ in the type of their messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.layer_step import PoolStep
from spikeseg_lava.lava.processes.pool.process import OrPool
from spikeseg_lava.lava.sparse_ports import EventInPort, EventOutPort


class OrPoolModel(PyLoihiProcessModel):
    """Holds the event engine's pool."""

    s_in: Any
    proc_params: Any
    s_out: Any

    def start(self) -> None:
        self._layer = PoolStep(self.proc_params["spec"])
        super().start()

    def run_spk(self) -> None:
        self.s_out.send(self._layer.step(*self.s_in.recv()))


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyOrPoolModelFixed(OrPoolModel):
    """Integer messages."""

    s_in: EventInPort = LavaPyType(EventInPort, np.int32, precision=24)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=1)  # type: ignore[assignment]


@implements(proc=OrPool, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyOrPoolModelFloat(OrPoolModel):
    """Float messages."""

    s_in: EventInPort = LavaPyType(EventInPort, float)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
