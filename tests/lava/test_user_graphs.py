"""Our Processes in graphs of a user's own, with stock Processes, in Lava's own runtime."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from builders.models import integer_conv, two_plane_clip, two_plane_model, weights
from builders.records import assert_same
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.process import Conv
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.monitor.process import Monitor

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import lava_image, lava_weight
from spikeseg_lava.lava.graph import build_graph
from spikeseg_lava.lava.layer_spec import layer_specs
from spikeseg_lava.lava.processes.encoder import layer_process
from spikeseg_lava.lava.processes.neurons import IF, MultiplicativeLIF, SubtractiveLIF
from spikeseg_lava.lava.processes.plane_conv import PlaneConv
from spikeseg_lava.lava.processes.pool import OrPool
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.source import EventSource
from spikeseg_lava.lava.processes.spiking_conv import SpikingConv
from spikeseg_lava.lava.runtime.runtime import supervised
from spikeseg_lava.network.integers import STATE_MAX, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import LIFNeuron, ReferenceEncoder, run_reference

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
FIXED, FLOAT = Loihi2SimCfg(select_tag="fixed_pt"), Loihi2SimCfg(select_tag="floating_pt")
SIZE, STEPS = (7, 9), 5  # width, height: not square


def images(channels: int, largest: int = 12) -> np.ndarray:
    """Int32[W, H, C, T] as stock ring buffers take them."""
    random = np.random.default_rng(7)
    shape = (*SIZE, channels, STEPS)
    return (random.integers(0, largest, shape) * (random.random(shape) < 0.4)).astype(np.int32)


@contextmanager
def running(process: Any, config: Any, steps: int = STEPS) -> Iterator[None]:
    """Lava's own runtime, stopped at the end."""
    process.run(RunSteps(steps), config)
    try:
        yield
    finally:
        process.stop()


def test_plane_conv_equals_the_stock_conv_with_the_same_weight() -> None:
    weight = lava_weight(weights(5, (3, 2, 5, 3)).astype(np.int64))
    assert not np.array_equal(weight, weight[:, ::-1, ::-1])
    data = images(2)
    source = Source(data=data)
    stock = Conv(weight=weight, input_shape=(*SIZE, 2), padding=(1, 2), stride=(2, 1), num_message_bits=8)
    ours = PlaneConv(weight=weight, input_shape=(*SIZE, 2), padding=(1, 2), stride=(2, 1))
    sinks = [Sink(shape=conv.a_out.shape, buffer=STEPS) for conv in (stock, ours)]
    for conv, sink in zip((stock, ours), sinks, strict=True):
        source.s_out.connect(conv.s_in)
        conv.a_out.connect(sink.a_in)
    with running(source, FIXED):
        expected, found = (sink.data.get() for sink in sinks)
    assert np.abs(found).max() > 0
    np.testing.assert_array_equal(found[..., :-1], expected[..., 1:])  # the stock Conv is one step late


@pytest.mark.parametrize(("config", "tag"), [(FIXED, "fixed_pt"), (FLOAT, "floating_pt")])
def test_conv_and_neurons_between_stock_processes(config: Any, tag: str) -> None:
    layer = integer_conv(
        "conv1", [(weights(6, (3, 2, 3, 3)), 1), (weights(7, (3, 2, 3, 3)), 0)], [600, 900, 500], 40, padding=None
    )
    oracle = ReferenceEncoder(FixedPointModel((layer,), InputCode(5, 1.0)), fire_once=True)
    source = Source(data=images(2))
    conv = PlaneConv(
        weight=[lava_weight(p.weight) for p in layer.planes], weight_exp=[1, 0], input_shape=(*SIZE, 2), padding=1
    )
    lif = SubtractiveLIF(shape=(*SIZE, 3), threshold=layer.neuron.threshold, leak=40, fire_once=True)
    sink, monitor = Sink(shape=(*SIZE, 3), buffer=STEPS), Monitor()
    monitor.probe(lif.v, STEPS)
    source.s_out.connect(conv.s_in)
    conv.a_out.connect(lif.a_in)
    lif.s_out.connect(sink.a_in)
    with running(lif, config):
        spikes, watched = sink.data.get(), monitor.get_data()[lif.name]["v"]
        np.testing.assert_array_equal(lif.v.get(), watched[-1])
    np.testing.assert_array_equal(lif.membrane, watched[-1])
    for t in range(STEPS):
        expected = oracle.step(torch.from_numpy(lava_image(images(2)[..., t]).astype(np.int64)))["conv1"]
        np.testing.assert_array_equal(lava_image(spikes[..., t]), expected.numpy())
        np.testing.assert_array_equal(lava_image(watched[t]), oracle.membranes()["conv1"])
    assert spikes.sum() > 0


