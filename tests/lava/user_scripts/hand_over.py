"""Our runtime under a graph, and Lava's own calls on its Processes afterwards; a second graph in Lava's own runtime."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # pyright: ignore[reportUnusedImport]

# isort: split
import numpy as np
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg

import spikeseg_lava as sl
from spikeseg_lava.lava import supervised
from spikeseg_lava.lava.graph import event_steps
from spikeseg_lava.lava.processes import EventSource, SpikeSEGEncoder

model, clip = two_plane_model(), two_plane_clip(steps=4)
expected = sl.run(model, clip, backend="event", fire_once=True)
for layered in (True, False):
    for own in (True, False):
        source = EventSource(shape=(17, 11, 2), steps=list(event_steps(model, clip)))
        encoder = SpikeSEGEncoder(model=model, size=(11, 17))
        source.s_out.connect(encoder.s_in)
        config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=layered)
        if own:
            supervised(encoder, config, timeout=60)
        encoder.run(RunSteps(num_steps=1), config)
        encoder.run(RunSteps(num_steps=3))
        for name, rows in encoder.take().items():
            np.testing.assert_array_equal(rows, expected.spikes[name])
        encoder.stop()
print("done")
