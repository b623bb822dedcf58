"""From a float network to the integers of a chip: scales, rounding, ranges, the choice of the setting and why."""

from spikeseg_lava.quantise.quantize import quantize

__all__ = ["quantize"]
