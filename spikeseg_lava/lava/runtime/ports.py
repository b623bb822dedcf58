"""Port types of our process models that send and receive events: flat places and values, in the order of the port.

Over the EventChannel of our runtime only the events travel. In any other runtime they speak Lava's dense messages, so a
model with these ports connects to every stock Process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import IdentityTransformer, PyInPort, PyInPortVectorDense, PyOutPort
from numpy.typing import NDArray

from spikeseg_lava.lava.runtime.channel import EventRecvPort, EventSendPort
from spikeseg_lava.lava.runtime.memory import Events


class EventOutPort(PyOutPort):
    """Sends the non-zero elements of a message."""

    def send(self, index: NDArray[np.integer], payload: Any = 1) -> None:
        """`index` Int[N], each place at most once; `payload` [N] or one value for all."""
        ports: list[Any] = self.csp_ports
        for port in ports:
            if isinstance(port, EventSendPort):
                port.send_events(index, payload)
            else:
                port.send(self._dense(index, payload))

    def _dense(self, index: NDArray[np.integer], payload: Any) -> NDArray[Any]:
        message = np.zeros(self._shape, self._d_type)
        message.reshape(-1)[index] = payload
        return message


class EventInPort(PyInPort):
    """Receives the non-zero elements of a message; several sources are added up, as in Lava's dense port."""

    def recv(self) -> Events:
        """Places Int32[N] and values [N]."""
        ports = self.csp_ports
        if (
            len(ports) == 1
            and isinstance(ports[0], EventRecvPort)
            and isinstance(self._transformer, IdentityTransformer)
        ):
            return ports[0].recv_events()
        message = PyInPortVectorDense.recv(self)  # pyright: ignore[reportArgumentType]
        index = np.flatnonzero(message != 0)
        return index.astype(np.int32), message.reshape(-1)[index]

    def peek(self) -> Events:
        raise TypeError("an EventInPort cannot be peeked at: `recv` the message, or use Lava's VEC_DENSE port")
