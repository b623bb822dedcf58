"""Several samples in one graph: state is read, monitored, set, reset by Lava's Reset, and cleared by an interval."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # pyright: ignore[reportUnusedImport]

# isort: split
import numpy as np
import pytest
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.reset import Reset
from lava.proc.monitor.process import Monitor

import spikeseg_lava as sl
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.graph import event_steps
from spikeseg_lava.lava.processes import EventSource, SpikeSEGEncoder

model, clip = two_plane_model(), two_plane_clip(steps=4)
expected = sl.run(model, clip, backend="torch", fire_once=True)
steps = list(event_steps(model, clip))


def graph(samples, **options):
    source = EventSource(shape=(17, 11, 2), steps=steps * samples)
    encoder = SpikeSEGEncoder(model=model, size=(11, 17), **options)
    source.s_out.connect(encoder.s_in)
    return encoder


def check(encoder, sample):
    for name, rows in encoder.take().items():
        assert len(rows) > 50
        np.testing.assert_array_equal(rows - [4 * sample, 0, 0, 0], expected.spikes[name], f"{name}, sample {sample}")
    for name, membrane in encoder.membranes.items():
        np.testing.assert_array_equal(membrane.transpose(2, 1, 0), expected.membranes[name])


for layered in (False, True):
    config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=layered)

    encoder = graph(2)
    encoder.run(RunSteps(4), config)
    check(encoder, 0)
    np.testing.assert_array_equal(encoder.conv1_v.get(), encoder.membranes["conv1"])
    assert encoder.conv2_fired.get().sum() == len(expected.spikes["conv2"])
    for var in (*encoder.v.values(), *encoder.fired.values()):
        var.set(0)
    encoder.run(RunSteps(4))
    check(encoder, 1)
    start = np.arange(encoder.conv2_v.size).reshape(encoder.conv2_v.shape) % 90
    encoder.conv2_v.set(start)
    np.testing.assert_array_equal(encoder.conv2_v.get(), start)
    with pytest.raises(ArgumentError, match=r"`(conv1_)?v` of Process"):
        encoder.conv1_v.set(2**23)
    encoder.stop()

    encoder = graph(3, reset_interval=4, reset_offset=1)  # before steps 1, 5, 9
    for sample in range(3):
        encoder.run(RunSteps(4), config)
        check(encoder, sample)
    encoder.stop()

    encoder, monitor = graph(2), Monitor()
    monitor.probe(encoder.conv1_v, 8)
    resets = [Reset(interval=4, offset=3) for _ in range(4)]
    for reset, var in zip(resets, (*encoder.v.values(), *encoder.fired.values()), strict=True):
        reset.connect_var(var)
    encoder.run(RunSteps(8), config)
    watched = monitor.get_data()[encoder.name]["conv1_v"]
    rows = encoder.take()["conv2"]
    for sample in range(2):
        of_sample = rows[(rows[:, 0] >= 4 * sample) & (rows[:, 0] < 4 * sample + 4)] - [4 * sample, 0, 0, 0]
        np.testing.assert_array_equal(of_sample, expected.spikes["conv2"])
    np.testing.assert_array_equal(watched[2], watched[6])
    assert watched[2].any()
    encoder.stop()
print("done")
