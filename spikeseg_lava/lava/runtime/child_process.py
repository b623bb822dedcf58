"""One operating-system process of a graph: what the child runs, and what the parent holds of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from lava.magma.core.model.py.model import PyLoihiProcessModel

from spikeseg_lava.errors import BackendError
from spikeseg_lava.lava.runtime.service import take_steps

PARENT_CHECK_SECONDS = 0.5


@dataclass(frozen=True)
class ChildProcess:
    """A child process, as its parent holds it; a child that fails sends its traceback over `reports`."""

    name: str
    process: BaseProcess
    reports: Connection

    def check(self, may_end: bool) -> None:
        """Raise BackendError if the child has failed, was killed, or (unless it `may_end`) has ended."""
        code = self.process.exitcode
        with suppress(EOFError):
            if self.reports.poll():
                report = self.reports.recv()
                raise BackendError(f"Lava process `{self.name}` failed: {last_line(report)}\n\n{report}")
        if code is not None and not (may_end and code == 0):
            how = f"was killed by signal {-code}" if code < 0 else f"ended by itself with exit code {code}"
            raise BackendError(f"Lava process `{self.name}` {how}; the rest of the graph was ended")

    def close(self) -> None:
        """End the child if it still runs, and free what the parent holds of it."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.process.close()
        self.reports.close()


def start_child(builder: Any, name: str) -> ChildProcess:
    """Fork a child that builds and runs the model of `builder`; it dies with its parent and ignores Ctrl-C."""
    fork = multiprocessing.get_context("fork")
    reports, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=run_child, args=(builder, sender, os.getpid()), name=name, daemon=True)
    with warnings.catch_warnings(), children_allowed(), signals_held():
        # Python >= 3.12 warns of forks beside threads; ours hold no lock, they wait on semaphores of finished graphs.
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        process.start()
    sender.close()
    return ChildProcess(name, process, reports)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended.

    Python drops an exception that a signal raises within its hooks around `fork`, and a child that has not yet begun
    would raise it a second time. Only the main thread runs handlers, so a fork of another thread needs no care.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in came[:1]:
            signal.raise_signal(number)


@contextmanager
def children_allowed() -> Iterator[None]:
    """Lift Python's rule that a daemonic process (a Dask worker) has no children: ours die with their parent anyway."""
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config")  # noqa: B009
    daemon = config.get("daemon", False)
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = daemon


def run_child(builder: Any, reports: Connection, parent: int) -> None:
    """What a child runs from fork to exit. It sends any exception to the parent as a traceback, and prints nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=die_with, args=(parent,), daemon=True).start()
    try:
        model = builder.build()
        if hasattr(model, "_selector"):
            model._selector = DirectSelector(model._selector)
        if isinstance(model, PyLoihiProcessModel):
            take_steps(model)
        model.start()
    except BaseException:
        reports.send(traceback.format_exc())
        sys.exit(1)


def last_line(report: str) -> str:
    """The exception of a traceback: type and message."""
    return report.strip().splitlines()[-1]


def die_with(parent: int) -> None:
    """End this process when its parent is gone, however that died."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


class DirectSelector:
    """Lava's CspSelector for the common case of one channel, on which it waits without thread and condition."""

    def __init__(self, selector: Any) -> None:
        self._selector = selector

    def select(self, *channel_actions: tuple[Any, Any]) -> Any:
        """Wait for a channel to become ready, and return what its action returns."""
        channel, action = channel_actions[0]
        if len(channel_actions) > 1 or not hasattr(channel, "wait"):
            return self._selector.select(*channel_actions)
        channel.wait()
        return action()
