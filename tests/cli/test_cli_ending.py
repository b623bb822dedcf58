"""However a command ends, it is one line and an exit code: panics, signals at any time, closed and full outputs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spikeseg_lava.cli.networks import shipped_network
from spikeseg_lava.errors import BackendError


class Panic(BaseException):
    """As a Rust library raises it: no Exception."""


PREPARED = {
    "during imports": """
class Finder:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Finder())
""",
    "within a command": """
def finish(*_):
    os.kill(os.getpid(), signal.{signal})
    time.sleep(20)
import spikeseg_lava.cli.app as app
app.Command.invoke = finish
""",
    "in a destructor": """
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.{signal})
        time.sleep(0.01)
def finish(*_, **__):
    thing = Dropped()
    del thing
    time.sleep(20)
import spikeseg_lava.cli.app as app
app.app = finish
""",
    "twice": """
def finish(*_, **__):
    try:
        os.kill(os.getpid(), signal.{signal})
        time.sleep(20)
    finally:
        os.kill(os.getpid(), signal.{signal})
        time.sleep(0.01)
        print("cleaned up")
import spikeseg_lava.cli.app as app
app.app = finish
""",
}


def started(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A command line after `code` has prepared the ground."""
    words = f"import os, signal, sys, time\nsys.argv = ['spikeseg-lava', 'inspect', {str(shipped_network())!r}]\n"
    code = f"{words}{code}\nfrom spikeseg_lava.cli import main\nmain()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("when", PREPARED)
def test_a_signal_is_never_lost_and_ends_in_one_line(when: str, name: str) -> None:
    done = started(PREPARED[when].replace("{signal}", name))
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stderr == f"interrupted by {name}\n"
    assert done.stdout == ("cleaned up\n" if when == "twice" else "")


@pytest.mark.parametrize("error", [Panic("index out of range"), RecursionError("too deep"), KeyError("x")])
def test_whatever_is_raised_is_one_line_and_debug_shows_where(
    cli, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def inspect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("spikeseg_lava.cli.app.app", inspect)
    done = cli("inspect", "a.pt")
    assert done.code == 70
    assert done.err == f"error: unexpected {type(error).__name__}: {error} (--debug shows where)\n"
    done = cli("inspect", "a.pt", "--debug")
    assert done.code == 70
    assert "in inspect" in done.err


def test_a_message_keeps_its_traceback_for_debug(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise BackendError("Lava process `conv1` failed: ValueError: 1\n\nTraceback (most recent call last):\n  File x")

    monkeypatch.setattr("spikeseg_lava.cli.app.app", run)
    done = cli("run")
    assert (done.code, done.err) == (2, "error: Lava process `conv1` failed: ValueError: 1\n")


def test_names_do_not_reach_the_terminal_as_they_are(cli) -> None:
    done = cli("inspect", "\x1b[2J\n" + "x" * 5000 + ".slm")
    assert done.code == 2
    assert done.err.startswith("error: `\\x1b[2J\\nxxx")
    assert len(done.err) < 1200


def test_closed_and_full_outputs() -> None:
    for closed in (1, 2):
        done = started(f"os.close({closed})")
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-c", "from spikeseg_lava.cli import main; main()", "inspect", str(shipped_network())]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_an_output_that_lacks_characters_gets_escapes(tmp_path: Path) -> None:
    done = started("", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
