"""From a float network to the integers of a chip: scales, rounding, ranges, the choice of the setting and why."""

from spikeseg_lava.quantization.explain import LayerExplanation, ModelExplanation, explain
from spikeseg_lava.quantization.provenance import Trace
from spikeseg_lava.quantization.quantize import quantize

__all__ = ["LayerExplanation", "ModelExplanation", "Trace", "explain", "quantize"]
