"""Lava's own tests of its LIF, adapted to our neurons; and where both are the same neuron, they agree step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.monitor.process import Monitor

from spikeseg_lava.lava.processes import IF, MultiplicativeLIF, SubtractiveLIF

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
FIXED, FLOAT = Loihi2SimCfg(select_tag="fixed_pt"), Loihi2SimCfg(select_tag="floating_pt")
BOTH = pytest.mark.parametrize("config", [FIXED, FLOAT], ids=["fixed_pt", "floating_pt"])


def watched(neurons: Any, drive: np.ndarray, config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and membranes [steps, neurons] of a population driven by [neurons, steps]."""
    steps = drive.shape[1]
    source, sink, monitor = Source(data=drive), Sink(shape=neurons.s_out.shape, buffer=steps), Monitor()
    source.s_out.connect(neurons.a_in)
    neurons.s_out.connect(sink.a_in)
    monitor.probe(neurons.v, steps)
    neurons.run(RunSteps(num_steps=steps), config)
    try:
        return sink.data.get().T, monitor.get_data()[neurons.name]["v"]
    finally:
        neurons.stop()


@BOTH
def test_initial_membrane_and_bias_drive_a_neuron_without_input(config: Any) -> None:
    neurons = IF(shape=3, vth=10, v=[0, 4, -6], bias=[3, 3, 4])
    spikes, v = watched(neurons, np.zeros((3, 5), int), config)
    assert v.T.tolist() == [[3, 6, 9, 0, 3], [7, 0, 3, 6, 9], [-2, 2, 6, 0, 4]]
    assert spikes.T.tolist() == [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


@BOTH
def test_a_negative_bias_pulls_a_neuron_without_floor_down(config: Any) -> None:
    neurons = SubtractiveLIF(shape=1, vth=10, bias=-2, leak=1, floor=False)
    assert watched(neurons, np.zeros((1, 4), int), config)[1].ravel().tolist() == [-3, -6, -9, -12]


@BOTH
@pytest.mark.parametrize(("interval", "offset"), [(3, 0), (3, 2), (4, 9)])
def test_reset_interval_and_offset_are_those_of_lifreset(config: Any, interval: int, offset: int) -> None:
    drive = np.array([[2, 3, 0, 5, 1, 2, 7, 4, 6, 1, 2, 3]])
    stock = LIFReset(shape=(1,), vth=1000, du=4095, dv=0, reset_interval=interval, reset_offset=offset)
    fixed = watched(stock, drive, FIXED)[1] / 64
    neurons = IF(shape=1, vth=1000, reset_interval=interval, reset_offset=offset)
    np.testing.assert_array_equal(watched(neurons, drive, config)[1], fixed)
    assert (np.diff(fixed.ravel()) < 0).any()


@BOTH
def test_a_reset_lets_neurons_fire_again(config: Any) -> None:
    neurons = SubtractiveLIF(shape=1, vth=2, fire_once=True, reset_interval=4, reset_offset=1)
    spikes, _ = watched(neurons, np.full((1, 9), 2), config)
    assert (np.flatnonzero(spikes) + 1).tolist() == [1, 5, 9]


def test_vth_leak_and_bias_may_be_set_between_runs() -> None:
    neurons, source, sink = (
        SubtractiveLIF(shape=2, vth=5, leak=1),
        Source(data=np.full((2, 20), 3)),
        Sink(shape=(2,), buffer=20),
    )
    source.s_out.connect(neurons.a_in)
    neurons.s_out.connect(sink.a_in)
    neurons.run(RunSteps(num_steps=2), FIXED)
    assert neurons.v.get().tolist() == [4, 4]
    neurons.vth.set(100)
    neurons.leak.set(np.array([2]))
    neurons.run(RunSteps(num_steps=2))
    assert neurons.v.get().tolist() == [6, 6]
    neurons.bias.set(-1)
    neurons.run(RunSteps(num_steps=2))
    assert (neurons.v.get().tolist(), neurons.vth.get().tolist()) == ([6, 6], [100])
    neurons.stop()


def test_the_unfloored_multiplicative_neuron_is_lavas_lif_over_400_random_steps() -> None:
    """A current that is forgotten at once, a bias, and `v > vth << 6`, which is `v >= (vth << 6) + 1`."""
    random = np.random.default_rng(5)
    drive = random.integers(-80, 100, (6, 400))
    bias, dv, vth = random.integers(-50, 50, 6), 300, 150
    stock = LIF(shape=(6,), vth=vth, du=4095, dv=dv, bias_mant=bias, bias_exp=3)
    ours = MultiplicativeLIF(shape=6, vth=(vth << 6) + 1, decay=dv, bias=bias << 3, floor=False)
    expected, found = watched(stock, drive, FIXED), watched(ours, drive << 6, FIXED)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert expected[0].sum() > 50
    assert (expected[1] < 0).any()
