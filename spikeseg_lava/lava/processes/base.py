"""Base of our Processes: a Lava Process that leaves the root logger as it was, and can be forgotten.

What our process models with a membrane have in common: the membrane reaches the parent without `Var.get()`.

Base of the neuron Processes and of their models: ports, Vars and one step on whole arrays.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import Var, VarServer
from numpy.typing import NDArray

from spikeseg_lava.lava.layer_spec import fire
from spikeseg_lava.lava.parameters import channel_values
from spikeseg_lava.lava.runtime.memory import shared_array
from spikeseg_lava.lava.runtime.ports import EventOutPort


class QuietProcess(AbstractProcess):
    """Lava adds a console handler to the root logger for every Process ever made; this one takes it back."""

    _runtime: Any = None  # Lava's `__del__` asks for it, also where an argument was refused before it was set

    def __init__(self, **parameters: Any) -> None:
        handlers = list(logging.getLogger().handlers)
        super().__init__(**parameters)
        logging.getLogger().handlers[:] = handlers


def forget(processes: Iterable[AbstractProcess]) -> None:
    """Drop finished Processes from Lava's registries, which otherwise keep them until the interpreter ends."""
    gone = {id(process) for process in processes}
    variables = VarServer().vars
    variables[:] = [var for var in variables if id(var.process) not in gone]
    registered = ProcessServer().processes
    registered[:] = [process for process in registered if id(process) not in gone]


class MembraneModel(PyLoihiProcessModel):
    """Copies `v` into memory shared with the parent when a run ends and when the graph is stopped."""

    proc_params: Any
    v: Any

    def refresh(self) -> None:
        """Bring `v` up to the present step; models that leak lazily do it here, before anybody looks."""

    def publish(self) -> None:
        """Copy the membrane to where the parent reads it."""
        self.refresh()
        np.copyto(self.proc_params["membrane"], self.v, casting="same_kind")

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
        before = self.v
        super()._handle_var_port(var_port)
        if self.v is not before:
            self.on_var_update()


class NeuronProcess(QuietProcess):
    """A population of neurons of `shape`, channels last.

    Ports: `a_in` the drive, `s_out` the spikes (0/1), both of `shape`, in the same step.
    Vars: `v` membrane after the reset, `fired` 1 where a neuron has fired, `threshold` [1] or [channels].
    Attribute: `membrane`, `v` as it stood after the last run or stop, read at once and not element by element.
    """

    def __init__(self, shape: tuple[int, ...], threshold: Any, floor: bool, fire_once: bool, name: str | None) -> None:
        membrane = shared_array(shape, np.float64)
        super().__init__(shape=shape, floor=floor, fire_once=fire_once, membrane=membrane, name=name)
        threshold = channel_values("threshold", threshold, shape[-1])
        self.membrane = membrane
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.v = Var(shape=shape, init=0)
        self.fired = Var(shape=shape, init=0)
        self.threshold = Var(shape=threshold.shape, init=threshold)


class NeuronModel(MembraneModel):
    """One step of a population; what differs is `integrate`."""

    a_in: Any
    s_out: Any
    fired: NDArray[Any]
    threshold: NDArray[Any]

    @abstractmethod
    def integrate(self, drive: NDArray[Any]) -> NDArray[Any]:
        """The membrane after this step's drive and leak, before floor and spike."""

    def run_spk(self) -> None:
        membrane = self.integrate(self.a_in.recv())
        floor, fire_once = self.proc_params["floor"], self.proc_params["fire_once"]
        self.v[...], spikes = fire(membrane, self.fired, self.threshold, floor, fire_once)
        self.s_out.send(np.flatnonzero(spikes))


class FixedNeuronModel(NeuronModel):
    """Ports and Vars in integers: 24-bit membrane, drive of any 32-bit integer (saturated to 24)."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=1)  # type: ignore[assignment]
    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]
    fired: np.ndarray = LavaPyType(np.ndarray, np.int8, precision=1)  # type: ignore[assignment]
    threshold: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]


class FloatNeuronModel(NeuronModel):
    """Ports and Vars in float64."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
    v: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
    fired: np.ndarray = LavaPyType(np.ndarray, np.int8)  # type: ignore[assignment]
    threshold: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
