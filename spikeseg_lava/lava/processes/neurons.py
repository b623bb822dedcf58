"""Integrate-and-fire neurons: no leak and no floor.

Models of IF in integers and in floats.

Leaky integrate-and-fire neurons with the floor that SpikeSEG's have and `lava.proc.lif.LIF` has not.

Models of the leaky neurons in integers and in floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.layer_spec import (
    multiplicative_fixed,
    multiplicative_float,
    subtractive_fixed,
    subtractive_float,
)
from spikeseg_lava.lava.parameters import channel_values
from spikeseg_lava.lava.processes.base import FixedNeuronModel, FloatNeuronModel, NeuronProcess


class IF(NeuronProcess):
    """`V = V + A`; `S = V >= threshold`; `V = 0` where S. See NeuronProcess for ports and Vars.

    Args:
        shape: of the population, channels last, e.g. (W, H, C).
        threshold: one number or one per channel; integers in `fixed_pt` models.
        fire_once: a neuron fires at most once.
    """

    def __init__(
        self, *, shape: tuple[int, ...], threshold: Any, fire_once: bool = False, name: str | None = None
    ) -> None:
        super().__init__(shape, threshold, floor=False, fire_once=fire_once, name=name)


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


class SubtractiveLIF(NeuronProcess):
    """`V = max(V + A - leak, 0)`; `S = V >= threshold`; `V = 0` where S. See NeuronProcess for ports and Vars.

    Args:
        shape: of the population, channels last, e.g. (W, H, C).
        threshold, leak: one number or one per channel (Vars); integers in `fixed_pt` models.
        floor: False leaves out the `max`.
        fire_once: a neuron fires at most once.
    """

    def __init__(
        self, *, shape: tuple[int, ...], threshold: Any, leak: Any = 0,
        floor: bool = True, fire_once: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(shape, threshold, floor, fire_once, name)
        leak = channel_values("leak", leak, shape[-1])
        self.leak = Var(shape=leak.shape, init=leak)


class MultiplicativeLIF(NeuronProcess):
    """`V = max(kept(V) + A, 0)`; `S = V >= threshold`; `V = 0` where S. See NeuronProcess for ports and Vars.

    `fixed_pt`: `kept(V) = sign(V) * ((|V| * (4096 - decay)) >> 12)`, decay 0..4096.
    `floating_pt`: `kept(V) = (1 - decay) * V`, decay 0..1. (SpikeSEG's beta is `1 - decay`.)

    Args:
        shape: of the population, channels last, e.g. (W, H, C).
        threshold, decay: one number or one per channel (Vars).
        floor: False leaves out the `max`.
        fire_once: a neuron fires at most once.
    """

    def __init__(
        self, *, shape: tuple[int, ...], threshold: Any, decay: Any = 0,
        floor: bool = True, fire_once: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(shape, threshold, floor, fire_once, name)
        decay = channel_values("decay", decay, shape[-1])
        if decay.max() > 4096:
            raise ArgumentError(f"`decay` is at most 4096 (fixed_pt) or 1 (floating_pt), got {decay.max()}")
        self.decay = Var(shape=decay.shape, init=decay)


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
