"""Events as they come: from UDP datagrams, or from a recording replayed at a chosen speed.

Both sources are drained, again and again, by whoever has time; neither waits for the other. Datagrams are those of the
reader library, little-endian: `t64_x16_y16_on8` packs time (uint64, microseconds), column and row (uint16) and polarity
(uint8) into 13 bytes, `t32_x16_y15_on1` packs them into 8 with a clock that wraps every 71 minutes. Nothing in a
datagram is trusted: what has no whole number of events, lies outside the sensor or breaks the clock is dropped and
counted.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.stream import Events, EventStream

Layout = Literal["t64_x16_y16_on8", "t32_x16_y15_on1"]
LAYOUTS: dict[str, np.dtype[np.void]] = {
    "t64_x16_y16_on8": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "u1")]),
    "t32_x16_y15_on1": np.dtype([("t", "<u4"), ("x", "<u2"), ("y_on", "<u2")]),
}
LARGEST_DATAGRAM = 65_535
LARGEST_GAP_US = 10_000_000  # a clock that jumps further is not believed at once
PATIENCE_SECONDS = 1.0  # how long a clock must disagree before it is taken for a new one
WRAP = 2**32

Whole = NDArray[np.int64]


@dataclass
class Drops:
    """What was not passed on, and why: `datagrams` are counted whole, the rest are events."""

    datagrams: int = 0
    overflow: int = 0
    outside: int = 0
    off_clock: int = 0
    restarts: int = 0


class LiveSource(Protocol):
    """Where live events come from."""

    size: Size
    drops: Drops

    @property
    def ended(self) -> bool:
        """Whether no event will ever come again."""
        ...

    def drain(self) -> Events:
        """The events that came since the last call, in order of time; there may be none."""
        ...

    def close(self) -> None:
        """Let go of sockets and threads."""
        ...


class UdpSource:
    """Events from UDP datagrams at `address`; a thread empties the socket into a queue of at most `capacity` events.

    Args:
        address: (host, port); port 0 picks a free one, see `address` afterwards.
        size: (height, width) of the sensor.
        layout: how an event is packed.
        capacity: events that wait at the most; later ones are dropped and counted as `overflow`.

    Raises:
        ArgumentError: an unknown layout, or an address that cannot be bound.
    """

    def __init__(
        self, address: tuple[str, int], size: Size, layout: str = "t64_x16_y16_on8", capacity: int = 4_000_000
    ):
        if layout not in LAYOUTS:
            raise ArgumentError(f"`layout` must be one of {', '.join(LAYOUTS)}, got {layout!r}")
        self.size, self.layout, self.drops = size, layout, Drops()
        self._event = LAYOUTS[layout]
        self._capacity = capacity * self._event.itemsize
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._lock = threading.Lock()
        self._clock = Clock(self.drops)
        self._closing = threading.Event()
        self._socket = _bound(address)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._thread = threading.Thread(target=self._receive, name="udp events", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return self._closing.is_set()

    def drain(self) -> Events:
        with self._lock:
            parts, self._waiting = self._waiting, []
            self._bytes = 0
        raw = np.frombuffer(b"".join(parts), self._event)
        t, x, y, p = self._columns(raw)
        inside = (x < self.size[1]) & (y < self.size[0])
        self.drops.outside += int(len(inside) - inside.sum())
        return self._clock.accepted(t[inside], x[inside], y[inside], p[inside])

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        buffer, unit = bytearray(LARGEST_DATAGRAM), self._event.itemsize
        view = memoryview(buffer)
        while not self._closing.is_set():
            try:
                count = self._socket.recv_into(buffer)
            except TimeoutError:
                continue
            except OSError:  # an error of an earlier datagram, told on the next call; the socket lives on
                self.drops.datagrams += 1
                continue
            if count == 0 or count % unit:
                self.drops.datagrams += 1
            else:
                self._keep(bytes(view[:count]))

    def _keep(self, datagram: bytes) -> None:
        with self._lock:
            if self._bytes + len(datagram) > self._capacity:
                self.drops.overflow += len(datagram) // self._event.itemsize
            else:
                self._bytes += len(datagram)
                self._waiting.append(datagram)

    def _columns(self, raw: NDArray[np.void]) -> tuple[NDArray[np.int64], ...]:
        """t, x, y, p as Int64[N]; times beyond 2**62 are cut there, which is far off any clock."""
        x = raw["x"].astype(np.int64)
        if self.layout == "t32_x16_y15_on1":
            row = raw["y_on"].astype(np.int64)
            return self._clock.unwrapped(raw["t"].astype(np.int64)), x, row >> 1, row & 1
        t = np.minimum(raw["t"], np.uint64(2**62)).astype(np.int64)
        return t, x, raw["y"].astype(np.int64), (raw["on"] != 0).astype(np.int64)


@dataclass
class Clock:
    """The time of a sender one cannot trust: it never goes back, and jumps only when the jump lasts."""

    drops: Drops
    last: int | None = None
    _offset: int = 0
    _disagreeing_since: float | None = field(default=None)

    def unwrapped(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times of a 32-bit clock continued beyond its wraps."""
        before = t[0] if self.last is None and len(t) else (self.last or 0) - self._offset
        steps = np.diff(t, prepend=before) < -(WRAP // 2)
        unwrapped = t + self._offset + WRAP * np.cumsum(steps)
        self._offset += WRAP * int(steps.sum())
        return unwrapped

    def accepted(
        self, t: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], p: NDArray[np.int64]
    ) -> Events:
        """The events whose time is believed, sorted; the others are counted as `off_clock`."""
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
        if self.last is None and len(t):
            self.last = int(np.median(t))  # one damaged time among the first does not set the clock
            first = int(np.searchsorted(t, self.last - LARGEST_GAP_US))
            self.last = int(t[first])
        believed = self._believed(t)
        self.drops.off_clock += int(len(t) - believed.sum())
        if believed.any():
            self.last, self._disagreeing_since = int(t[believed][-1]), None
        elif len(t):
            self._restart_if_it_lasts()
        t, x, y, p = t[believed], x[believed], y[believed], p[believed]
        return Events(x.astype(np.int32), y.astype(np.int32), t, p.astype(np.uint8))

    def _believed(self, t: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.last is None:
            return np.ones(len(t), bool)
        early = t < self.last
        ahead = np.diff(np.maximum(t, self.last), prepend=self.last) > LARGEST_GAP_US
        return ~early & ~np.logical_or.accumulate(ahead) if len(t) else early

    def _restart_if_it_lasts(self) -> None:
        now = time.monotonic()
        if self._disagreeing_since is None:
            self._disagreeing_since = now
        elif now - self._disagreeing_since >= PATIENCE_SECONDS:
            self.last, self._disagreeing_since = None, None
            self.drops.restarts += 1


class ReplaySource:
    """A recording as if it came now: an event appears when its time has passed, `speed` times as fast.

    An infinite `speed` gives a block at each call.
    """

    def __init__(self, stream: EventStream, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ArgumentError(f"`speed` must be greater than 0, got {speed}")
        self.size, self.drops, self._speed, self._start = stream.size, Drops(), speed, stream.start
        self._blocks: Iterator[Events] = stream.blocks()
        self._block: Events | None = next(self._blocks, None)
        self._begun: float | None = None

    @property
    def ended(self) -> bool:
        return self._block is None

    def drain(self) -> Events:
        if self._block is None:
            return NOTHING
        if np.isinf(self._speed):
            block, self._block = self._block, next(self._blocks, None)
            return block
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        due = self._start + int((now - self._begun) * self._speed * 1e6)
        count = int(np.searchsorted(self._block.t, due, side="right"))
        seen, rest = self._block[:count], self._block[count:]
        self._block = rest if len(rest.t) else next(self._blocks, None)
        return seen

    def close(self) -> None:
        self._block = None


NOTHING = Events.joined([])


def _bound(address: tuple[str, int]) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    receiving = socket.socket(family, socket.SOCK_DGRAM)
    try:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 2**20)
        receiving.settimeout(0.1)
        receiving.bind((host, port))
    except (OSError, OverflowError) as error:
        receiving.close()
        raise ArgumentError(f"`address` {host}:{port} cannot be listened on: {error}") from error
    return receiving
