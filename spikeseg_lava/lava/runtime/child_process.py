"""One operating-system process of a graph: what the child runs, and what the parent holds of it.

The child follows Lava's Loihi protocol, but without a rendezvous of all processes at every step where none is needed.
Lava's service commands a step of every process and waits for all before the next one, so each step costs a round of
wake-ups. Processes that exchange data through channels only need no such wait: each takes its messages in the order of
steps, whenever they come, and computes the same. Where no process of a graph reads another one's Vars, and none has a
phase of management or learning, this service commands all steps of a run at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, MGMT_RESPONSE, enum_equal, enum_to_np
from lava.magma.runtime.runtime_services.runtime_service import LoihiPyRuntimeService

from spikeseg_lava.errors import BackendError

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


STEPS = enum_to_np(1000)  # a command of our own; the number of steps follows
PLAIN = ("run", "_spike", "pre_guard", "lrn_guard", "post_guard")


class StepsRuntimeService(LoihiPyRuntimeService):
    """Commands all steps of a run at once; processes need `take_steps`."""

    runtime_to_service: Any
    service_to_runtime: Any

    def run(self) -> None:
        while True:
            command = self.runtime_to_service.recv()
            if enum_equal(command, MGMT_COMMAND.STOP):
                return self._handle_stop()
            if enum_equal(command, MGMT_COMMAND.PAUSE):
                self._handle_pause()
            elif any(enum_equal(command, access) for access in (MGMT_COMMAND.GET_DATA, MGMT_COMMAND.SET_DATA)):
                self._handle_get_set(command)
            else:
                self._run_steps(command)
                self.service_to_runtime.send(MGMT_RESPONSE.ERROR if self._error else MGMT_RESPONSE.DONE)

    def _run_steps(self, steps: Any) -> None:
        for port in reversed(list(self.service_to_process)):  # receivers first: they wait, and leave a core to sources
            port.send(STEPS)
            port.send(steps)
        self._get_pm_resp()


def take_steps(model: Any) -> None:
    """Add the command `STEPS` to a process model: the steps as on Lava's own commands, the host phase, one answer."""

    def run_steps() -> None:
        steps = int(model.service_to_process.recv()[0])
        for step in range(steps):
            model.steps_left = steps - step - 1
            model.time_step += 1
            model.phase = PyLoihiProcessModel.Phase.SPK
            model.run_spk()
            model.advance_to_time_step(model.time_step + 1)
            if model._req_pause or model._req_stop:
                raise RuntimeError("a process asked to pause or to stop, which no supervised run does by itself")
        model._host()
        model.process_to_service.send(PyLoihiProcessModel.Response.STATUS_DONE)

    model._cmd_handlers[int(STEPS[0])] = run_steps


def more_steps_follow(model: Any) -> bool:
    """Whether a model will run further steps before anybody reads its results, as far as it can know.

    Only the StepsRuntimeService announces the number of steps.
    """
    return getattr(model, "steps_left", 0) > 0


def use_steps_service(services: Iterable[Any], processes: Iterable[Any]) -> None:
    """Exchange Lava's service in its builders, if all processes (their builders) can do without a rendezvous."""
    if all(map(meets_only_through_channels, processes)):
        for builder in services:
            if builder.rs_class is LoihiPyRuntimeService:
                builder.rs_class = StepsRuntimeService


def meets_only_through_channels(builder: Any) -> bool:
    """Whether a process neither reads others' variables nor lets them read its own, nor has phases besides spiking."""
    model = builder.proc_model
    plain = issubclass(model, PyLoihiProcessModel) and all(
        getattr(model, name) is getattr(PyLoihiProcessModel, name) for name in PLAIN
    )
    return plain and not (builder.ref_ports or builder.var_ports)
