"""What all our Processes and their models have in common.

Processes check in the parent, where an error can still be shown plainly: their arguments when they are made, what the
chosen model cannot hold when the graph is compiled, and new values of a Var when they are set. Models leave their
membrane where the parent reads it without `Var.get()`. Loops of Processes that all answer within a step are refused:
each would wait for the others, and the graph for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import Var, VarServer

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.parameters import Limits

UNSET: Any = None


class CheckedVar(Var):
    """A Var with limits: values outside them are refused where the user sets them, not cut off in the child.

    Args:
        shape, init: as of Lava's Var.
        limits: what integer and floating-point models can hold.
        unused: why setting it would do nothing, for a parameter that the Process does not use.
    """

    def __init__(self, shape: tuple[int, ...], init: Any, limits: Limits, unused: str = "") -> None:
        super().__init__(shape=shape, init=init)
        self.limits, self.unused = limits, unused
        self.number: np.dtype[Any] | None = None

    def use(self, number: Any) -> None:
        """The number type of the chosen model; ArgumentError where it cannot hold the initial value."""
        self.number = np.dtype(number)
        self.check(self.init)

    def set(self, value: Any, idx: Any = None) -> None:
        """Set the value, one number for all or one for each; ArgumentError where the model cannot hold it."""
        if self.unused and np.any(np.asarray(value) != self.init):
            raise ArgumentError(f"`{self.name}` of `{self.process.name}` cannot be set: {self.unused}")
        self.check(value)
        values = np.array(np.broadcast_to(np.asarray(value), self.shape)) if idx is None else np.asarray(value)
        super().set(values, idx)  # pyright: ignore[reportArgumentType] - Lava's default is None

    def check(self, value: Any) -> None:
        """ArgumentError where the chosen model cannot hold a value; without a model, nothing is checked."""
        if self.number is not None:
            self.limits.check(f"`{self.name}` of Process `{self.process.name}`", value, self.number)


class QuietProcess(AbstractProcess):
    """A Process that leaves the root logger as it was, and checks what its model cannot do before anything runs.

    Lava adds a console handler to the root logger for every Process ever made; this one takes it back.
    """

    _chosen_model: Any = None
    _runtime: Any = None  # Lava's `__del__` reads it, also where an argument was refused before it was set
    within_step = True  # whether outputs depend on inputs of the same step, so that a loop would wait for itself
    synonyms: dict[str, str] = {}  # noqa: RUF012 - Lava's name for a Var -> ours

    def __init__(self, **parameters: Any) -> None:
        handlers = list(logging.getLogger().handlers)
        super().__init__(**parameters)
        logging.getLogger().handlers[:] = handlers

    def __getattr__(self, name: str) -> Any:
        if name in type(self).synonyms:
            return getattr(self, type(self).synonyms[name])
        raise AttributeError(f"`{type(self).__name__}` has no attribute `{name}`")

    @property
    def _model_class(self) -> Any:
        """The model that Lava's compiler chose; the compiler assigns it, and the Process checks itself against it."""
        return self._chosen_model

    @_model_class.setter
    def _model_class(self, model: Any) -> None:
        self._chosen_model = model
        if model is not None:
            self.check_model(model)

    def check_model(self, model: Any) -> None:
        """Refuse what a chosen model cannot hold, and a loop that would wait for itself.

        Raises:
            ArgumentError: with the Process, the Var and the values in question.
        """
        if not issubclass(model, AbstractSubProcessModel):
            for var in self.vars.members:
                if isinstance(var, CheckedVar):
                    var.use(getattr(getattr(model, var.name, None), "d_type", np.int32))
        refuse_loop(self)

    def prepare(self) -> None:
        """Compile what the models need, in the parent: children inherit it. Called again after loading from a file."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.prepare()


def one_threshold(threshold: Any, vth: Any) -> Any:
    """The threshold under either of its two names; ArgumentError unless exactly one is given."""
    if (threshold is UNSET) == (vth is UNSET):
        raise ArgumentError("give either `threshold` or Lava's name for it, `vth`")
    return vth if threshold is UNSET else threshold


def forget(processes: Iterable[AbstractProcess]) -> None:
    """Drop finished Processes from Lava's registries, which otherwise keep them until the interpreter ends."""
    gone = {id(process) for process in processes}
    variables = VarServer().vars
    variables[:] = [var for var in variables if id(var.process) not in gone]
    registered = ProcessServer().processes
    registered[:] = [process for process in registered if id(process) not in gone]


class StateModel(PyLoihiProcessModel):
    """A model with state that the parent reads and sets: by Vars, and at once where a run or the graph ends."""

    proc_params: Any

    def refresh(self) -> None:
        """Bring the Vars up to the present step; models that leak lazily do it here, before anybody reads them."""

    def publish(self) -> None:
        """Leave results where the parent reads them without `Var.get()`."""

    def reset_is_due(self) -> bool:
        """Whether state is cleared before this step's input: `time_step % interval == offset % interval`, from 1."""
        interval = self.proc_params["reset_interval"]
        return interval is not None and (self.time_step - self.proc_params["reset_offset"]) % interval == 0

    def _host(self) -> None:
        super()._host()
        self.publish()

    def _stop(self) -> None:
        self.publish()
        super()._stop()

    def _get_var(self) -> None:
        self.refresh()
        super()._get_var()

    def _set_var(self) -> None:
        self.refresh()
        super()._set_var()

    def _handle_var_port(self, var_port: Any) -> None:
        self.refresh()
        held = getattr(self, var_port.var_name)
        super()._handle_var_port(var_port)
        written = getattr(self, var_port.var_name)
        if written is not held:  # Lava puts the message itself in the place of the Var, whatever its number type
            held[...] = written
            setattr(self, var_port.var_name, held)
            self.on_var_update()


def refuse_loop(process: Any) -> None:
    """ArgumentError where `process` is part of a loop without a step of delay.

    Lava's `Dense`, `Sparse` and `Conv` send what they computed in the step before, so a loop through one of them works.
    A Process of the user's own counts as such a delay: whether it is one cannot be seen from outside.
    """
    loop = loop_through(process)
    if loop:
        names = " -> ".join(f"`{part.name}`" for part in [*loop, process])
        raise ArgumentError(
            f"{names} is a loop of Processes that send within the step, so each would wait for the others for ever: "
            "put a Process with a step of delay into it, for instance `lava.proc.dense.Dense` or `lava.proc.conv.Conv`"
        )


def loop_through(process: Any) -> list[Any]:
    """The Processes of such a loop in order, from `process`; empty where there is none."""
    reached: dict[int, list[Any]] = {id(process): [process]}
    waiting = [process]
    while waiting:
        here = waiting.pop()
        for target in targets(here):
            if target is process:
                return reached[id(here)]
            if id(target) not in reached and sends_within_step(target):
                reached[id(target)] = [*reached[id(here)], target]
                waiting.append(target)
    return []


def targets(process: Any) -> list[Any]:
    """The Processes that receive what `process` sends."""
    return [port.process for out in process.out_ports.members for port in out.get_dst_ports()]


def sends_within_step(process: Any) -> bool:
    """Whether outputs of a Process depend on its inputs of the same step, as far as its class tells.

    Lava's Processes with a step of delay are those with a buffer for what they send next, `a_buff` or `a_buf`.
    """
    if hasattr(type(process), "within_step"):
        return bool(type(process).within_step)
    stock = type(process).__module__.startswith("lava.proc.")
    return stock and not any(var.name in ("a_buff", "a_buf") for var in process.vars.members)
