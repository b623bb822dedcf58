"""A Lava runtime that cannot hang: it watches its processes, shows their tracebacks and leaves nothing behind.

Lava's own runtime waits for answers of processes that have died, and then the interpreter waits for processes that wait
for each other. This one forks the same models, speaks the same protocol over the same kind of channels, and ends all
of them when one fails or is killed, on a time limit, and on Ctrl-C.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import Any

from lava.magma.compiler.channels.interfaces import ChannelType
from lava.magma.core.process.message_interface_enum import ActorType
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import RunConfig
from lava.magma.runtime.message_infrastructure.multiprocessing import MultiProcessing
from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, enum_to_np
from lava.magma.runtime.runtime import Runtime

from spikeseg_lava.errors import BackendError
from spikeseg_lava.lava.runtime.channel import EventChannel
from spikeseg_lava.lava.runtime.child_process import ChildProcess, start_child, use_steps_service
from spikeseg_lava.lava.runtime.memory import AnonymousMemory

STOP_SECONDS = 20.0
CHECK_SECONDS = 0.05  # between two checks that all children live
CHANNEL_MESSAGES = 16


class SupervisedInfrastructure(MultiProcessing):
    """Lava's messaging with anonymous memory, event channels and children that report."""

    def start(self) -> None:
        self._smm: Any = AnonymousMemory()

    def build_actor(self, target_fn: Any, builder: Any, exception_q: Any = None) -> None:
        """Not used: `start_child` forks the children and knows their names."""
        raise TypeError("processes of a SupervisedRuntime are started by the runtime itself")

    def channel_class(self, channel_type: Any) -> Any:
        """The EventChannel between Python models; what leads to embedded processors and neurocores stays Lava's."""
        return EventChannel if channel_type == ChannelType.PyPy else super().channel_class(channel_type)

    def stop(self) -> None:
        self._smm.shutdown()


class SupervisedRuntime(Runtime):
    """Runs a compiled graph under supervision; use `supervised` rather than this class.

    Args:
        executable: what `Process.compile` returned.
        timeout: seconds that one `run` may take; None: no limit.
    """

    def __init__(self, executable: Any, timeout: float | None = None) -> None:
        super().__init__(executable, ActorType.MultiProcessing)
        self.timeout = timeout
        self.children: list[ChildProcess] = []
        self._owner = os.getpid()

    def initialize(self, node_cfg_idx: int = 0) -> None:
        """Build channels, fork one child per process model and the runtime service."""
        try:
            self._build_watchdog_manager()
            self._messaging_infrastructure = SupervisedInfrastructure()
            self._messaging_infrastructure.start()
            self._build_channels()
            self._build_sync_channels()
            self._start_children()
            self._start_ports()
        except BaseException:
            self.close()
            raise
        self._is_initialized = True

    def start(self, run_condition: Any) -> None:
        """Run a number of steps; BackendError when a process fails, is killed or takes longer than the limit."""
        if not isinstance(run_condition, RunSteps) or not run_condition.blocking:
            raise BackendError(f"a supervised graph runs blocking RunSteps, got {type(run_condition).__name__}")
        if not self.children:
            raise BackendError("this graph has been stopped; build a new one to run again")
        self._is_started = self._is_running = True
        with self._closed_on_failure():
            self._command(enum_to_np(run_condition.num_steps))
            self._supervise(self._answered, self.timeout, "run")
            for port in self.service_to_runtime:
                port.recv()
        self._is_running = False

    def stop(self) -> None:
        """End every process in order; BackendError when one fails on its way out."""
        if not self.children:
            return
        with self._closed_on_failure():
            if self._is_started:
                self._command(MGMT_COMMAND.STOP)
                self._supervise(self._ended, STOP_SECONDS, "stop")
        self.close()

    def close(self) -> None:
        """End every process at once and free memory, pipes and threads; may be called again."""
        if os.getpid() != self._owner:
            return
        self._is_started = self._is_running = False
        for child in self.children:
            if child.process.is_alive():
                child.process.kill()
        for child in self.children:
            child.close()
        self.children = []
        self.join()

    def __del__(self) -> None:
        with suppress(AttributeError):  # refused by Lava before it was complete
            self.close()

    def _start_children(self) -> None:
        for process, builder in self._executable.proc_builders.items():
            process._runtime = self
            self._create_external_channels(process, builder)
            self.children.append(start_child(builder, full_name(process)))
        services = list((self._executable.runtime_service_builders or {}).values())
        use_steps_service(services, self._executable.proc_builders.values())
        for builder in services:
            self.children.append(start_child(builder, "runtime service"))

    def _command(self, command: Any) -> None:
        for port in self.runtime_to_service:
            port.send(command)

    def _answered(self, seconds: float) -> bool:
        ports: Iterable[Any] = self.service_to_runtime
        return all(port.arrives(seconds) for port in ports)

    def _ended(self, seconds: float) -> bool:
        alive = [child.process.sentinel for child in self.children if child.process.exitcode is None]
        wait(alive, seconds)
        return all(child.process.exitcode == 0 for child in self.children)

    def _supervise(self, done: Callable[[float], bool], timeout: float | None, action: str) -> None:
        """Return when `done`; raise when a child fails, or after `timeout` seconds."""
        limit = math.inf if timeout is None else time.monotonic() + timeout
        while not done(max(0.0, min(CHECK_SECONDS, limit - time.monotonic()))):
            for child in self.children:
                child.check(may_end=action == "stop")
            if time.monotonic() >= limit:
                raise BackendError(
                    f"the Lava graph did not {action} within {timeout:g} s; all its processes were ended"
                )

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


def enclosing(process: Any) -> Iterator[Any]:
    """The Processes that a Process is part of, from the inside out."""
    while (process := getattr(process, "parent_proc", None)) is not None:
        yield process


def full_name(process: Any) -> str:
    """Name of a Process after those of the Processes it is part of, separated by dots."""
    return ".".join(reversed([process.name, *(whole.name for whole in enclosing(process))]))


def supervised(process: Any, run_config: RunConfig, timeout: float | None = None) -> SupervisedRuntime:
    """Compile the graph that `process` belongs to and start it under supervision.

    Afterwards `process.run(RunSteps(n))` and `process.stop()` work as always in Lava, but end in a BackendError with
    the name of the process and its traceback where Lava would hang.
    """
    executable = process.compile(run_config, {"pypy_channel_size": CHANNEL_MESSAGES})
    runtime = SupervisedRuntime(executable, timeout)
    executable.assign_runtime_to_all_processes(runtime)
    for part in executable.process_list:
        for whole in enclosing(part):  # Lava gives its runtime to the parts of a Process, not to the Process itself
            whole.runtime = runtime
    runtime.initialize()
    return runtime
