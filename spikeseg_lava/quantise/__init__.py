"""From a float network to the integers of a chip: scales, rounding, ranges, the choice of the setting and why."""

from spikeseg_lava.quantise.explain import LayerExplanation, ModelExplanation, explain
from spikeseg_lava.quantise.quantize import quantize
from spikeseg_lava.quantise.ranges import LayerRange, analyse_ranges
from spikeseg_lava.quantise.trace import Trace

__all__ = ["LayerExplanation", "LayerRange", "ModelExplanation", "Trace", "analyse_ranges", "explain", "quantize"]
