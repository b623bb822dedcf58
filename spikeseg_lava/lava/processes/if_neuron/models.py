"""Models of IF in integers and in floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.dynamics import subtractive_fixed, subtractive_float
from spikeseg_lava.lava.neuron_process import FixedNeuronModel, FloatNeuronModel
from spikeseg_lava.lava.processes.if_neuron.process import IF

NO_LEAK = np.zeros(1, np.int64)


@implements(proc=IF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyIFModelFixed(FixedNeuronModel):
    """Saturates at 24 bits."""

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_fixed(self.v, drive, NO_LEAK)


@implements(proc=IF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyIFModelFloat(FloatNeuronModel):
    """In float64."""

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_float(self.v, drive, NO_LEAK)
