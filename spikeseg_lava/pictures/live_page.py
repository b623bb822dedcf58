"""A local web page that shows events, saliency and tracked objects as they come.

The page only looks: whatever it sends closes its connection, and no path, name or command is taken from it. The server
listens on the loopback interface unless another address is asked for, answers one path, and refuses requests whose
`Host` or `Origin` is not its own, so that a foreign page in the same browser can neither read nor rebind it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from spikeseg_lava.errors import ArgumentError

WAITING = 4  # messages a slow page may be behind; older ones are left out, as the newest is what it shows
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'"


logger = logging.getLogger(__name__)
logger.setLevel(logging.CRITICAL)  # what strangers send to the port is refused, and not worth a traceback each


class LivePage:
    """Serves the page in a thread of its own; `publish` sends one state to all who look.

    Args:
        host: address to listen on.
        port: 0 picks a free one; see `url`.

    Raises:
        ArgumentError: the address cannot be listened on.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self._loop = asyncio.new_event_loop()
        self._queues: set[asyncio.Queue[str]] = set()
        self._ready, self._failed = threading.Event(), ""
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="live page", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed:
            self._thread.join()
            raise ArgumentError(f"`port` {host}:{port} cannot be listened on: {self._failed}")

    @property
    def url(self) -> str:
        """Address of the page for a browser on this machine."""
        return f"http://{_bracketed(self._host)}:{self._port}/"

    @property
    def viewers(self) -> int:
        """Pages that look at present."""
        return len(self._queues)

    def publish(self, state: Mapping[str, Any]) -> None:
        """Send `state` (JSON-compatible) to every page; one that is slow misses what lies between."""
        if self._queues:
            self._loop.call_soon_threadsafe(self._spread, json.dumps(state))

    def close(self) -> None:
        """End the server and its connections; returns within a second."""
        if self._thread.is_alive() and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=2.0)

    def _spread(self, message: str) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failed = error.strerror or str(error)
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._stop = asyncio.Event()
        server = await serve(
            self._show,
            self._host,
            self._port,
            process_request=self._answer,
            compression=None,
            max_size=1024,
            close_timeout=0.2,
            server_header=None,
            logger=logger,
        )
        async with server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()
            for connection in list(
                server.connections
            ):  # without a farewell, which a page that does not read would delay
                connection.transport.abort()

    async def _show(self, connection: Any) -> None:
        """Send to one page until it leaves; the first thing it says ends the connection."""
        from websockets.exceptions import ConnectionClosed

        queue: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        sending = asyncio.create_task(self._send(connection, queue))
        try:
            await connection.recv()
            await connection.close(1008, "this page takes no messages")
        except ConnectionClosed:
            pass  # the page has left
        finally:
            self._queues.discard(queue)
            sending.cancel()

    async def _send(self, connection: Any, queue: asyncio.Queue[str]) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            while True:
                await connection.send(await queue.get())

    def _answer(self, connection: Any, request: Any) -> Any:
        """The page itself, a refusal, or None where the connection becomes a WebSocket."""
        if request.headers.get_all("Host") not in [[host] for host in self._names()]:
            return connection.respond(HTTPStatus.FORBIDDEN, "foreign Host\n")
        origins = request.headers.get_all("Origin")
        if origins and origins not in [[f"http://{host}"] for host in self._names()]:
            return connection.respond(HTTPStatus.FORBIDDEN, "foreign Origin\n")
        if request.path == "/live":
            return None
        if request.path != "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "nothing here\n")
        response = connection.respond(HTTPStatus.OK, _page())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    def _names(self) -> list[str]:
        """`Host` headers that mean this server."""
        hosts = LOOPBACK if self._host in LOOPBACK else (self._host,)
        return [f"{_bracketed(host)}:{self._port}" for host in hosts]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _page() -> str:
    return (files("spikeseg_lava.pictures") / "templates" / "live.html").read_text(encoding="utf-8")
