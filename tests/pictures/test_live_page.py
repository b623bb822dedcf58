"""The live page: what it serves and to whom, and what a real browser shows of it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
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


def test_a_browser_draws_what_is_published(page: LivePage, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium here: install it to look at the page in a real browser")
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--timeout=4000", "--dump-dom",
    )  # fmt: skip
    done = threading.Event()

    def publish() -> None:
        while not done.wait(0.1):
            page.publish(STATE)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        command = [chromium, *quiet, f"--user-data-dir={tmp_path}", page.url]
        dom = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    finally:
        done.set()
        publishing.join()
    assert "20, 10" in dom
    assert "1,234" in dom
    assert 'id="status" class="">running<' in dom.replace("\n", "")
