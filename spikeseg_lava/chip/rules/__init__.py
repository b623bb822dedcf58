"""Design rules of a chip: what a model needs that the chip does not give, all of it at once."""

from spikeseg_lava.chip.rules.check import RULES, broken_rules, check, examine
from spikeseg_lava.chip.rules.finding import Finding

__all__ = ["RULES", "Finding", "broken_rules", "check", "examine"]
