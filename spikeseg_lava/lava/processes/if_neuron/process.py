"""Integrate-and-fire neurons: no leak and no floor."""

from __future__ import annotations

from typing import Any

from spikeseg_lava.lava.neuron_process import NeuronProcess


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
