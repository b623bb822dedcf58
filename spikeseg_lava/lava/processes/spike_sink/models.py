"""The model of SpikeSink, for messages of any type."""

from __future__ import annotations

from typing import Any

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.processes.spike_sink.process import SpikeSink
from spikeseg_lava.lava.runtime_service import more_steps_follow
from spikeseg_lava.lava.sparse_ports import EventInPort


@implements(proc=SpikeSink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PySpikeSinkModel(PyLoihiProcessModel):
    """Appends the places of a step to the file, at the latest with the last step of a run."""

    proc_params: Any
    s_in: EventInPort = LavaPyType(EventInPort, float)  # type: ignore[assignment]

    def start(self) -> None:
        self.proc_params["file"].prepare()
        super().start()

    def run_spk(self) -> None:
        index, _ = self.s_in.recv()
        self.proc_params["file"].append(self.time_step - 1, index, later=more_steps_follow(self))
