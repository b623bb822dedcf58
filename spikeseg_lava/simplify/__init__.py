"""Lossless simplification: identical, silent and unheard maps leave the network; its classification spikes stay."""

from spikeseg_lava.simplify.savings import Savings, savings
from spikeseg_lava.simplify.simplify import Simplified, simplify

__all__ = ["Savings", "Simplified", "savings", "simplify"]
