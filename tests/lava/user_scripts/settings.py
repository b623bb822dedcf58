"""Thresholds, leaks and biases tuned in a compiled graph: the second sample runs with the new ones, as a new model."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # pyright: ignore[reportUnusedImport]

# isort: split
import numpy as np
import pytest
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps

import spikeseg_lava as sl
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.graph import build_graph, event_steps

clip = two_plane_clip(steps=4)
first = two_plane_model()
second = two_plane_model(threshold=[6000, 7000, 12000, 9500], leak=[100, 900, 0, 40], bias=[0, 60, -30, 7])
before, after = (sl.run(model, clip, backend="torch", fire_once=True) for model in (first, second))
assert before.counts != after.counts

steps = list(event_steps(first, clip))
graph = build_graph(first, size=(11, 17), steps=steps + steps, fire_once=True)
conv1, conv2 = graph.layers["conv1"], graph.layers["conv2"]
graph.source.run(RunSteps(4), graph.run_config)
for sample, expected in enumerate((before, after)):
    for name, sink in graph.sinks.items():
        rows = sink.take()
        assert len(rows) > 20
        np.testing.assert_array_equal(rows - [4 * sample, 0, 0, 0], expected.spikes[name], f"{name}, sample {sample}")
    for name in ("conv1", "conv2"):
        membrane = graph.layers[name].membrane
        np.testing.assert_array_equal(membrane.transpose(2, 1, 0), expected.membranes[name])
    if sample == 0:
        conv1.threshold.set(np.array([6000, 7000, 12000, 9500]))
        conv1.leak.set(np.array([100, 900, 0, 40]))
        conv1.bias.set(np.array([0, 60, -30, 7]))
        for conv in (conv1, conv2):
            conv.v.set(0)
            conv.fired.set(0)
        for wrong in (0.5, 2**31):
            with pytest.raises(ArgumentError, match=f"`threshold` of Process `{conv1.name}`"):
                conv1.threshold.set(wrong)
        graph.source.run(RunSteps(4))
graph.source.stop()
print("done")
