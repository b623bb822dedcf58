"""Events through Lava's dense vector ports: flat places and values, in the order of the port.

Our models declare Lava's own `VEC_DENSE` ports, so they connect to every stock Process, and to the adapters of the
Loihi extension, which accept these ports only. What differs is how a message passes: over the EventChannel of our
runtime only the events travel, over any other channel a dense message does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import IdentityTransformer, PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from numpy.typing import NDArray

from spikeseg_lava.lava.runtime.channel import EventRecvPort, EventSendPort
from spikeseg_lava.lava.runtime.memory import Events


def declared(kind: Any, number: type, precision: int | None = None) -> Any:
    """The LavaPyType of a port or a Var, typed as what Lava puts in its place when it builds the model."""
    return LavaPyType(kind, number, precision)  # pyright: ignore[reportArgumentType]


def in_port(number: type, precision: int | None = None) -> Any:
    """Declares an input port of a model."""
    return declared(PyInPort.VEC_DENSE, number, precision)


def out_port(number: type, precision: int | None = None) -> Any:
    """Declares an output port of a model."""
    return declared(PyOutPort.VEC_DENSE, number, precision)


def array_var(number: type, precision: int | None = None) -> Any:
    """Declares a Var that a model holds as an array."""
    return declared(np.ndarray, number, precision)


def send_events(port: PyOutPort, index: NDArray[np.integer], payload: Any = 1) -> None:
    """Send the non-zero elements of a message.

    `index` Int[N] holds their places, each at most once, `payload` [N] their values, or one value for all.
    """
    message = None
    for channel in port.csp_ports:
        if isinstance(channel, EventSendPort):
            channel.send_events(index, payload)
            continue
        if message is None:
            message = np.zeros(port._shape, port._d_type)
            message.reshape(-1)[index] = payload
        channel.send(message)  # pyright: ignore[reportAttributeAccessIssue]


def receive_events(port: PyInPort) -> Events:
    """Places Int32[N] and values [N] of a message's non-zero elements; several sources are added up.

    Raises TypeError where fractions reach a port of integers.
    """
    channels: list[Any] = port.csp_ports
    alone = len(channels) == 1 and isinstance(port._transformer, IdentityTransformer)
    if alone and isinstance(channels[0], EventRecvPort):
        index, payload = channels[0].recv_events()
    else:
        message: Any = port.recv()
        index = np.flatnonzero(message != 0).astype(np.int32)
        payload = message.reshape(-1)[index]
    return index, payload if payload.dtype == port._d_type else cast_payload(payload, port._d_type)


def receive_array(port: PyInPort) -> NDArray[Any]:
    """A dense message in the port's own number type; raises TypeError where fractions reach a port of integers."""
    message: Any = port.recv()
    return message if message.dtype == port._d_type else cast_payload(message, port._d_type)


def cast_payload(payload: NDArray[Any], number: Any) -> NDArray[Any]:
    """Values in another number type; TypeError where that changes one."""
    found = payload.astype(number)
    if payload.dtype.kind == "f" and not np.array_equal(found, payload):
        lost = payload[found != payload].flat[0]
        raise TypeError(
            f"a message holds {lost:g}, the port takes {np.dtype(number)}: the sender is a floating-point model, "
            "choose `select_tag='floating_pt'` for this Process too, or send integers"
        )
    return found
