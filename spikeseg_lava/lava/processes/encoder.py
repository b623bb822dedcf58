"""The whole encoder as one Process.

Models of SpikeSEGEncoder: the layers as Processes of their own, or fused into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.lava.axes import lava_shape, record_rows
from spikeseg_lava.lava.encoder_outputs import FusedOutputs
from spikeseg_lava.lava.event_layers import compile_kernels
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, Network, layer_specs
from spikeseg_lava.lava.layer_step import FloatEncoderStep, IntegerEncoderStep
from spikeseg_lava.lava.processes.base import QuietProcess
from spikeseg_lava.lava.processes.pool import OrPool
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.spiking_conv import SpikingConv, spiking_conv
from spikeseg_lava.lava.runtime.memory import shared_array
from spikeseg_lava.lava.runtime.ports import in_port, out_port, receive_events, send_events
from spikeseg_lava.lava.runtime.service import more_steps_follow
from spikeseg_lava.lava.runtime.spool import SpikeFile
from spikeseg_lava.network.floats import Pair

Layer = SpikingConv | OrPool


def layer_process(name: str, spec: LayerSpec, membrane: NDArray[np.float64] | None = None) -> Layer:
    """The Process of one layer; `membrane`: where a convolution leaves its own."""
    if isinstance(spec, ConvSpec):
        return spiking_conv(spec, name=name, membrane=membrane)
    return OrPool(input_shape=spec.input_shape, kernel=spec.kernel, stride=spec.stride, name=name)


def connect(source: Any, layers: Mapping[str, Layer], sinks: Mapping[str, SpikeSink]) -> None:
    """A port to the first layer, layer to layer, layer to its sink."""
    for name, layer in layers.items():
        source.connect(layer.s_in)
        if name in sinks:
            layer.s_out.connect(sinks[name].s_in)
        source = layer.s_out


class SpikeSEGEncoder(QuietProcess):
    """All layers of a network. It has two models, which give identical results:

    * layered, a SubProcessModel: one Process a layer, what the hardware sees. Selected by `select_sub_proc_model=True`;
    * fused, otherwise: all layers in one operating-system process, without messages between them.

    `select_tag` of the run configuration must be that of the network, see attribute `select_tag`.

    Args:
        model: a FixedPointModel, or a float SpikingNetwork.
        size: (height, width) of the frames.
        fire_once: a neuron fires at most once.
        record: names of the layers whose spikes are kept; default: all.

    Ports: `s_in` (W, H, C), `s_out` (W', H', C') of the last layer, in the same step.
    """

    def __init__(
        self, *, model: Network, size: Pair, fire_once: bool = True, record: Iterable[str] | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        specs = layer_specs(model, size, fire_once)
        compile_kernels(specs.values())
        self.shapes = {layer: spec.output_shape for layer, spec in specs.items()}
        integer = all(spec.integer for spec in specs.values() if isinstance(spec, ConvSpec))
        self.select_tag = "fixed_pt" if integer else "floating_pt"
        recorded = list(specs if record is None else record)
        self._files = {layer: SpikeFile() for layer in recorded}
        self._layered = {
            layer: shared_array(spec.output_shape, np.float64)
            for layer, spec in specs.items()
            if isinstance(spec, ConvSpec)
        }
        self._fused = FusedOutputs(specs, recorded, integer)
        super().__init__(specs=specs, files=self._files, membranes=self._layered, fused=self._fused, name=name)
        self.s_in = InPort(shape=lava_shape((model.input_channels, *size)))
        self.s_out = OutPort(shape=list(self.shapes.values())[-1])

    @property
    def membranes(self) -> Mapping[str, NDArray[Any]]:
        """[W, H, O] of every convolution, by name, after the last run or stop."""
        return self._fused.membranes() if self._fused.used else self._layered

    def take(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) in order of every recorded layer since the last call."""
        fused = self._fused.used
        found = self._fused.take() if fused else {layer: file.take() for layer, file in self._files.items()}
        return {layer: record_rows(*rows, self.shapes[layer]) for layer, rows in found.items()}

    def close(self) -> None:
        """Give the files back."""
        for file in (*self._files.values(), self._fused):
            file.close()


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
        index, payload = receive_events(self.s_in)
        spikes = self._encoder.step(index, payload)
        self._outputs.append(self.time_step - 1, spikes, more_steps_follow(self))
        send_events(self.s_out, self._encoder.output(spikes))

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
    s_in: Any = in_port(np.int32, 24)
    s_out: Any = out_port(np.int32, 1)


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyFusedEncoderModelFloat(FusedEncoderModel):
    """Whole images in float64."""

    encoder_class = FloatEncoderStep
    s_in: Any = in_port(float)
    s_out: Any = out_port(float)
