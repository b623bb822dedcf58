"""A channel of Lava that moves events instead of pixels and needs no thread at either end.

Lava's own channel copies the whole port for every message and runs one thread per port end to hand semaphores over.
Here a message with few non-zero elements travels as a list of places and values, one with many as it is; senders and
receivers wait on the semaphores themselves. Only a port that somebody observes (Lava's CspSelector) gets its thread.
Messages, order and blocking are those of Lava's channel.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
from lava.magma.compiler.channels.interfaces import Channel
from lava.magma.compiler.channels.pypychannel import CspRecvPort, CspSendPort, NoOPWatchdog, Proto
from numpy.typing import NDArray

from spikeseg_lava.lava.runtime.memory import DENSE, BufferLayout, Events, MessageBuffer, buffered_events


class EventSendPort(CspSendPort):
    """Sending end; `ack` counts the free buffers."""

    _ack: Any
    _req: Any

    def __init__(self, layout: BufferLayout, *args: Any) -> None:
        super().__init__(*args)
        self.layout = layout

    def start(self) -> None:
        self._buffers = self.layout.buffers(self._shm.buf, self._size)

    def probe(self) -> bool:
        return _available(self._ack)

    def send(self, data: Any) -> None:
        """Send a dense message of the port's shape."""
        data = np.asarray(data)
        if data.shape != tuple(self._shape):
            raise ValueError(f"port `{self._name}` takes messages of shape {tuple(self._shape)}, got {data.shape}")
        if self.layout.capacity:
            index = np.flatnonzero(data != 0)
            if len(index) <= self.layout.capacity:
                return self.send_events(index, data.ravel()[index])
        buffer = self._next()
        buffer.dense[...] = data
        buffer.count[0] = DENSE
        self._req.release()

    def send_events(self, index: NDArray[np.integer], payload: NDArray[Any]) -> None:
        """Send non-zero elements only: flat places (each at most once) and values."""
        count = len(index)
        if count > self.layout.capacity:
            return self._send_many(index, payload)
        buffer = self._next()
        buffer.index[:count], buffer.payload[:count] = index, payload
        buffer.count[0] = count
        self._req.release()

    def _send_many(self, index: NDArray[np.integer], payload: NDArray[Any]) -> None:
        buffer = self._next()
        buffer.dense[...] = 0
        buffer.dense.reshape(-1)[index] = payload
        buffer.count[0] = DENSE
        self._req.release()

    def _next(self) -> MessageBuffer:
        self._ack.acquire()
        buffer = self._buffers[self._idx]
        self._idx = (self._idx + 1) % self._size
        return buffer


class EventRecvPort(CspRecvPort):
    """Receiving end; `req` counts the messages. Setting an observer starts the thread of Lava's own port."""

    _queue: Any
    _ack: Any
    _req: Any

    def __init__(self, layout: BufferLayout, *args: Any) -> None:
        self._observer: Any = None
        super().__init__(*args)
        self.layout = layout

    def start(self) -> None:
        self._buffers = self.layout.buffers(self._shm.buf, self._size)

    @property
    def observer(self) -> Any:
        return self._observer

    @observer.setter
    def observer(self, observer: Any) -> None:
        self._observer = observer
        if observer is not None and self.thread is None:
            super().start()

    def probe(self) -> bool:
        return super().probe() if self.thread else _available(self._req)

    def wait(self) -> None:
        """Block until a message is there, and leave it there."""
        self._await()
        if not self.thread:
            self._req.release()

    def arrives(self, seconds: float) -> bool:
        """Whether a message is there, or comes within that time; it stays in the channel. For ports nobody observes."""
        if not self._req.acquire(timeout=seconds):
            return False
        self._req.release()
        return True

    def recv(self) -> NDArray[Any]:
        """The next message, dense."""
        return self._consume(self._dense)

    def recv_events(self) -> Events:
        """The next message as flat places and values of its non-zero elements, places ascending or as sent."""
        return self._consume(buffered_events)

    def peek(self) -> NDArray[Any]:
        """The next message, dense; it stays in the channel."""
        self.wait()
        return self._dense(self._buffers[self._idx])

    def _consume(self, read: Any) -> Any:
        self._await()
        if self.thread:
            self._queue.get()
        message = read(self._buffers[self._idx])
        self._idx = (self._idx + 1) % self._size
        self._ack.release()
        return message

    def _await(self) -> None:
        if self.thread:
            self._queue.get(peek=True)
        else:
            self._req.acquire()

    def _dense(self, buffer: MessageBuffer) -> NDArray[Any]:
        count = int(buffer.count[0])
        if count == DENSE:
            return buffer.dense.copy()
        message = np.zeros(self.layout.shape, self.layout.dtype)
        message.reshape(-1)[buffer.index[:count]] = buffer.payload[:count]
        return message


class EventChannel(Channel):
    """Both ends; built by Lava's compiler through the messaging infrastructure, as its own PyPyChannel."""

    def __init__(
        self, infrastructure: Any, src_name: str, dst_name: str, shape: Any, dtype: Any, size: int, *watchdogs: Any
    ) -> None:
        layout = BufferLayout(tuple(shape), dtype)
        memory = infrastructure.smm.create_shared_memory(layout.bytes * size)
        fork = multiprocessing.get_context("fork")
        messages, free = fork.Semaphore(0), fork.Semaphore(size)
        proto = Proto(shape=shape, dtype=layout.dtype.type, nbytes=layout.bytes)  # pyright: ignore[reportArgumentType]
        watch = watchdogs or (NoOPWatchdog(None),) * 4
        self._ends = (
            EventSendPort(layout, src_name, memory, proto, size, messages, free, *watch[:2]),
            EventRecvPort(layout, dst_name, memory, proto, size, messages, free, *watch[2:]),
        )

    @property
    def src_port(self) -> EventSendPort:
        return self._ends[0]

    @property
    def dst_port(self) -> EventRecvPort:
        return self._ends[1]


def _available(semaphore: Any) -> bool:
    if semaphore.acquire(block=False):
        semaphore.release()
        return True
    return False
