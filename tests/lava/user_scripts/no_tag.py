"""The commonest call of all: a run configuration without a tag, so every Process takes its floating-point model."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # noqa: F401  # pyright: ignore[reportUnusedImport]

# isort: split
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from spikeseg_lava.lava.processes import (
    IF,
    EventSource,
    MultiplicativeLIF,
    OrPool,
    PlaneConv,
    SpikeSink,
    SpikingConv,
    SubtractiveLIF,
)


def run(first, steps):
    first.run(RunSteps(num_steps=steps), Loihi2SimCfg())


# A drive of 0.2 a step reaches 0.5 with the third message, and Dense is a step late.
source, dense = Source(data=np.ones((1, 10))), Dense(weights=np.array([[0.2]]))
neuron, sink = IF(shape=1, vth=0.5), Sink(shape=(1,), buffer=10)
source.s_out.connect(dense.s_in)
dense.a_out.connect(neuron.a_in)
neuron.s_out.connect(sink.a_in)
run(neuron, 10)
assert (np.flatnonzero(sink.data.get()[0]) + 1).tolist() == [4, 7, 10], sink.data.get()
neuron.stop()

# A ring buffer into a convolution and a pool, fractions everywhere: 0.5 * 0.25 - 0.025 is a third of the threshold.
frames = np.zeros((6, 5, 1, 4))
frames[2, 3, 0, :] = 0.5
source = Source(data=frames)
conv = SpikingConv(
    weight=np.full((2, 3, 3, 1), 0.25), input_shape=(6, 5, 1), threshold=0.3, leak=0.025, padding=1, fire_once=True
)
pool, found = OrPool(input_shape=(6, 5, 2), kernel=2), SpikeSink(shape=(3, 2, 2))
source.s_out.connect(conv.s_in)
conv.s_out.connect(pool.s_in)
pool.s_out.connect(found.s_in)
run(source, 4)
assert found.take().tolist() == [[2, c, 1, x] for c in (0, 1) for x in (0, 1)]
source.stop()

# Every neuron, and synapses alone.
for make in (
    lambda: IF(shape=(2, 2, 1), threshold=0.75),
    lambda: SubtractiveLIF(shape=(2, 2, 1), threshold=0.5, leak=0.0625),
    lambda: MultiplicativeLIF(shape=(2, 2, 1), threshold=0.4375, decay=0.25),
):
    source = EventSource(shape=(2, 2, 1), steps=[(np.arange(4), 0.25)] * 6)
    neuron, sink = make(), SpikeSink(shape=(2, 2, 1))
    conv = PlaneConv(weight=np.ones((1, 1, 1, 1)), input_shape=(2, 2, 1))
    source.s_out.connect(conv.s_in)
    conv.a_out.connect(neuron.a_in)
    neuron.s_out.connect(sink.s_in)
    run(neuron, 6)
    spikes = sink.take()
    expected = {"IF": [2, 5], "SubtractiveLIF": [2, 5], "MultiplicativeLIF": [1, 3, 5]}[type(neuron).__name__]
    assert sorted(set(spikes[:, 0].tolist())) == expected, (neuron, spikes)
    neuron.stop()
print("done")