@pytest.mark.parametrize("own_runtime", [False, True])
def test_spiking_conv_is_monitored_and_set_like_any_process(own_runtime: bool) -> None:
    layer = integer_conv("conv1", [(weights(8, (2, 2, 3, 5)), 0)], 900, 7, padding=None)
    model = FixedPointModel((layer,), InputCode(5, 1.0))
    oracle = ReferenceEncoder(model, fire_once=False)
    spec = layer_specs(model, (SIZE[1], SIZE[0]), fire_once=False)["conv1"]
    source, conv = Source(data=images(2)), layer_process("conv1", spec)
    sink, monitor = Sink(shape=conv.s_out.shape, buffer=STEPS), Monitor()
    monitor.probe(conv.v, STEPS)
    source.s_out.connect(conv.s_in)
    conv.s_out.connect(sink.a_in)
    if own_runtime:
        supervised(source, FIXED, timeout=60)
    start = np.arange(conv.v.size, dtype=np.int32).reshape(conv.v.shape) % 50
    with running(source, FIXED, 2):
        conv.v.set(start)
        np.testing.assert_array_equal(conv.v.get(), start)
        source.run(RunSteps(STEPS - 2))
        watched = monitor.get_data()[conv.name]["v"]
    for t in range(STEPS):
        oracle.step(torch.from_numpy(lava_image(images(2)[..., t]).astype(np.int64)))
        if t < 2:
            np.testing.assert_array_equal(lava_image(watched[t]), oracle.membranes()["conv1"])
        if t == 1:
            oracle.layers["conv1"].membrane = torch.from_numpy(lava_image(start).astype(np.int64))[None]  # type: ignore
    np.testing.assert_array_equal(lava_image(conv.membrane), oracle.membranes()["conv1"])


def test_float_multiplicative_neuron_equals_the_reference() -> None:
    data = images(3).astype(float)
    source, lif = Source(data=data), MultiplicativeLIF(shape=(*SIZE, 3), threshold=20.5, decay=0.25)
    sink = Sink(shape=lif.s_out.shape, buffer=STEPS)
    source.s_out.connect(lif.a_in)
    lif.s_out.connect(sink.a_in)
    with running(source, FLOAT):
        spikes = sink.data.get()
    neuron, membrane = LIFNeuron(20.5, 0.25, "multiplicative"), torch.zeros(*SIZE, 3)
    for t in range(STEPS):
        expected, membrane, _ = neuron(torch.from_numpy(data[..., t]).to(torch.float32), membrane)
        np.testing.assert_array_equal(spikes[..., t], expected.numpy())
    np.testing.assert_allclose(lif.membrane, membrane.numpy(), rtol=1e-6)
    assert spikes.sum() > 0


def test_values_of_24_bits_pass_the_ports_unharmed() -> None:
    data = np.zeros((1, 1, 2, 2), np.int32)
    data[..., 0, 0], data[..., 1, 0] = STATE_MAX, -STATE_MAX
    source, neuron = Source(data=data), IF(shape=(1, 1, 2), threshold=STATE_MAX)
    sink = SpikeSink(shape=(1, 1, 2))
    source.s_out.connect(neuron.a_in)
    neuron.s_out.connect(sink.s_in)
    with running(source, FIXED, 2):
        np.testing.assert_array_equal(neuron.v.get().ravel(), [0, -STATE_MAX])
    np.testing.assert_array_equal(sink.take(), [[0, 0, 0, 0]])
    sink.close()


def test_a_source_streams_a_generator_and_a_sink_is_read_while_running() -> None:
    drawn = ((np.array([t % 6], np.int32), 1) for t in range(10**9))
    source, pool = EventSource(shape=(3, 2, 1), steps=drawn), OrPool(input_shape=(3, 2, 1), kernel=(1, 2))
    sink = SpikeSink(shape=(3, 1, 1))
    source.s_out.connect(pool.s_in)
    pool.s_out.connect(sink.s_in)
    with running(source, FIXED, 6):
        np.testing.assert_array_equal(sink.take()[:, [0, 3]], [[0, 0], [1, 0], [2, 1], [3, 1], [4, 2], [5, 2]])
        source.run(RunSteps(2))
        np.testing.assert_array_equal(sink.take()[:, [0, 3]], [[6, 0], [7, 0]])
    sink.close()


def test_the_layer_graph_runs_in_lavas_own_runtime_and_shows_every_step() -> None:
    model, frames = two_plane_model(), two_plane_clip(steps=4)
    oracle, graph, monitor = ReferenceEncoder(model, fire_once=True), build_graph(model, frames), Monitor()
    monitor.probe(graph.layers["conv2"].v, len(frames))
    with running(graph.source, graph.run_config, len(frames)):
        watched = monitor.get_data()["conv2"]["v"]
    for t, frame in enumerate(oracle.encode(frames)):
        oracle.step(frame)
        np.testing.assert_array_equal(lava_image(watched[t]), oracle.membranes()["conv2"], f"step {t}")
    record = SpikeRecord(graph.spikes(), graph.membranes())
    graph.close()
    assert_same(run_reference(model, frames), record)


def test_wrong_arguments_are_refused_in_the_parent() -> None:
    weight = np.ones((2, 3, 3, 1), np.int64)
    with pytest.raises(ArgumentError, match=r"`weight` takes 1 input channel\(s\), `input_shape` \(5, 5, 2\) has 2"):
        PlaneConv(weight=weight, input_shape=(5, 5, 2))
    with pytest.raises(ArgumentError, match="`threshold` must be one number or 2, one per channel"):
        SpikingConv(weight=weight, input_shape=(5, 5, 1), threshold=[1, 2, 3])
    with pytest.raises(ArgumentError, match="does not fit an image of 2x5"):
        SpikingConv(weight=weight, input_shape=(2, 5, 1), threshold=1)
    with pytest.raises(ArgumentError, match="`weight_exp` must be 1 integer"):
        PlaneConv(weight=weight, input_shape=(5, 5, 1), weight_exp=[0, 1])
    with pytest.raises(ArgumentError, match="`leak` must hold finite numbers of 0 or more"):
        SubtractiveLIF(shape=(2, 2, 1), threshold=1, leak=-1)
