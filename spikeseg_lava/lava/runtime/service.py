"""Lava's Loihi protocol without a rendezvous of all processes at every step.

Lava's service commands a step of every process and waits for all before the next one, so each step costs a round of
wake-ups. Processes that exchange data through channels only need no such wait: each takes its messages in the order of
steps, whenever they come, and computes the same. Where no process of a graph reads another one's Vars, and none has a
phase of management or learning, this service commands all steps of a run at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, MGMT_RESPONSE, enum_equal, enum_to_np
from lava.magma.runtime.runtime_services.runtime_service import LoihiPyRuntimeService

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
