"""Models of the leaky neurons in integers and in floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.dynamics import (
    multiplicative_fixed,
    multiplicative_float,
    subtractive_fixed,
    subtractive_float,
)
from spikeseg_lava.lava.neuron_process import FixedNeuronModel, FloatNeuronModel
from spikeseg_lava.lava.processes.lif.process import MultiplicativeLIF, SubtractiveLIF


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySubtractiveLIFModelFixed(FixedNeuronModel):
    """Saturates at 24 bits."""

    leak: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_fixed(self.v, drive, self.leak)


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySubtractiveLIFModelFloat(FloatNeuronModel):
    """In float64."""

    leak: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return subtractive_float(self.v, drive, self.leak)


@implements(proc=MultiplicativeLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyMultiplicativeLIFModelFixed(FixedNeuronModel):
    """Decay in units of 1/4096, rounded towards zero; saturates at 24 bits."""

    decay: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=13)  # type: ignore[assignment]

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return multiplicative_fixed(self.v, drive, self.decay)


@implements(proc=MultiplicativeLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyMultiplicativeLIFModelFloat(FloatNeuronModel):
    """Decay as a fraction, in float64."""

    decay: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]

    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        return multiplicative_float(self.v, drive, self.decay)
