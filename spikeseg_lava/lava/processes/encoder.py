"""The whole encoder as one Process, and its models: the layers as Processes of their own, or fused into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import LogConfig
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.lava.axes import lava_shape, record_rows
from spikeseg_lava.lava.encoder_outputs import FusedOutputs
from spikeseg_lava.lava.event_layers import compile_event_layers
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, Network, layer_specs
from spikeseg_lava.lava.layer_step import FloatEncoderStep, IntegerEncoderStep
from spikeseg_lava.lava.parameters import FIRED, MEMBRANE, reset_cycle, state_values
from spikeseg_lava.lava.processes.base import CheckedVar, QuietProcess, StateModel
from spikeseg_lava.lava.processes.pool import OrPool
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.spiking_conv import SpikingConv
from spikeseg_lava.lava.runtime.child_process import more_steps_follow
from spikeseg_lava.lava.runtime.memory import Published, SpikeLog
from spikeseg_lava.lava.runtime.ports import array_var, cast_payload, in_port, out_port, receive_events, send_events
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

Layer = SpikingConv | OrPool


def layer_process(name: str, spec: LayerSpec, membrane: Published | None = None, v: Any = 0) -> Layer:
    """The Process of one layer; `membrane`: where a convolution leaves its own, `v`: what it starts with."""
    if isinstance(spec, ConvSpec):
        return SpikingConv(
            weight=spec.planes, input_shape=spec.layout.input_shape, spec=spec, membrane=membrane, v=v, name=name
        )
    return OrPool(input_shape=spec.input_shape, kernel=spec.kernel, stride=spec.stride, name=name)


def connect(source: Any, layers: Mapping[str, Layer], sinks: Mapping[str, SpikeSink]) -> None:
    """Connect a port to the first layer, each layer to the next one and to its sink."""
    for name, layer in layers.items():
        source.connect(layer.s_in)
        if name in sinks:
            layer.s_out.connect(sinks[name].s_in)
        source = layer.s_out


class SpikeSEGEncoder(QuietProcess):
    """All layers of a network, in the same step.

    It has two kinds of models, which give identical results:

    * layered, a SubProcessModel: one Process a layer, as on the chip. Selected by `select_sub_proc_model=True`;
    * fused, otherwise: all layers in one operating-system process, without messages between them.

    A network of integers is computed in integers whatever the tag. A float network needs `floating_pt` models (or no
    tag); `fixed_pt` refuses it.

    Parameters
    ----------
    model : FixedPointModel or SpikingNetwork
        The network.
    size : (int, int)
        (height, width) of the frames.
    fire_once : bool
        A neuron fires at most once, until a reset.
    record : iterable of str
        Names of the layers whose spikes are kept; default: all.
    v : mapping of str to array
        Initial membranes, by the name of the convolution; default: 0.
    reset_interval, reset_offset : int
        All state is cleared before the input of every step n (from 1) with
        `n % reset_interval == reset_offset % reset_interval`, as in `LIFReset`; default: the network's own interval,
        counted from the start.
    name, log_config, **kwargs
        As of every Lava Process.

    Attributes
    ----------
    s_in : InPort of (W, H, C)
        Payloads of the network's input code, or spikes.
    s_out : OutPort of (W', H', C')
        Spikes of the last layer.
    <layer>_v, <layer>_fired : Var
        State of every convolution, e.g. `conv1_v`; also `v["conv1"]` and `fired["conv1"]`. May be read, monitored, set.
    select_tag : str
        The tag of the models that compute this network: "fixed_pt", or "floating_pt".
    membranes : mapping of str to array
        [W, H, O] of every convolution after the last run or stop, read at once.
    """

    def __init__(
        self, *, model: Network, size: Pair, fire_once: bool = True, record: Iterable[str] | None = None,
        v: Mapping[str, Any] | None = None, reset_interval: int | None = None, reset_offset: int = 0,
        name: str | None = None, log_config: LogConfig | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not isinstance(model, (FixedPointModel, SpikingNetwork)):
            raise ArgumentTypeError(
                f"`model` must be a FixedPointModel or a SpikingNetwork, got {type(model).__name__}"
            )
        reset = None if reset_interval is None else reset_cycle(reset_interval, reset_offset)
        specs = layer_specs(model, size, fire_once, reset)
        convolutions = {layer: spec for layer, spec in specs.items() if isinstance(spec, ConvSpec)}
        first = next(iter(convolutions.values()))
        initial = initial_states(v or {}, convolutions)
        self.integer = all(spec.integer for spec in convolutions.values())
        self.select_tag = "fixed_pt" if self.integer else "floating_pt"
        self.shapes = {layer: spec.output_shape for layer, spec in specs.items()}
        recorded = recorded_layers(list(specs), record)
        self._files = {layer: SpikeLog() for layer in recorded}
        self._layered = {layer: Published(spec.output_shape, np.float64) for layer, spec in convolutions.items()}
        self._fused = FusedOutputs(specs, self._files, self.integer)
        super().__init__(
            model=model, size=size, fire_once=fire_once, record=recorded, v=initial, integer=self.integer,
            reset_interval=first.reset_interval, reset_offset=first.reset_offset, specs=specs, files=self._files,
            membranes=self._layered, fused=self._fused, name=name, log_config=log_config, **kwargs,
        )  # fmt: skip
        self.prepare()
        self.s_in = InPort(shape=lava_shape((model.input_channels, *size)))
        self.s_out = OutPort(shape=list(self.shapes.values())[-1])
        self.v = {layer: CheckedVar(initial[layer].shape, initial[layer], MEMBRANE) for layer in convolutions}
        self.fired = {layer: CheckedVar(initial[layer].shape, 0, FIRED) for layer in convolutions}
        for layer in convolutions:
            setattr(self, f"{layer}_v", self.v[layer])
            setattr(self, f"{layer}_fired", self.fired[layer])

    @property
    def membranes(self) -> Mapping[str, NDArray[Any]]:
        """[W, H, O] of every convolution, by name, after the last run or stop."""
        if self._fused.used:
            return self._fused.membranes()
        return {layer: memory.read() for layer, memory in self._layered.items()}

    def take(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) in order of every recorded layer since the last call."""
        if self._fused.used:
            return {layer: self._fused.take(layer, self.shapes[layer]) for layer in self._files}
        return {layer: record_rows(*file.take(), self.shapes[layer]) for layer, file in self._files.items()}

    def close(self) -> None:
        """Give the files back."""
        for file in self._files.values():
            file.close()

    def prepare(self) -> None:
        compile_event_layers(self.proc_params["specs"].values())

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        if self.integer:
            for var in (*self.v.values(), *self.fired.values()):
                var.use(np.int32)
        elif issubclass(model, PyFusedEncoderModelFixed):
            raise ArgumentError(
                f"`model` of Process `{self.name}` is a float network, which `fixed_pt` models cannot hold: choose "
                "`select_tag='floating_pt'`, or `quantize` the network"
            )


def initial_states(given: Mapping[str, Any], convolutions: Mapping[str, ConvSpec]) -> dict[str, NDArray[Any]]:
    """The initial membrane of every convolution; ArgumentError for names that are none."""
    if unknown := set(given) - set(convolutions):
        raise ArgumentError(f"`v` names {', '.join(sorted(unknown))}, the convolutions are {', '.join(convolutions)}")
    return {
        layer: state_values(f"v[{layer!r}]", given.get(layer, 0), spec.output_shape)
        for layer, spec in convolutions.items()
    }


def recorded_layers(layers: list[str], record: Iterable[str] | None) -> list[str]:
    """The layers to record, default all; ArgumentError for names that are none."""
    recorded = layers if record is None else list(record)
    if unknown := set(recorded) - set(layers):
        raise ArgumentError(f"`record` names {', '.join(sorted(unknown))}, the layers are {', '.join(layers)}")
    return recorded


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@tag("floating_pt", "fixed_pt")
class LayeredEncoderModel(AbstractSubProcessModel):
    """One Process a layer and a sink behind every recorded one; the encoder's Vars stand for those of the layers."""

    def __init__(self, proc: Any) -> None:
        parameters = proc.proc_params
        memory, specs = parameters["membranes"], parameters["specs"]
        layers = {
            name: layer_process(name, spec, memory.get(name), proc.v[name].init if name in proc.v else 0)
            for name, spec in specs.items()
        }
        sinks = {
            name: SpikeSink(shape=proc.shapes[name], file=file, name=f"{name} sink")
            for name, file in parameters["files"].items()
        }
        connect(proc.s_in, layers, sinks)
        list(layers.values())[-1].s_out.connect(proc.s_out)
        for name, process in layers.items():
            setattr(self, name, process)
            if isinstance(process, SpikingConv):
                proc.v[name].alias(process.v)
                proc.fired[name].alias(process.fired)
        for name, process in sinks.items():
            setattr(self, f"{name}_sink", process)


class LayerVars(type(StateModel)):
    """Lets a model class hold the Vars of layers whose names are known only when the Process is made.

    Lava reads the type of every Var of a Process from an attribute of the model class of the Var's name.
    """

    number: type

    def __getattr__(cls, name: str) -> Any:
        if name.endswith("_v"):
            return array_var(cls.number, 24)
        if name.endswith("_fired"):
            return array_var(np.int8, 1)
        raise AttributeError(f"`{cls.__name__}` has no attribute `{name}`")


class FusedEncoderModel(StateModel, metaclass=LayerVars):
    """Runs all layers on the events of the step."""

    s_in: Any
    s_out: Any

    def start(self) -> None:
        parameters = self.proc_params
        self._integer = parameters["integer"]
        self._encoder = (IntegerEncoderStep if self._integer else FloatEncoderStep)(parameters["specs"])
        self._names = [name for name, spec in parameters["specs"].items() if isinstance(spec, ConvSpec)]
        self._outputs = parameters["fused"]
        self._outputs.prepare()
        self.on_var_update()
        super().start()

    def run_spk(self) -> None:
        index, payload = receive_events(self.s_in)
        self._outputs.announce()
        if self._integer and payload.dtype.kind == "f":
            payload = cast_payload(payload, np.int32)
        if self.reset_is_due():
            self._encoder.clear()
        spikes = self._encoder.step(index, payload)
        self._outputs.append(self.time_step - 1, spikes, self._encoder.distinct, more_steps_follow(self))
        send_events(self.s_out, self._encoder.output(spikes))

    def publish(self) -> None:
        self._outputs.publish(self._encoder.compact_membranes(), self._encoder.distinct)

    def refresh(self) -> None:
        for kind, states in (("v", self._encoder.membranes()), ("fired", self._encoder.fired())):
            for name, state in states.items():
                getattr(self, f"{name}_{kind}")[...] = state

    def on_var_update(self) -> None:
        membranes, fired = ({name: getattr(self, f"{name}_{kind}") for name in self._names} for kind in ("v", "fired"))
        self._encoder.put(membranes, fired)


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyFusedEncoderModelFloat(FusedEncoderModel):
    """Messages in floats."""

    number = float
    s_in: Any = in_port(float)
    s_out: Any = out_port(float)


@implements(proc=SpikeSEGEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFusedEncoderModelFixed(FusedEncoderModel):
    """Messages in integers."""

    number = np.int32
    s_in: Any = in_port(np.int32, 24)
    s_out: Any = out_port(np.int32, 1)
