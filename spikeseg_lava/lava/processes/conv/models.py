"""Models of PlaneConv: whole images, in integers and in floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.fixed_point import saturate
from spikeseg_lava.lava.processes.conv.process import PlaneConv
from spikeseg_lava.lava.synapses import correlate, summed_kernel


class PlaneConvModel(PyLoihiProcessModel):
    """Sums the planes once, and again when a Var is set."""

    proc_params: Any
    s_in: Any
    a_out: Any
    weight: Any
    weight_exp: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=4)  # type: ignore[assignment]

    def start(self) -> None:
        self.on_var_update()
        super().start()

    def on_var_update(self) -> None:
        self._kernel = summed_kernel(self.weight, self.weight_exp)

    def convolve(self) -> Any:
        """Drive [W', H', O] of this step."""
        layout = self.proc_params["layout"]
        return correlate(self.s_in.recv(), self._kernel, layout.stride, layout.padding)


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPlaneConvModelFixed(PlaneConvModel):
    """Exact in int64, then saturated to 24 bits."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, np.int64, precision=8)  # type: ignore[assignment]

    def run_spk(self) -> None:
        self.a_out.send(saturate(self.convolve()))


@implements(proc=PlaneConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPlaneConvModelFloat(PlaneConvModel):
    """In float64."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)  # type: ignore[assignment]
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)  # type: ignore[assignment]
    weight: np.ndarray = LavaPyType(np.ndarray, float)  # type: ignore[assignment]

    def run_spk(self) -> None:
        self.a_out.send(self.convolve())
