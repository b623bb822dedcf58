"""Random networks and clips: the layers inside our process models against the oracle step by step; whole graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from builders.models import integer_conv, two_plane_clip
from builders.records import assert_same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from spikeseg_lava.lava.axes import lava_image, record_rows
from spikeseg_lava.lava.event_layers import correlate, fire, multiplicative_fixed, subtractive_fixed
from spikeseg_lava.lava.graph import event_steps, run_lava
from spikeseg_lava.lava.layer_spec import ConvSpec, layer_specs, summed_kernel
from spikeseg_lava.lava.layer_step import IntegerConvStep, PoolStep
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import ReferenceEncoder, run_reference

PLAIN = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
FEW = settings(PLAIN, max_examples=5)


@st.composite
def convolutions(draw: DrawFn, name: str, inputs: int, largest: int = 4) -> FixedPointConv:
    shape = (draw(st.integers(1, 3)), inputs, draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    planes = [(random.integers(-128, 128, shape), e) for e in draw(st.sampled_from([[0], [3], [6, 0]]))]
    mode = draw(st.sampled_from(["subtractive", "multiplicative"]))
    lost = random.integers(0, 4097, shape[0]) if mode == "multiplicative" else random.integers(0, 300, shape[0])
    return integer_conv(
        name, planes, random.integers(1, draw(st.sampled_from([50, 3000, 40000])), shape[0]),
        leak=0 if mode == "multiplicative" else lost, decay=lost if mode == "multiplicative" else 0, leak_mode=mode,
        floor=draw(st.booleans()), stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        bias=random.integers(-200, 300, shape[0]) if draw(st.booleans()) else 0,
    )  # fmt: skip


@st.composite
def models(draw: DrawFn) -> FixedPointModel:
    first = draw(convolutions("conv1", 2))
    kernel, stride = ((draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in range(2))
    second = draw(convolutions("conv2", len(first.scale), 3))
    interval = draw(st.none() | st.integers(1, 4))
    layers = (first, PoolLayer("pool1", kernel, stride), second)
    return FixedPointModel(layers, InputCode(5, 1.0), reset_interval=interval)


CLIPS = st.builds(
    two_plane_clip, st.integers(0, 10**6), st.integers(1, 7), st.just((31, 34)), st.sampled_from([0.0, 0.02, 0.3])
)


@PLAIN
@given(models(), CLIPS, st.booleans())
def test_every_layer_step_equals_the_oracle(model: FixedPointModel, frames: np.ndarray, fire_once: bool) -> None:
    oracle = ReferenceEncoder(model, fire_once)
    specs = layer_specs(model, frames.shape[2:], fire_once)
    layers = {name: IntegerConvStep(x) if isinstance(x, ConvSpec) else PoolStep(x) for name, x in specs.items()}
    for t, (frame, (index, payload)) in enumerate(zip(oracle.encode(frames), event_steps(model, frames), strict=True)):
        expected = oracle.step(frame)
        for name, layer in layers.items():
            if isinstance(layer, IntegerConvStep) and t % (model.reset_interval or 2**31) == 0:
                layer.clear()
            index = layer.step(index, payload)
            payload = np.ones(len(index), np.int32)
            rows = record_rows(np.full(len(index), t), index, specs[name].output_shape)
            np.testing.assert_array_equal(rows[:, 1:], torch.nonzero(expected[name]).numpy(), f"{name}, step {t}")
    for name, membrane in oracle.membranes().items():
        layer = layers[name]
        assert isinstance(layer, IntegerConvStep)
        np.testing.assert_array_equal(lava_image(layer.membrane()), membrane, name)


def test_a_membrane_may_be_set_where_maps_shared_their_work() -> None:
    """Three maps, two of them alike and one opposite: after each got a membrane of its own they differ."""
    kernel = np.arange(1, 19, dtype=np.int8).reshape(1, 2, 3, 3)
    layer = integer_conv("conv1", [(np.concatenate([kernel, kernel, -kernel, -kernel]), 0)], [60] * 4, 2, padding=None)
    model, frames = FixedPointModel((layer,), InputCode(5, 1.0)), two_plane_clip(3, density=0.02)
    oracle, shape = ReferenceEncoder(model, fire_once=True), frames.shape[2:]
    spec = layer_specs(model, shape, fire_once=True)["conv1"]
    assert isinstance(spec, ConvSpec)
    step, images = IntegerConvStep(spec), oracle.encode(frames)
    start = np.arange(np.prod(spec.output_shape), dtype=np.int32).reshape(spec.output_shape) % 50
    for t, (frame, (index, payload)) in enumerate(zip(images, event_steps(model, frames), strict=True)):
        index = step.step(index, payload)
        rows = record_rows(np.full(len(index), t), index, spec.output_shape)
        expected = torch.nonzero(oracle.step(frame)["conv1"]).numpy()
        np.testing.assert_array_equal(rows[:, 1:], expected)
        assert len(expected) > 0
        if t == 2:
            step.put(start, step.fired())
            oracle.layers["conv1"].membrane = torch.from_numpy(lava_image(start).astype(np.int64))[None]  # type: ignore
    np.testing.assert_array_equal(lava_image(np.asarray(step.membrane())), oracle.membranes()["conv1"])


@PLAIN
@given(models(), CLIPS, st.booleans())
def test_dense_synapses_and_neurons_equal_the_oracle(
    model: FixedPointModel, frames: np.ndarray, fire_once: bool
) -> None:
    model = replace(model, reset_interval=None)  # a matter of whoever runs these parts
    oracle, spec = (
        ReferenceEncoder(model, fire_once),
        next(iter(layer_specs(model, frames.shape[2:], fire_once).values())),
    )
    assert isinstance(spec, ConvSpec)
    np.testing.assert_array_equal(spec.kernel, summed_kernel(spec.planes, spec.exponents))
    v, fired = np.zeros(spec.output_shape, np.int32), np.zeros(spec.output_shape, np.int8)
    for frame in oracle.encode(frames):
        drive = correlate(lava_image(frame.numpy()), spec.kernel, spec.layout.stride, spec.layout.padding)
        if spec.leak_mode == "multiplicative":
            v = multiplicative_fixed(v, drive, spec.decay, spec.bias)
        else:
            v = subtractive_fixed(v, drive, spec.leak, spec.bias)
        v, spikes = fire(v, fired, spec.threshold, spec.floor, fire_once)
        np.testing.assert_array_equal(lava_image(spikes), oracle.step(frame)["conv1"].numpy())
    np.testing.assert_array_equal(lava_image(v), oracle.membranes()["conv1"])


@FEW
@given(models(), CLIPS, st.booleans(), st.booleans())
def test_a_graph_equals_the_oracle(model: FixedPointModel, frames: np.ndarray, fire_once: bool, fused: bool) -> None:
    expected = run_reference(model, frames, fire_once)
    assert_same(expected, run_lava(model, frames, fire_once, fused=fused, timeout=60))
