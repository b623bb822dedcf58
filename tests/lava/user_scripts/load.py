"""Runs the graphs that `save.py` saved."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # pyright: ignore[reportUnusedImport]

# isort: split
import sys
from typing import Any

import numpy as np
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps
from lava.utils import serialization

import spikeseg_lava as sl


def load(name: str) -> Any:
    """Processes and executable; Lava's types do not say which kind of Process."""
    return serialization.load(f"{sys.argv[1]}/{name}.pickle")


expected = sl.run(two_plane_model(), two_plane_clip(steps=4), backend="torch", fire_once=True)
parts, executable = load("layers")
parts[0].create_runtime(executable=executable)
parts[0].run(RunSteps(4))
by_name = {part.name: part for part in parts}
for name in ("conv1", "conv2"):
    membrane = by_name[name].membrane
    np.testing.assert_array_equal(membrane, by_name[name].v.get())
    np.testing.assert_array_equal(membrane.transpose(2, 1, 0), expected.membranes[name])
    np.testing.assert_array_equal(by_name[f"{name} sink"].take(), expected.spikes[name])
    assert membrane.any()
parts[0].stop()

(encoder, neurons, sink), executable = load("encoder")
encoder.create_runtime(executable=executable)
encoder.run(RunSteps(4))
for name, membrane in encoder.membranes.items():
    np.testing.assert_array_equal(membrane.transpose(2, 1, 0), expected.membranes[name])
np.testing.assert_array_equal(sink.take(), expected.spikes["conv2"])  # each fires once, and 1 + 1 is the threshold
np.testing.assert_array_equal(neurons.membrane, neurons.v.get())
encoder.stop()

parts, executable = load("stock")
parts[0].create_runtime(executable=executable)
parts[0].run(RunSteps(8))
assert len(parts[-1].take()) > 0
parts[0].stop()
print("done")
