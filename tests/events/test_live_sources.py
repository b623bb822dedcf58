"""Live events: datagrams of the reader library arrive whole, rubbish is counted, a broken clock is not believed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any, cast

import faery
import numpy as np
import pytest
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.live import LARGEST_GAP_US, LAYOUTS, Clock, Drops, ReplaySource, UdpSource
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import Events, EventStream

SIZE = (30, 40)


def some_events(count: int, start: int = 0, seed: int = 0) -> NDArray[np.void]:
    """Events in the reader library's type, in order of time, within SIZE."""
    rng = np.random.default_rng(seed)
    events = np.zeros(count, faery.EVENTS_DTYPE)
    events["t"] = start + np.sort(rng.integers(0, 100_000, count))
    events["x"], events["y"] = rng.integers(0, SIZE[1], count), rng.integers(0, SIZE[0], count)
    events["on"] = rng.integers(0, 2, count)
    return events


def packed(events: NDArray[np.void], layout: str) -> bytes:
    raw = np.zeros(len(events), LAYOUTS[layout])
    raw["x"] = events["x"]
    if layout == "t64_x16_y16_on8":
        raw["t"], raw["y"], raw["on"] = events["t"], events["y"], events["on"]
    else:
        raw["t"] = events["t"] % 2**32
        raw["y_on"] = events["y"].astype(np.uint16) << 1 | events["on"]
    return raw.tobytes()


def send(source: UdpSource, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        for datagram in datagrams:
            sending.sendto(datagram, source.address)


def gathered(source: UdpSource, count: int, dropped: int = 0, seconds: float = 5.0) -> Events:
    """What the source gives until `count` events and `dropped` datagrams have come."""
    parts, end = [source.drain()], time.monotonic() + seconds
    while (sum(len(e.t) for e in parts) < count or source.drops.datagrams < dropped) and time.monotonic() < end:
        time.sleep(0.01)
        parts.append(source.drain())
    return Events(*(np.concatenate([getattr(e, c) for e in parts]) for c in ("x", "y", "t", "p")))


@pytest.fixture(params=sorted(LAYOUTS))
def source(request: pytest.FixtureRequest) -> Iterator[UdpSource]:
    listening = UdpSource(("127.0.0.1", 0), SIZE, request.param)
    yield listening
    listening.close()


# The library leaves its sending socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_events_sent_by_the_reader_library_arrive(source: UdpSource) -> None:
    events = some_events(2500)
    stream = faery.events_stream_from_array(events, (SIZE[1], SIZE[0]))
    stream.to_udp(source.address, format=cast(Any, source.layout))
    arrived = gathered(source, len(events))
    for column, name in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        np.testing.assert_array_equal(getattr(arrived, column), events[name])
    assert source.drops == Drops()


def test_rubbish_is_counted_and_harms_nothing(source: UdpSource) -> None:
    rng = np.random.default_rng(1)
    unit = LAYOUTS[source.layout].itemsize
    broken = [rng.bytes(int(n)) for n in rng.integers(1, 900, 200) if n % unit]
    good = some_events(100)
    send(source, packed(good, source.layout), *broken)
    arrived = gathered(source, len(good), len(broken))
    assert len(arrived.t) == len(good)
    assert source.drops.datagrams == len(broken)


def test_random_bytes_of_the_right_length_never_leave_the_sensor_or_go_back_in_time(source: UdpSource) -> None:
    rng = np.random.default_rng(2)
    unit = LAYOUTS[source.layout].itemsize
    send(source, *(rng.bytes(unit * 20) for _ in range(100)))
    arrived = gathered(source, 10**9, seconds=0.5)
    assert (arrived.x < SIZE[1]).all()
    assert (arrived.y < SIZE[0]).all()
    assert (np.diff(arrived.t) >= 0).all()
    assert len(arrived.t) + source.drops.outside + source.drops.off_clock == 2000


def test_a_full_queue_drops_the_newest_and_says_how_many() -> None:
    source = UdpSource(("127.0.0.1", 0), SIZE, capacity=150)
    try:
        send(source, *(packed(some_events(100, start=k * 100_000), source.layout) for k in range(5)))
        end = time.monotonic() + 5
        while source.drops.overflow < 400 and time.monotonic() < end:
            time.sleep(0.01)
        assert source.drops.overflow == 400
        assert len(source.drain().t) == 100
    finally:
        source.close()


def accept(clock: Clock, times: list[int]) -> list[int]:
    zeros = np.zeros(len(times), np.int64)
    return clock.accepted(np.array(times, np.int64), zeros, zeros, zeros).t.tolist()


def test_one_flipped_bit_does_not_carry_the_clock_away() -> None:
    clock = Clock(Drops())
    assert accept(clock, [100, 200, 300]) == [100, 200, 300]
    assert accept(clock, [310, 2**40, 320]) == [310, 320]
    assert accept(clock, [330, 340]) == [330, 340]
    assert clock.drops.off_clock == 1


def test_times_that_go_back_are_dropped() -> None:
    clock = Clock(Drops())
    accept(clock, [1000, 2000])
    assert accept(clock, [1500, 2500]) == [2500]
    assert clock.drops.off_clock == 1


def test_a_sender_that_starts_anew_is_believed_when_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Clock(Drops())
    accept(clock, [10 * LARGEST_GAP_US])
    assert accept(clock, [5]) == []
    now[0] = 2.0
    assert accept(clock, [6]) == []
    assert accept(clock, [7, 8]) == [7, 8]
    assert clock.drops.restarts == 1


def test_a_clock_of_32_bit_goes_on_after_it_wraps() -> None:
    clock = Clock(Drops())
    first = clock.unwrapped(np.array([2**32 - 20, 2**32 - 10]))
    assert accept(clock, first.tolist()) == [2**32 - 20, 2**32 - 10]
    assert clock.unwrapped(np.array([5, 15])).tolist() == [2**32 + 5, 2**32 + 15]


def stream() -> EventStream:
    events = some_events(500, start=7_000_000)
    x, y, t = events["x"].astype(np.int32), events["y"].astype(np.int32), events["t"].astype(np.int64)
    return EventStream.of_recording(Recording(x, y, t, events["on"].astype(np.uint8), SIZE))


def test_a_replay_shows_an_event_when_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    source = ReplaySource(stream(), speed=2.0)
    assert len(source.drain().t) == 1  # the first event is the beginning
    now[0] += 0.01
    early = source.drain()
    assert 0 < len(early.t) < 499
    assert early.t.max() - 7_000_000 <= 21_000
    now[0] += 10
    late = source.drain()
    assert source.ended
    assert 1 + len(early.t) + len(late.t) == 500


def test_an_infinite_speed_gives_all_at_once() -> None:
    source = ReplaySource(stream(), float("inf"))
    assert len(source.drain().t) == 500
    assert source.ended


def test_addresses_and_layouts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`layout`"):
        UdpSource(("127.0.0.1", 0), SIZE, "t99")
    with pytest.raises(ArgumentError, match="`address`"):
        UdpSource(("127.0.0.1", 70_000), SIZE)
