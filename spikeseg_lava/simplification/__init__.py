"""Lossless simplification: identical, silent and unheard maps leave the network; its classification spikes stay."""

from spikeseg_lava.simplification.before_after import Savings, savings
from spikeseg_lava.simplification.rewriting import Simplified, simplify

__all__ = ["Savings", "Simplified", "savings", "simplify"]
