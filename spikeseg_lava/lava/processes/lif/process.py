"""Leaky integrate-and-fire neurons with the floor that SpikeSEG's have and `lava.proc.lif.LIF` has not."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.variable import Var

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.neuron_process import NeuronProcess
from spikeseg_lava.lava.parameters import channel_values


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
