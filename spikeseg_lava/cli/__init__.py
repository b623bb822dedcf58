"""The command line: `spikeseg-lava COMMAND`. Whatever goes wrong ends in one line on standard error and an exit code.

Everything else is imported inside `main`, so that Ctrl-C during the imports ends in one line as well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

DONE, USAGE, UNEXPECTED, BY_SIGNAL = 0, 2, 70, 128
DEBUG = "--debug"
BURST_SECONDS = 2.0  # signals this close together are one wish to end: the clean-up is not interrupted by the second


def main() -> None:
    """Entry point.

    Exit codes: 0 done, 1 a check failed, 2 bad input or a failing backend, 3 no verdict, 70 an error nobody foresaw,
    128 + number of the signal: 130 Ctrl-C, 143 SIGTERM. `--debug` anywhere shows the traceback.
    """
    _occupy_standard_streams()
    words = [word for word in sys.argv[1:] if word != DEBUG]
    with Interruption() as interruption:
        try:
            code = _command(words)
            code = interruption.code() or code  # typer makes an exit code of an interruption
        except BaseException as error:  # the last line of defence; a panic of a Rust library is no Exception
            if DEBUG in sys.argv[1:]:
                sys.excepthook(type(error), error, error.__traceback__)
            code = interruption.code() or _told(error)
    _flushed()
    sys.exit(code)


def _command(words: list[str]) -> Any:
    from spikeseg_lava.cli.app import app
    from spikeseg_lava.cli.console import tell_warnings

    tell_warnings()
    code = app(words or ["--help"], standalone_mode=False)
    sys.stdout.flush()
    return code or DONE


def _told(error: BaseException) -> int:
    """Say in one line what was wrong; the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else DONE
    import typer

    from spikeseg_lava.cli.console import fail
    from spikeseg_lava.errors import SpikeSegLavaError

    if isinstance(error, typer.Abort):
        return BY_SIGNAL + signal.SIGINT
    if isinstance(error, BrokenPipeError) and not _flushed():
        return BY_SIGNAL + getattr(signal, "SIGPIPE", 13)  # Windows has none
    if isinstance(error, typer.BadParameter.__mro__[1]):  # all wrong words; the class has no public name
        fail(_usage(error))
        return USAGE
    if isinstance(error, MemoryError):
        fail(f"not enough memory: {error}" if str(error) else "not enough memory")
        return USAGE
    if isinstance(error, OSError) and error.strerror:
        fail(f"`{error.filename}`: {error.strerror}" if error.filename else error.strerror)
        return USAGE
    if isinstance(error, (SpikeSegLavaError, OSError)):
        fail(error)
        return USAGE
    fail(f"unexpected {type(error).__name__}: {error} (--debug shows where)")
    return UNEXPECTED


def _usage(error: Any) -> str:
    """What is wrong with the words, and the help of their command."""
    return f"{error.format_message()} (see {error.ctx.command_path if error.ctx else 'spikeseg-lava'} --help)"


def _flushed() -> bool:
    """Whether standard output took everything; if not (`| head`, a full disk), Python must not try again at its end."""
    try:
        sys.stdout.flush()
        return True
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False


def _occupy_standard_streams() -> None:
    """Where standard streams were closed, put the null device: a file opened later must not get their numbers.

    Characters that the terminal's encoding lacks are written as escapes.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]


class Interruption:
    """SIGTERM and SIGHUP end the program as Ctrl-C does: by a KeyboardInterrupt, so that everything is cleaned up.

    Python drops a KeyboardInterrupt that is raised in a destructor or in a hook of `fork`; such a signal is sent again.
    """

    def __init__(self) -> None:
        self.received = 0
        self._when = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped
        for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:  # none on Windows
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # not ignored, as by nohup
                self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._hook
        for number, handler in self._before.items():  # after a signal, nobody waits for what Python does at its end
            signal.signal(number, signal.SIG_DFL if self.received else handler)

    def code(self) -> int:
        """The exit code, one line being said; 0 where no signal came."""
        if not self.received:
            return 0
        sys.stderr.write(f"interrupted by {signal.Signals(self.received).name}\n")
        return BY_SIGNAL + self.received

    def _interrupt(self, number: int, _: Any) -> None:
        if time.monotonic() - self._when < BURST_SECONDS:
            return
        self.received, self._when = number, time.monotonic()
        raise KeyboardInterrupt

    def _dropped(self, dropped: Any) -> None:
        if dropped.exc_type is KeyboardInterrupt:
            self._when = 0.0
            threading.Timer(0.01, os.kill, (os.getpid(), self.received or signal.SIGINT)).start()
        elif DEBUG in sys.argv[1:]:
            self._hook(dropped)
