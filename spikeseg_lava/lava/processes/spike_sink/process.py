"""Spikes out of a graph, without the empty pixels."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.ports.ports import InPort
from numpy.typing import NDArray

from spikeseg_lava.lava.axes import record_rows
from spikeseg_lava.lava.parameters import image_shape
from spikeseg_lava.lava.quiet_process import QuietProcess
from spikeseg_lava.lava.spike_file import SpikeFile


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
