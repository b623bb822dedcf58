"""Messages over our channel: sparse and dense, in order, without loss; the file and the memory that spikes leave by."""

from __future__ import annotations

import multiprocessing
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from spikeseg_lava.lava.processes.pool import OrPool
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.runtime.channel import EventChannel
from spikeseg_lava.lava.runtime.child_process import DirectSelector
from spikeseg_lava.lava.runtime.memory import AnonymousMemory, SpikeLog, shared_array
from spikeseg_lava.lava.runtime.runtime import supervised

FORK = multiprocessing.get_context("fork")
SHAPE = (8, 5, 10)  # large enough to be split into events


def channel(shape: tuple[int, ...] = SHAPE, dtype: Any = np.int32, size: int = 3) -> EventChannel:
    made = EventChannel(SimpleNamespace(smm=AnonymousMemory()), "out", "in", shape, dtype, size)
    made.src_port.start()
    made.dst_port.start()
    return made


@settings(deadline=None)
@given(
    arrays(np.int32, SHAPE, elements=st.integers(-(2**31), 2**31 - 1), fill=st.just(0)),
    arrays(np.int32, SHAPE, elements=st.integers(-(2**31), 2**31 - 1)),
)
def test_dense_messages_come_out_as_they_went_in(sparse: np.ndarray, dense: np.ndarray) -> None:
    made = channel()
    for message in (sparse, dense):
        made.src_port.send(message)
        np.testing.assert_array_equal(made.dst_port.peek(), message)
        np.testing.assert_array_equal(made.dst_port.recv(), message)


@pytest.mark.parametrize("count", [0, 1, 200, 201, 400])
@pytest.mark.parametrize("dtype", [np.int32, np.float64, np.bool_])
def test_events_come_out_as_they_went_in(count: int, dtype: Any) -> None:
    made = channel(dtype=dtype)
    index = np.random.default_rng(1).permutation(400)[:count].astype(np.int32)
    payload = (index + 1).astype(dtype)
    made.src_port.send_events(index, payload)
    made.src_port.send_events(index, payload)
    found, values = made.dst_port.recv_events()
    order, back = np.argsort(index), np.argsort(found)
    np.testing.assert_array_equal(found[back], index[order])
    np.testing.assert_array_equal(values[back], payload[order])
    assert np.count_nonzero(made.dst_port.recv()) == count


def test_small_messages_and_the_ring_of_slots() -> None:
    made = channel((1,), np.float64, size=2)
    for value in (1.5, -2.0, 3.0):
        made.src_port.send(np.array([value]))
        assert made.dst_port.probe()
        assert made.dst_port.recv()[0] == value
    assert not made.dst_port.probe()
    made.src_port.send(np.zeros(1))
    made.src_port.send(np.zeros(1))
    assert not made.src_port.probe()


def test_a_message_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"port `out` takes messages of shape \(8, 5, 10\), got \(8, 5\)"):
        channel().src_port.send(np.zeros((8, 5)))


def test_an_observed_port_tells_of_messages_sent_before_and_after() -> None:
    made, told = channel(), threading.Event()
    made.src_port.send(np.ones(SHAPE))
    made.dst_port.observer = told.set
    assert told.wait(10)
    assert made.dst_port.recv().sum() == 400
    told.clear()
    made.src_port.send(np.zeros(SHAPE))
    assert told.wait(10)
    assert made.dst_port.recv().sum() == 0
    made.dst_port.join()


def test_the_direct_selector_waits_for_one_channel_and_leaves_its_message() -> None:
    made = channel()
    threading.Timer(0.05, made.src_port.send, [np.ones(SHAPE)]).start()
    assert DirectSelector(None).select((made.dst_port, lambda: "ready")) == "ready"
    assert made.dst_port.recv().sum() == 400


def test_sources_that_share_a_port_are_added_up() -> None:
    data = np.zeros((4, 2, 50, 1), np.int32)
    data[1, 1, 7], data[3, 0, 0] = 5, -2
    sources, pool = [Source(data=data), Source(data=2 * data)], OrPool(input_shape=(4, 2, 50), kernel=1)
    sink, dense = SpikeSink(shape=(4, 2, 50)), Sink(shape=(4, 2, 50), buffer=1)
    for source in sources:
        source.s_out.connect(pool.s_in)
        source.s_out.connect(dense.a_in)
    pool.s_out.connect(sink.s_in)
    runtime = supervised(pool, Loihi2SimCfg(select_tag="fixed_pt"), timeout=60)
    runtime.start(RunSteps(1))
    np.testing.assert_array_equal(dense.data.get(), 3 * data)
    runtime.stop()
    np.testing.assert_array_equal(sink.take(), [[0, 0, 0, 3], [0, 7, 1, 1]])
    sink.close()


def test_a_virtual_port_between_our_processes_reshapes_what_passes() -> None:
    data = np.zeros((4, 2, 50, 1), np.int32)
    data[1, 1, 7] = 1
    source, sink = Source(data=data), SpikeSink(shape=(2, 4, 50))
    source.s_out.transpose([1, 0, 2]).connect(sink.s_in)
    runtime = supervised(source, Loihi2SimCfg(select_tag="fixed_pt"), timeout=60)
    runtime.start(RunSteps(1))
    runtime.stop()
    np.testing.assert_array_equal(sink.take(), [[0, 7, 1, 1]])
    sink.close()


def test_memory_and_file_are_shared_with_a_child() -> None:
    memory, file = shared_array((2, 3), np.float64), SpikeLog()

    def work() -> None:
        memory[1, 2] = 7.5
        file.append(4, np.array([9, 2]))
        file.append(6, np.array([1]))

    child = FORK.Process(target=work)
    child.start()
    child.join()
    steps, places = file.take()
    assert memory.sum() == memory[1, 2] == 7.5
    assert (steps.tolist(), places.tolist()) == ([4, 4, 6], [9, 2, 1])
    assert len(file.take()[0]) == 0
    file.close()
