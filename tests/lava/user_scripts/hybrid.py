"""Ours between Lava's own convolutions, LIFs and ring buffers: run where it was made, saved, loaded and run again."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # pyright: ignore[reportUnusedImport]

# isort: split
import sys
from itertools import pairwise
from typing import Any

import numpy as np
from builders.models import integer_conv, weights
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.process import Conv
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF
from lava.utils.serialization import load, save

import spikeseg_lava as sl
from spikeseg_lava.lava.axes import lava_weight
from spikeseg_lava.lava.processes import OrPool, SpikingConv
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel

ONE_TO_ONE = 8 * np.eye(2, dtype=int)[:, None, None]
STEPS, WIDTH, HEIGHT = 12, 9, 6
random = np.random.default_rng(11)
size = (WIDTH, HEIGHT, 2, STEPS)
payloads = random.integers(1, 9, size) * (random.random(size) < 0.4)
middle = integer_conv("conv", [(weights(1, (3, 2, 3, 2), -20, 60), 0)], [150, 120, 200], 12, padding=(1, 0))
model = FixedPointModel((middle, PoolLayer("pool", (2, 2), (2, 2))), InputCode(1, 1.0), input_size=(HEIGHT, WIDTH))


def chained(*parts):
    """The parts, each connected to the next one's only input."""
    for one, other in pairwise(parts):
        next(iter(one.out_ports)).connect(next(iter(other.in_ports)))
    return parts


source, _, first, conv, pool, last, behind, end = chained(
    Source(data=payloads),
    Conv(weight=ONE_TO_ONE, input_shape=size[:3], num_message_bits=8),
    LIF(shape=size[:3], du=4095, vth=50),
    SpikingConv(
        weight=lava_weight(middle.planes[0].weight), input_shape=size[:3], threshold=[150, 120, 200], leak=12,
        padding=(0, 1), fire_once=True,
    ),
    OrPool(input_shape=(8, 6, 3), kernel=2),
    Conv(weight=lava_weight(weights(2, (2, 3, 1, 2), 2, 60)), input_shape=(4, 3, 3)),
    LIF(shape=(3, 3, 2), du=4095, vth=40),
    Sink(shape=(3, 3, 2), buffer=STEPS),
)  # fmt: skip
taps = [Sink(shape=part.s_out.shape, buffer=STEPS) for part in (first, conv, pool)]
for part, tap in zip((first, conv, pool), taps, strict=True):
    part.s_out.connect(tap.a_in)

executable = source.compile(Loihi2SimCfg(select_tag="fixed_pt"))
save([source, conv, *taps, end], sys.argv[1] + "/hybrid.pickle", executable)
runs = []
loaded: Any = load(sys.argv[1] + "/hybrid.pickle")  # Lava's types do not say which kind of Process
for parts, compiled in (([source, conv, *taps, end], executable), loaded):
    parts[0].create_runtime(executable=compiled)
    parts[0].run(RunSteps(STEPS))
    runs.append([sink.data.get() for sink in parts[2:]])
    np.testing.assert_array_equal(parts[1].membrane, parts[1].v.get())
    runs[-1].append(parts[1].membrane)
    parts[0].stop()

entering, fired, pooled, leaving, membrane = runs[0]
expected = sl.run(model, entering.transpose(3, 2, 1, 0), backend="torch", fire_once=True)
for layer, found in (("conv", fired), ("pool", pooled)):
    rows = np.argwhere(found.transpose(3, 2, 1, 0))
    assert len(rows) > 20
    np.testing.assert_array_equal(rows, expected.spikes[layer])
np.testing.assert_array_equal(membrane.transpose(2, 1, 0), expected.membranes["conv"])
assert leaving.sum() > 10
for made, again in zip(*runs, strict=True):
    np.testing.assert_array_equal(made, again)
print("done")
