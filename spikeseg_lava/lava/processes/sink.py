"""Spikes out of a graph, without the empty pixels.

The model of SpikeSink, for messages of any type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.axes import record_rows
from spikeseg_lava.lava.parameters import image_shape
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.ports import EventInPort
from spikeseg_lava.lava.runtime.service import more_steps_follow
from spikeseg_lava.lava.runtime.spool import SpikeFile


class SpikeSink(QuietProcess):
    """Keeps where and when `s_in` was not 0; read it with `take` after a run, or what there is of it during one.

    Args:
        shape: (W, H, C).
        file: where the rows go; default: a file of its own. It has no name and vanishes with the Process.

    Port: `s_in` (W, H, C).
    """

    def __init__(self, *, shape: tuple[int, int, int], file: SpikeFile | None = None, name: str | None = None) -> None:
        self.shape = image_shape("shape", shape)
        self.file = SpikeFile() if file is None else file
        super().__init__(file=self.file, name=name)
        self.s_in = InPort(shape=self.shape)

    def take(self) -> NDArray[np.int32]:
        """Int32[N, 4] of the spikes since the last `take`: (t, c, y, x) in order, t from 0."""
        return record_rows(*self.file.take(), self.shape)

    def close(self) -> None:
        """Give the file back."""
        self.file.close()


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
