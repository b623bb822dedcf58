"""The live page: what it serves and to whom, and what a real browser shows of it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.pictures.live_page import LivePage

STATE: dict[str, Any] = {
    "width": 64, "height": 48, "status": "running", "events": [[3, 4, 1], [9, 9, 0]],
    "saliency": {"width": 2, "height": 1, "data": "/wA="},
    "objects": [{"id": 7, "x": 20.0, "y": 10.0, "box": [18, 8, 22, 12], "speed": 31.4, "spikes": 5}],
    "figures": {"events/s": "1,234"},
}  # fmt: skip


@pytest.fixture
def page() -> Iterator[LivePage]:
    serving = LivePage()
    yield serving
    serving.close()


def port_of(page: LivePage) -> int:
    return int(page.url.rstrip("/").rpartition(":")[2])


def ask(page: LivePage, path: str = "/", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=5)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def looking(page: LivePage, viewers: int = 1) -> None:
    end = time.monotonic() + 5
    while page.viewers != viewers and time.monotonic() < end:
        time.sleep(0.01)
    assert page.viewers == viewers


def test_the_page_is_served_with_a_policy_that_loads_nothing_from_elsewhere(page: LivePage) -> None:
    response = ask(page)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/../../etc/passwd", "/live/../x", "/?a=b", "/%2e%2e/"])
def test_no_other_path_is_answered(page: LivePage, path: str) -> None:
    assert ask(page, path).status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"])
def test_a_foreign_host_is_refused(page: LivePage, host: str) -> None:
    assert ask(page, Host=host).status == 403
    assert ask(page, Host=f"localhost:{port_of(page)}").status == 200


def test_a_foreign_origin_cannot_listen(page: LivePage) -> None:
    address = f"ws://127.0.0.1:{port_of(page)}/live"
    with pytest.raises(InvalidStatus, match="403"), connect(address, origin="http://evil.example"):  # type: ignore[arg-type]
        pass
    with connect(address, origin=f"http://127.0.0.1:{port_of(page)}") as own:  # type: ignore[arg-type]
        looking(page)
        page.publish(STATE)
        assert json.loads(own.recv(timeout=5)) == STATE


def test_what_a_page_says_ends_its_connection_and_nothing_else(page: LivePage) -> None:
    address = f"ws://127.0.0.1:{port_of(page)}/live"
    with connect(address) as quiet, connect(address) as talking:
        looking(page, 2)
        talking.send('{"open": "/etc/passwd"}')
        with pytest.raises(ConnectionClosed):
            talking.recv(timeout=5)
        looking(page, 1)
        page.publish(STATE)
        assert json.loads(quiet.recv(timeout=5)) == STATE


def test_a_page_that_does_not_read_delays_nobody(page: LivePage) -> None:
    with connect(f"ws://127.0.0.1:{port_of(page)}/live", close_timeout=0.1):
        looking(page)
        begun = time.monotonic()
        for _ in range(300):
            page.publish({**STATE, "filler": "x" * 100_000})
        assert time.monotonic() - begun < 2
        page.close()
        assert time.monotonic() - begun < 3


def test_rubbish_at_the_port_is_refused_in_silence(page: LivePage, caplog: pytest.LogCaptureFixture) -> None:
    for rubbish in (b"", b"\0" * 5000, b"GET / HTTP/9\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port_of(page)), timeout=5) as talking:
            talking.sendall(rubbish)
    assert ask(page).status == 200
    assert not caplog.records


def test_closing_ends_thread_and_socket() -> None:
    before = threading.active_count()
    page = LivePage()
    page.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        ask(page)


def test_a_port_in_use_is_one_clear_error(page: LivePage) -> None:
    with pytest.raises(ArgumentError, match="`port`"):
        LivePage(port=port_of(page))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Callable[[str, str], str]]:
    """Opens an address in a real browser and asks for a value there, by the protocol of its developer tools."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium here: install it to look at the page in a real browser")
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    )  # fmt: skip
    command = [chromium, *quiet, f"--user-data-dir={tmp_path}", "about:blank"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = until(lambda: (tmp_path / "DevToolsActivePort").read_text().split()[0], FileNotFoundError, IndexError)

        def ask(url: str, expression: str) -> str:
            tabs = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
            tabs.request("PUT", f"/json/new?{url}")
            address = json.loads(tabs.getresponse().read())["webSocketDebuggerUrl"]
            tabs.close()
            with connect(address, max_size=None) as tab:
                return until(lambda: evaluated(tab, expression), AssertionError)

        yield ask
    finally:
        running.terminate()
        running.wait(20)


def until(value: Callable[[], str], *not_yet: type[BaseException], seconds: float = 40.0) -> str:
    """`value()`, as soon as it raises none of `not_yet`."""
    end = time.monotonic() + seconds
    while True:
        try:
            return value()
        except not_yet:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def evaluated(tab: Any, expression: str) -> str:
    """The value of an expression in a tab; AssertionError while it is empty."""
    wanted = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": expression}}
    tab.send(json.dumps(wanted))
    value = json.loads(tab.recv(timeout=20))["result"]["result"].get("value")
    assert value
    return value


def test_a_browser_draws_what_is_published(page: LivePage, browser: Callable[[str, str], str]) -> None:
    done = threading.Event()

    def publish() -> None:
        while not done.wait(0.1):
            page.publish(STATE)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        text = browser(page.url, "document.body.dataset.states > 1 ? document.body.innerText : ''")
        ink = "Array.from(view.getContext('2d').getImageData(0, 0, view.width, view.height).data.filter(v => v)).length"
        drawn = browser(page.url, f"document.body.dataset.states > 1 ? String({ink}) : ''")
    finally:
        done.set()
        publishing.join()
    assert "running" in text
    assert "20, 10" in text
    assert "1,234" in text
    assert int(drawn) > 1000
