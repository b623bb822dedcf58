"""What a stock network is made of: populations of Lava's LIF neuron and synapses of Lava's Conv and Sparse, as data.

One chip step of a population, `a` being what its synapses deliver (bit_accurate_loihi model of `lava.proc.lif`)::

    u = trunc0(u * (4095 - du) / 4096) + (a << 6)          wraps at 24 bit
    v = trunc0(v * (4096 - dv) / 4096) + u + bias          clipped to +-(2**23 - 1)
    S = v > threshold << 6 ;  v = 0 where S

Every synapse delivers the spikes of the step before. Units: `threshold` and weights count activations, `bias` counts
1/64 of one (the units of u and v).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import FORGET_CURRENT

ACTIVATION_SHIFT = 6
Role = Literal["window", "neuron", "fire", "floor", "detector", "relay", "pool"]


ONCE = 2**15  # chip steps: the shortest interval of a cycle that comes once
SPARE = 64  # chip steps by which a run may be longer than planned, as adapters delay it


@dataclass(frozen=True)
class ResetCycle:
    """`LIFReset`: u and v are cleared before the input of every chip step n (from 1) with n = offset mod interval.

    `once`: they are to be cleared at the offset only, so the interval is longer than any run.
    """

    interval: int
    offset: int
    once: bool = False

    @classmethod
    def at_start(cls, offset: int) -> ResetCycle:
        """Cleared once, at chip step `offset`."""
        return cls(ONCE, offset, once=True)

    def later(self, lag: int) -> ResetCycle:
        """The cycle for input that arrives `lag` chip steps late."""
        return replace(self, offset=self.offset + lag)

    def outlasting(self, steps: int) -> ResetCycle:
        """The cycle for a run of `steps` chip steps: one that is to come once does not come again within them."""
        longest = steps + self.offset + SPARE
        return replace(self, interval=max(ONCE, 1 << longest.bit_length())) if self.once else self

    def due(self, step: int) -> bool:
        return step % self.interval == self.offset % self.interval


@dataclass(frozen=True, eq=False)
class Population:
    """One LIF (or LIFReset) process.

    Attributes:
        shape: (channels, height, width).
        threshold: vth, 17 bit, one for all neurons.
        bias: Int64[C], one per channel, in 1/64 activations.
        current_decay: du; voltage_decay: dv; 12 bit, one for all neurons.
        layer: the layer of the network it serves.
        role: what it does for that layer.
    """

    name: str
    shape: Shape
    threshold: int
    bias: NDArray[np.int64]
    layer: str
    role: Role
    voltage_decay: int = 0
    current_decay: int = FORGET_CURRENT
    reset: ResetCycle | None = None

    @property
    def neurons(self) -> int:
        return int(np.prod(self.shape))

    def later(self, lag: int) -> Population:
        """The population for input that arrives `lag` chip steps late."""
        return self if self.reset is None else replace(self, reset=self.reset.later(lag))

    def outlasting(self, steps: int) -> Population:
        """The population for a run of `steps` chip steps: what is to be cleared once is cleared once."""
        return self if self.reset is None else replace(self, reset=self.reset.outlasting(steps))


@dataclass(frozen=True, eq=False)
class KernelSynapse:
    """One Conv process, written as torch does: `weight` Int64[O, I / groups, kh, kw], cross-correlation.

    Attributes:
        message_bits: of graded payloads; 0 where the source sends 0/1 spikes.
    """

    name: str
    source: str
    target: str
    weight: NDArray[np.int64]
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    message_bits: int = 0


@dataclass(frozen=True)
class PointSynapse:
    """One Sparse process: neuron to neuron of equal place, `weight << exponent` for a spike."""

    name: str
    source: str
    target: str
    weight: int
    exponent: int


Synapse = KernelSynapse | PointSynapse


@dataclass(frozen=True)
class InputSource:
    """The input as the host sends it: the payload of frame t, shifted left by `shift`, at chip step 1 + delay + K t."""

    name: str
    shape: Shape
    bits: int
    shift: int = 0
    delay: int = 0
