"""From the spikes of a run back to the pixels: saliency, one instance a classification spike, objects.

It works on the spike record of any backend, with the weights of the float network. Sources: SpikeSEG (Kirkland et
al. 2020), HULK-SMASH (Kirkland et al. 2022).
"""

from __future__ import annotations

from spikeseg_lava.decoding.decoder import Decoded, decode
from spikeseg_lava.decoding.instance import Instance
from spikeseg_lava.decoding.smash import group
from spikeseg_lava.decoding.stages import CAUSAL, LAST_STEP, STORED, UNIT, fitting_weights

__all__ = ["CAUSAL", "LAST_STEP", "STORED", "UNIT", "Decoded", "Instance", "decode", "fitting_weights", "group"]
