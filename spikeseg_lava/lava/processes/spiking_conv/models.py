"""Models of SpikingConv: per event in integers, on whole images in floats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.layer_step import FloatConvStep, IntegerConvStep
from spikeseg_lava.lava.membrane_model import MembraneModel
from spikeseg_lava.lava.processes.spiking_conv.process import SpikingConv
from spikeseg_lava.lava.sparse_ports import EventInPort, EventOutPort


class SpikingConvModel(MembraneModel):
    """Builds the layer from the Vars when the graph starts."""

    layer_class: ClassVar[Any]
    s_in: Any
    s_out: Any
    weight: Any
    threshold: Any
    leak: Any
    decay: Any
    weight_exp: np.ndarray = LavaPyType(np.ndarray, np.int64, precision=4)  # type: ignore[assignment]

    def start(self) -> None:
        spec = replace(
            self.proc_params["spec"], planes=self.weight, exponents=self.weight_exp,
            threshold=self.threshold, leak=self.leak, decay=self.decay,
        )  # fmt: skip
        self._layer = self.layer_class(spec)
        self.on_var_update()
        super().start()

    def run_spk(self) -> None:
        self.s_out.send(self._layer.step(*self.s_in.recv()))

    def refresh(self) -> None:
        self.v[...] = self._layer.membrane()

    def on_var_update(self) -> None:
        self._layer.set_membrane(self.v)


@implements(proc=SpikingConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikingConvModelFixed(SpikingConvModel):
    """The event engine's kernels: cost follows events, not pixels."""

    layer_class = IntegerConvStep
    s_in: EventInPort = LavaPyType(EventInPort, np.int32, precision=24)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=1)  # type: ignore[assignment]
    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, np.int64, precision=8)  # type: ignore[assignment]
    threshold: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]
    leak: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)  # type: ignore[assignment]
    decay: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=13)  # type: ignore[assignment]


@implements(proc=SpikingConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySpikingConvModelFloat(SpikingConvModel):
    """In float64."""

    layer_class = FloatConvStep
    s_in: EventInPort = LavaPyType(EventInPort, float)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
    v: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
    threshold: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
    leak: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
    decay: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]
