"""Lossless simplification: identical, silent and unheard maps leave the network; its classification spikes stay."""

from spikeseg_lava.simplification.savings import Savings, savings
from spikeseg_lava.simplification.rewriting import Simplified, simplify

__all__ = ["Savings", "Simplified", "savings", "simplify"]
