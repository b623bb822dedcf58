"""The event engine against the integer oracle and against a dense simulation, bit for bit."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from builders.drawn import clips, models
from builders.models import integer_conv, model_of
from builders.records import assert_same
from dense_simulation import dense_layer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikeseg_lava.engine.engine import CHUNK, EventEngine, run_engine
from spikeseg_lava.engine.kernels.record import reciprocal
from spikeseg_lava.engine.payloads import SparseSteps, lava_events
from spikeseg_lava.engine.shared_maps import shared_maps_of
from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import FixedPointNeuron
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import ReferenceEncoder, run_reference

RELAXED = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@given(st.data(), st.booleans())
@RELAXED
def test_random_networks_equal_the_oracle(data, fire_once):
    model, size = data.draw(models())
    frames = data.draw(clips(model, size))
    assert_same(run_engine(model, frames, fire_once), run_reference(model, frames, fire_once))


PAIRS = [[0, 1], [1, 0], [0, 1, 0, 1], [0, 1, 2, 3], [3, 0, 2, 1, 1, 0]]  # maps and their opposites


@given(st.data(), st.lists(st.integers(0, 4), min_size=1, max_size=6) | st.sampled_from(PAIRS), st.booleans())
@settings(deadline=None, max_examples=40)
def test_maps_that_do_the_same_or_the_opposite_share_their_work(data, kinds, fire_once):
    rng = np.random.default_rng(len(kinds))
    one, other = rng.integers(-60, 60, (2, 2, 3, 3))
    weight, threshold, leak = np.stack([one, -one, other, -other, one]), np.array([300, 200, 300, 300, 700]), [20, 60]
    layer = integer_conv(
        "conv1",
        [(weight[kinds], 1)],
        threshold[kinds],
        leak=np.resize(leak, len(kinds)) if data.draw(st.booleans()) else 20,
        decay=300,
        leak_mode=data.draw(st.sampled_from(["subtractive", "multiplicative"])),
        floor=data.draw(st.booleans()),
    )
    second = integer_conv("conv2", [(rng.integers(-9, 30, (2, len(kinds), 3, 3)), 0)], 50)
    model = model_of(layer, PoolLayer("pool1", (2, 2), (2, 2)), second)
    frames = data.draw(clips(model, (9, 12)))
    assert_same(run_engine(model, frames, fire_once), run_reference(model, frames, fire_once))


@pytest.mark.parametrize("mode", ["subtractive", "multiplicative"])
@pytest.mark.parametrize("width", [48, 64, 96])
def test_a_bias_held_down_by_every_input_of_a_tile_does_not_rise_afterwards(mode, width):
    """Zero membranes that a whole tile of negative drives keeps at the floor have not missed a step."""
    layer = integer_conv("conv1", [(np.full((1, 1, 1, 1), -50), 0)], 35, decay=100, leak_mode=mode, bias=10)
    frames = np.zeros((7, 1, 2, width), np.float32)
    frames[[0, 1, 4, 5]] = 1
    found, expected = (run(model_of(layer), frames, False) for run in (run_engine, run_reference))
    assert_same(found, expected)
    assert expected.membranes["conv1"].min() > 0


def test_rows_wider_than_64_tiles_have_larger_tiles():
    rng = np.random.default_rng(4)
    layer = integer_conv("conv1", [(rng.integers(-20, 60, (7, 1, 2, 3)), 0)], 100, leak=9, padding=(1, 1))
    frames = (rng.random((5, 1, 3, 700)) < 0.05).astype(np.float32) * 3
    assert_same(run_engine(model_of(layer), frames), run_reference(model_of(layer), frames))


@given(st.data(), st.booleans(), st.integers(1, 4))
@RELAXED
def test_chunks_and_samples_change_nothing(data, fire_once, chunk):
    model, size = data.draw(models())
    engine, oracle = EventEngine(model, size, fire_once), ReferenceEncoder(model, fire_once)
    for _ in range(data.draw(st.integers(1, 3))):
        frames = data.draw(clips(model, size))
        engine.clear()
        found = [engine.run(engine.encode(frames[k : k + chunk])) for k in range(0, len(frames), chunk)]
        rows = {
            name: np.concatenate([part[name].rows(shape, k * chunk) for k, part in enumerate(found)])
            for name, shape in engine.shapes.items()
        }
        assert_same(SpikeRecord(rows, engine.membranes()), run_reference(model, frames, fire_once))
        oracle.clear()


def test_a_copy_goes_on_where_the_engine_was_and_shares_nothing_with_it():
    rng = np.random.default_rng(1)
    layer = integer_conv("conv1", [(rng.integers(-9, 30, (2, 1, 3, 3)), 0)], 60, leak=2)
    frames = (rng.random((2, 4, 1, 6, 7)) < 0.3).astype(np.float32) * 3
    engine, straight = (EventEngine(model_of(layer), (6, 7), fire_once=False) for _ in range(2))
    engine.run(engine.encode(frames[0]))
    straight.run(straight.encode(frames[0]))
    copy = pickle.loads(pickle.dumps(engine))
    engine.run(engine.encode(frames[0]))
    found, expected = (x.run(x.encode(frames[1]))["conv1"].rows(x.shapes["conv1"]) for x in (copy, straight))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(copy.membranes()["conv1"], straight.membranes()["conv1"])
    assert len(found) > 0
    assert not np.array_equal(copy.membranes()["conv1"], engine.membranes()["conv1"])


def test_membranes_may_be_read_at_any_time():
    rng = np.random.default_rng(0)
    layer = integer_conv("conv1", [(rng.integers(-9, 9, (2, 1, 3, 3)), 0)], 60, leak=[1, 3], floor=False)
    frames = (rng.random((12, 1, 6, 7)) < 0.1).astype(np.float32) * 3
    engine, oracle = EventEngine(model_of(layer), (6, 7)), ReferenceEncoder(model_of(layer))
    for frame, payload in zip(frames, oracle.encode(frames), strict=True):
        engine.run(engine.encode(frame[None]))
        oracle.step(payload)
        np.testing.assert_array_equal(engine.membranes()["conv1"], oracle.membranes()["conv1"])


def test_an_untouched_neuron_without_floor_falls_to_the_lower_end():
    layer = integer_conv("conv1", [(np.ones((1, 1, 1, 1)), 0)], 5, leak=3_000_000, floor=False)
    engine = EventEngine(model_of(layer), (2, 2))
    engine.run(SparseSteps.silent(2))
    assert np.all(engine.membranes()["conv1"] == -6_000_000)
    engine.clear()
    engine.run(SparseSteps.silent(3))
    assert np.all(engine.membranes()["conv1"] == -(2**23))


def test_a_cleared_neuron_that_is_never_touched_again_reads_zero():
    layer = integer_conv("conv1", [(np.full((1, 1, 1, 1), 7), 0)], 100)
    engine = EventEngine(model_of(layer), (1, 3))
    engine.run(engine.encode(np.array([[[[1.0, 0.0, 0.0]]]])))
    assert engine.membranes()["conv1"].tolist() == [[[7, 0, 0]]]
    engine.clear()
    assert engine.membranes()["conv1"].tolist() == [[[0, 0, 0]]]
    engine.run(engine.encode(np.array([[[[0.0, 2.0, 0.0]]]])))
    assert engine.membranes()["conv1"].tolist() == [[[0, 14, 0]]]


def test_the_drive_saturates_before_it_meets_the_membrane():
    layer = integer_conv("conv1", [([[[[127]]], [[[-127]]]], 15)], 2**23 - 1, leak=1, floor=False)
    frames = np.array([200, 100, 0, 3]).reshape(4, 1, 1, 1)
    model = model_of(layer, bits=12)
    record = run_engine(model, frames, fire_once=False)
    assert_same(record, run_reference(model, frames, fire_once=False))


def test_input_that_could_overflow_32_bits_is_summed_in_64():
    layer = integer_conv("conv1", [(np.full((1, 3, 5, 5), 127), 15)], 2**23 - 1)
    frames = np.full((3, 3, 6, 9), 4095.0, np.float32)
    model = model_of(layer, bits=12)
    assert_same(run_engine(model, frames), run_reference(model, frames))


@pytest.mark.parametrize(("kernel", "stride"), [((7, 7), (6, 6)), ((2, 2), (2, 2)), ((1, 3), (2, 4)), ((5, 2), (1, 3))])
def test_pools_overlap_and_leave_gaps(kernel, stride):
    rng = np.random.default_rng(3)
    layer = integer_conv("conv1", [([[[[1]]], [[[2]]]], 0)], [1, 4])
    model = model_of(layer, PoolLayer("pool1", kernel, stride))
    frames = (rng.random((6, 1, 23, 17)) < 0.05).astype(np.float32) * rng.integers(1, 4, (6, 1, 23, 17))
    record = run_engine(model, frames, fire_once=False)
    assert record.counts["pool1"] > 0
    assert_same(record, run_reference(model, frames, fire_once=False))


@pytest.mark.parametrize(
    ("neuron", "fire_once"),
    [
        ({"threshold": [900, 2000], "leak": [1, 7]}, False),
        ({"threshold": [900, 2000], "decay": [1, 300], "leak_mode": "multiplicative", "floor": False}, False),
        ({"threshold": [9000, 30], "leak": [0, 90], "floor": False}, True),
    ],
)
def test_a_hundred_thousand_steps_equal_a_dense_simulation(neuron, fire_once):
    steps, events, shape = 100_000, 3000, (1, 5, 6)
    rng = np.random.default_rng(5)
    layer = integer_conv("conv1", [(rng.integers(-3, 9, (2, 1, 3, 2)), 0)], padding=(1, 0), **neuron)
    times = np.sort(rng.choice(steps, events, replace=False))
    index, payload = rng.integers(0, 30, events).astype(np.int32), rng.integers(1, 200, events).astype(np.int32)
    offsets = np.searchsorted(times, np.arange(steps + 1)).astype(np.int64)
    engine = EventEngine(model_of(layer), shape[1:], fire_once)
    found = engine.run(SparseSteps(offsets, index, payload))["conv1"].rows(engine.shapes["conv1"])

    dense = np.zeros((steps, *shape), np.int64)
    dense[times, 0, index // 6, index % 6] = payload
    expected, membrane = [], None
    for step, (spikes, membrane) in enumerate(dense_layer(layer, dense, fire_once)):  # noqa: B007
        expected += [(step, *place) for place in np.argwhere(spikes)] if spikes.any() else []
    assert len(expected) > 20
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(engine.membranes()["conv1"], membrane)


def test_golden_clips_equal_the_oracle(shared, golden_model):
    clip = np.load(shared / "golden" / "davis_slider_theta0.05_fireonce.npz")["frames"]
    for fire_once in (True, False):
        record = run_engine(golden_model, clip, fire_once)
        assert min(record.counts.values()) > 100
        assert_same(record, run_reference(golden_model, clip, fire_once))
        assert record.meta["backend"] == "event"


@pytest.fixture(scope="module")
def golden_model(shared):
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
    from spikeseg_lava.quantization.quantize import quantize

    return quantize(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05))


@pytest.mark.skipif(sys.platform != "linux", reason="protects memory as Linux does")
@pytest.mark.parametrize(("events", "code"), [(0, 0), (1, -signal.SIGSEGV)])
def test_an_empty_step_touches_no_array_of_pixels(events, code):
    """Every such array lies in memory without access; one event, for comparison, ends in a segmentation fault."""
    script = Path(__file__).parent / "guarded_step.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    done = subprocess.run([sys.executable, script, str(events)], env=environment, timeout=120, capture_output=True)
    assert done.returncode == code, done.stderr.decode()


@pytest.mark.parametrize("frames", [np.zeros((2, 3, 4, 4)), np.zeros((2, 4, 4)), np.zeros(3)])
def test_frames_of_another_shape_are_refused(frames):
    model = model_of(integer_conv("conv1", [(np.ones((1, 1, 1, 1)), 0)], 5))
    with pytest.raises(ClipError, match="expected"):
        run_engine(model, frames)


@pytest.mark.parametrize("value", [-1.0, 1000.0, np.nan])
def test_frame_values_beyond_the_payload_are_refused(value):
    model = model_of(integer_conv("conv1", [(np.ones((1, 1, 1, 1)), 0)], 5))
    frames = np.zeros((1, 1, 4, 4), np.float32)
    frames[0, 0, 1, 2] = value
    with pytest.raises(ClipError, match="payload" if np.isfinite(value) else "finite"):
        run_engine(model, frames)


@given(st.integers(0, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_division_by_multiplication_is_exact(number, divisor):
    multiplier, shift = reciprocal(divisor)
    assert (number * int(multiplier)) >> int(shift) == number // divisor
    assert number * int(multiplier) < 2**64


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 140), st.integers(1, 70), st.integers(0, 10**6))
def test_rows_are_in_lexicographic_order(channels, width, height, seed):
    rng = np.random.default_rng(seed)
    spikes = rng.random((3, channels, height, width)) < rng.choice([0.001, 0.05, 0.6])
    spikes[1] = False
    steps = SparseSteps.of_payloads(spikes.astype(np.int32))
    order = np.concatenate([a + rng.permutation(b - a) for a, b in pairwise(steps.offsets)]).astype(int)
    shuffled = SparseSteps(steps.offsets, steps.index[order], steps.payload)
    expected = np.argwhere(spikes) + np.array([5, 0, 0, 0])
    np.testing.assert_array_equal(shuffled.rows((channels, height, width), first_step=5), expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=9), st.integers(1, 90), st.integers(1, 70), st.integers(0, 999))
def test_rows_of_distinct_maps_are_those_of_all_maps_in_either_order_of_axes(kinds, width, height, seed):
    fives, zeros = np.full(len(kinds), 5, np.int32), np.zeros(len(kinds), np.int32)
    shared = shared_maps_of(np.array(kinds).reshape(-1, 1, 1, 1) + 1, FixedPointNeuron(fives, zeros, zeros))
    spikes = np.random.default_rng(seed).random((3, len(shared.distinct), height, width)) < 0.1
    expected = np.argwhere(spikes[:, shared.source]) + np.array([2, 0, 0, 0])
    shape = (len(kinds), height, width)
    steps = SparseSteps.of_payloads(spikes.astype(np.int32))
    np.testing.assert_array_equal(steps.rows(shape, 2, shared=shared), expected)
    turned = SparseSteps.of_payloads(spikes.swapaxes(2, 3).astype(np.int32))
    np.testing.assert_array_equal(turned.rows(shape, 2, shared=shared, x_first=True), expected)


@given(st.integers(1, 3), st.integers(1, 70), st.integers(1, 9), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_events_for_lava_ascend_column_by_column(channels, width, height, seed):
    rng = np.random.default_rng(seed)
    frames = ((rng.random((3, channels, height, width)) < 0.2) * rng.random((3, channels, height, width))).astype("f4")
    offsets, index, values = lava_events(frames, None)
    for t, (a, b) in enumerate(pairwise(offsets)):
        flat = frames[t].transpose(2, 1, 0).ravel()
        np.testing.assert_array_equal(index[a:b], np.flatnonzero(flat))
        np.testing.assert_array_equal(values[a:b], flat[flat != 0])


@pytest.mark.parametrize("fire_once", [True, False])
def test_a_clip_of_several_chunks_equals_the_oracle(fire_once):
    rng = np.random.default_rng(4)
    model = model_of(
        integer_conv("conv1", [(rng.integers(-9, 30, (6, 2, 3, 3))[[0, 1, 0, 0, 1, 0]], 0)], 90, leak=20),
        PoolLayer("pool1", (2, 2), (2, 2)),
        integer_conv("conv2", [(rng.integers(-9, 30, (2, 6, 3, 3)), 0)], 300, leak=9),
    )
    frames = rng.integers(0, 4, (2 * CHUNK + 3, 2, 9, 12)) * (rng.random((2 * CHUNK + 3, 2, 9, 12)) < 0.2)
    record = run_engine(model, frames.astype(np.float32), fire_once)
    assert_same(record, run_reference(model, frames.astype(np.float32), fire_once))
    assert record.counts["conv2"] > 0


def test_a_kept_engine_forgets_the_sample_before_and_sees_changed_thresholds():
    weight = np.full((2, 1, 3, 3), 9, np.int8)
    model = model_of(integer_conv("conv1", [(weight, 0)], 20, padding=(1, 1)))
    frames = np.full((3, 1, 6, 7), 1.0)
    first, second = run_engine(model, frames), run_engine(model, frames)
    np.testing.assert_array_equal(first.spikes["conv1"], second.spikes["conv1"])
    assert len(first.spikes["conv1"])
    model.convolutions[0].neuron.threshold.setflags(write=True)
    model.convolutions[0].neuron.threshold[...] = 2**23 - 1
    assert not len(run_engine(model, frames).spikes["conv1"])
