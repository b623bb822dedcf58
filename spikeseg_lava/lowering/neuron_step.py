"""One chip step of the stock LIF in the integers of Lava's bit_accurate_loihi model, saturation and wrap included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import DECAY_BITS, DECAY_UNIT, STATE_MAX
from spikeseg_lava.lowering.parts import ACTIVATION_SHIFT, Population

WRAP = 2**24


class PopulationState:
    """u and v, Int64[H, W, C], of one population."""

    def __init__(self, population: Population) -> None:
        channels, height, width = population.shape
        self.population = population
        self.threshold = population.threshold << ACTIVATION_SHIFT
        self.u = np.zeros((height, width, channels), np.int64)
        self.v = np.zeros((height, width, channels), np.int64)

    def step(self, chip_step: int, activation: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Spikes Bool[H, W, C] of chip step `chip_step` (from 1) for what the synapses deliver."""
        reset = self.population.reset
        if reset is not None and reset.due(chip_step):
            self.u[:], self.v[:] = 0, 0
        kept = DECAY_UNIT - 1 - self.population.current_decay
        self.u = wrapped(decayed(self.u, kept) + (activation << ACTIVATION_SHIFT))
        self.v = decayed(self.v, DECAY_UNIT - self.population.voltage_decay) + self.u + self.population.bias
        np.clip(self.v, -STATE_MAX, STATE_MAX, out=self.v)
        spikes = self.v > self.threshold
        self.v[spikes] = 0
        return spikes


def decayed(state: NDArray[np.int64], kept: int) -> NDArray[np.int64]:
    """`state * kept / 4096`, rounded towards zero."""
    if kept in (0, DECAY_UNIT):
        return state * (kept // DECAY_UNIT)
    return np.sign(state) * ((np.abs(state) * kept) >> DECAY_BITS)


def wrapped(current: NDArray[np.int64]) -> NDArray[np.int64]:
    """The current as 24 bit hold it: beyond +2**23, or at or beyond -2**23, it comes in at the other end, once."""
    half = WRAP // 2
    return current - WRAP * (current > half) + WRAP * (current <= -half)
