"""Saves a compiled graph of every kind of Process; `load.py` runs it in an interpreter of its own."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # noqa: F401  # pyright: ignore[reportUnusedImport]

# isort: split
import sys

import numpy as np
import pytest
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.utils.serialization import save

from spikeseg_lava.lava.graph import build_graph, event_steps
from spikeseg_lava.lava.processes import EventSource, SpikeSEGEncoder, SpikeSink, SubtractiveLIF
from spikeseg_lava.lava.stock import build_stock_graph
from spikeseg_lava.stock.lower import lower

model, clip = two_plane_model(), two_plane_clip(steps=4)
config = Loihi2SimCfg(select_tag="fixed_pt")
graph = build_graph(model, clip)
parts = [graph.source, *graph.layers.values(), *graph.sinks.values()]
save(parts, sys.argv[1] + "/layers.pickle", graph.source.compile(config))

source = EventSource(shape=(17, 11, 2), steps=list(event_steps(model, clip)))
encoder = SpikeSEGEncoder(model=model, size=(11, 17))
neurons = SubtractiveLIF(shape=encoder.s_out.shape, threshold=2, v=1, fire_once=True)
sink = SpikeSink(shape=encoder.s_out.shape)
source.s_out.connect(encoder.s_in)
encoder.s_out.connect(neurons.a_in)
neurons.s_out.connect(sink.s_in)
save([encoder, neurons, sink], sys.argv[1] + "/encoder.pickle", encoder.compile(config))

stock = build_stock_graph(lower(model, frames=4, size=(11, 17), method="windows", depth=1), clip)
ends = [*stock.sources.values(), *stock.sinks.values()]
save(ends, sys.argv[1] + "/stock.pickle", ends[0].compile(stock.run_config))

endless = EventSource(shape=(2,), steps=((np.zeros(1, int), 1) for _ in range(9)), name="endless")
with pytest.raises(TypeError, match="`steps` of Process `endless` is an iterator"):
    save(endless, sys.argv[1] + "/generator.pickle")
print("done")
