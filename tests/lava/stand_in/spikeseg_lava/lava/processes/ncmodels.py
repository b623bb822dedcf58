"""Stand-in for the models of somebody who owns a floored neuron: found beside our Processes, as Lava's search finds it.

They run on the CPU and compute what `docs/plug-in-microcode.md` says, written another way than ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.processes.neurons import FixedNeuronModel, MultiplicativeLIF, SubtractiveLIF
from spikeseg_lava.lava.runtime.ports import array_var


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("ucoded")
class NcSubtractiveLIF(FixedNeuronModel):
    """The floor as a comparison with the leak, before the subtraction."""

    leak: Any = array_var(np.int32, 24)

    def integrate(self, drive: Any) -> Any:
        driven = self.v.astype(np.int64) + drive + self.bias
        floored = np.where(driven > self.leak, driven - self.leak, 0)
        return floored if self.proc_params["floor"] else driven - self.leak


@implements(proc=MultiplicativeLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("ucoded")
class NcMultiplicativeLIF(FixedNeuronModel):
    """What is kept as a product and a division towards zero."""

    decay: Any = array_var(np.int32, 13)

    def integrate(self, drive: Any) -> Any:
        kept = np.trunc(self.v.astype(np.float64) * (4096 - self.decay) / 4096).astype(np.int64)
        return kept + drive + self.bias
