"""Spikes out of a graph, without the empty pixels."""

from __future__ import annotations

from typing import Any

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.axes import record_rows
from spikeseg_lava.lava.parameters import population_shape
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.runtime.child_process import more_steps_follow
from spikeseg_lava.lava.runtime.memory import SpikeLog
from spikeseg_lava.lava.runtime.ports import in_port, receive_events


class SpikeSink(QuietProcess):
    """Keeps where and when `s_in` was not 0, without a copy of every step as `lava.proc.io.sink.RingBuffer` makes.

    Parameters
    ----------
    shape : int or tuple of int
        Any shape, e.g. (W, H, C).
    file : SpikeLog
        Where the rows go; default: a file of its own. It has no name and vanishes with the Process.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_in : InPort of `shape`
        Any values; those other than 0 count as spikes. `a_in` reads as `s_in`.
    """

    synonyms = {"a_in": "s_in"}  # noqa: RUF012

    def __init__(
        self, *, shape: int | tuple[int, ...], file: SpikeLog | None = None, name: str | None = None,
        log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.shape = population_shape("shape", shape)
        self.file = SpikeLog() if file is None else file
        super().__init__(shape=self.shape, file=self.file, name=name, log_config=log_config, **kwargs)
        self.s_in = InPort(shape=self.shape)

    def take(self) -> NDArray[Any]:
        """Int32[N, 1 + axes] of the spikes since the last `take`, in order: t from 0, then the axes from last to first.

        For a shape (W, H, C) that is (t, c, y, x).
        """
        return record_rows(*self.file.take(), self.shape)

    def close(self) -> None:
        """Give the file back."""
        self.file.close()


@implements(proc=SpikeSink, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PySpikeSinkModel(PyLoihiProcessModel):
    """Appends the places of a step to the file, at the latest with the last step of a run; takes any number type."""

    proc_params: Any
    s_in: Any = in_port(float)

    def start(self) -> None:
        self.proc_params["file"].prepare()
        super().start()

    def run_spk(self) -> None:
        index, _ = receive_events(self.s_in)
        self.proc_params["file"].append(self.time_step - 1, index, later=more_steps_follow(self))
