"""Models of SpikeSEGEncoder: the layers as Processes of their own, or fused into one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.assembly import connect, layer_process
from spikeseg_lava.lava.encoder_step import FloatEncoderStep, IntegerEncoderStep
from spikeseg_lava.lava.processes.encoder.process import SpikeSEGEncoder
from spikeseg_lava.lava.processes.spike_sink.process import SpikeSink
from spikeseg_lava.lava.runtime_service import more_steps_follow
from spikeseg_lava.lava.sparse_ports import EventInPort, EventOutPort


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@tag("fixed_pt", "floating_pt")
class LayeredEncoderModel(AbstractSubProcessModel):
    """One Process a layer and a sink behind every recorded one."""

    def __init__(self, proc: Any) -> None:
        parameters = proc.proc_params
        memory, files = parameters["membranes"], parameters["files"]
        layers = {name: layer_process(name, spec, memory.get(name)) for name, spec in parameters["specs"].items()}
        sinks = {
            name: SpikeSink(shape=proc.shapes[name], file=file, name=f"{name} sink") for name, file in files.items()
        }
        connect(proc.s_in, layers, sinks)
        list(layers.values())[-1].s_out.connect(proc.s_out)
        for name, process in layers.items():
            setattr(self, name, process)
        for name, process in sinks.items():
            setattr(self, f"{name}_sink", process)


class FusedEncoderModel(PyLoihiProcessModel):
    """Runs all layers on the events of the step."""

    encoder_class: ClassVar[Any]
    proc_params: Any
    s_in: Any
    s_out: Any

    def start(self) -> None:
        self._encoder = self.encoder_class(self.proc_params["specs"])
        self._outputs = self.proc_params["fused"]
        self._outputs.prepare()
        super().start()

    def run_spk(self) -> None:
        index, payload = self.s_in.recv()
        spikes = self._encoder.step(index, payload)
        self._outputs.append(self.time_step - 1, spikes, more_steps_follow(self))
        self.s_out.send(self._encoder.output(spikes))

    def publish(self) -> None:
        """Leave the membranes where the parent reads them."""
        self._outputs.publish(self._encoder.membranes())

    def _host(self) -> None:
        super()._host()
        self.publish()

    def _stop(self) -> None:
        self.publish()
        super()._stop()


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFusedEncoderModelFixed(FusedEncoderModel):
    """The event engine's kernels."""

    encoder_class = IntegerEncoderStep
    s_in: EventInPort = LavaPyType(EventInPort, np.int32, precision=24)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, np.int32, precision=1)  # type: ignore[assignment]


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyFusedEncoderModelFloat(FusedEncoderModel):
    """Whole images in float64."""

    encoder_class = FloatEncoderStep
    s_in: EventInPort = LavaPyType(EventInPort, float)  # type: ignore[assignment]
    s_out: EventOutPort = LavaPyType(EventOutPort, float)  # type: ignore[assignment]
