"""`backend="loihi2"`: the host that has a chip, and a run of a stock network there, aligned like every other record.

It needs Intel's Lava extension for Loihi, which members of its research community get; without it, one line says so.
Only the construction is tested here (with a stand-in for the extension): nothing of this has run on silicon yet.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF
from lava.utils import loihi
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.lava.chip_graph import (
    MOST_LAG,
    ChipGraph,
    Neuron,
    chip_network,
    connect_chip,
    known_layers,
    require_extension,
    unproven_forms,
)
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.alignment import aligned_record, best_lag, joined_samples, split_samples
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import run_stock

LIF_MODELS = "lava.proc.lif.ncmodels"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoihiHost:
    """A host with a Loihi 2.

    Attributes:
        address: IP address of a board on the network; None: the chip is behind SLURM.
        binary: path of the driver server on that board; None: Lava's default.
        partition: SLURM partition to take a node from, or `board`: SLURM node to run on.
        generation: N3B3 (most systems) or another of `lava.utils.loihi.ChipGeneration`.
    """

    address: str | None = None
    binary: str | None = None
    partition: str | None = None
    board: str | None = None
    generation: str = "N3B3"

    def __post_init__(self) -> None:
        names = [generation.value for generation in loihi.ChipGeneration]
        if self.generation not in names:
            raise ArgumentError(f"`generation` must be one of {', '.join(names)}, got {self.generation!r}")
        if self.address and (self.partition or self.board):
            raise ArgumentError("`address` is for a board on the network, `partition` and `board` for SLURM: give one")
        if self.partition and self.board:
            raise ArgumentError("`partition` and `board` both choose the SLURM node: give one")

    @classmethod
    def from_environment(cls) -> LoihiHost:
        """What Lava's own variables say: NXSDKHOST, HOST_BINARY, PARTITION, BOARD, LOIHI_GEN."""
        names = ("NXSDKHOST", "HOST_BINARY", "PARTITION", "BOARD", "LOIHI_GEN")
        address, binary, partition, board, generation = (os.environ.get(name) or None for name in names)
        if address:
            return cls(address, binary, generation=generation or cls.generation)
        return cls(partition=None if board else partition, board=board, generation=generation or cls.generation)


def choose_host(host: LoihiHost) -> None:
    """Set the host that Lava runs on; BackendError when the host does not answer or SLURM does not know it."""
    generation = loihi.ChipGeneration(host.generation)
    try:
        if host.address is None:
            loihi.use_slurm_host(partition=host.partition, board=host.board, loihi_gen=generation)
        elif host.binary is None:
            loihi.use_ethernet_host(host.address, loihi_gen=generation)
        else:
            loihi.use_ethernet_host(host.address, host.binary, loihi_gen=generation)
    except (ValueError, ImportError) as error:
        raise BackendError(f"backend 'loihi2' cannot use its host: {error}") from error


def run_loihi2(
    model: FixedPointModel | StockNetwork,
    frames: NDArray[Any],
    fire_once: bool = True,
    *,
    host: LoihiHost | None = None,
    select_tag: str | None = None,
    neuron: Neuron | None = None,
    process_models: Mapping[type, type] | None = None,
    record: Iterable[str] | None = None,
    timeout: float | None = None,
    callback_fxs: Sequence[Any] = (),
    compile_config: Mapping[str, Any] | None = None,
    probes: Sequence[str] = (),
) -> SpikeRecord:
    """Run one sample on Loihi 2.

    The chip steps that the adapters add are estimated against the stock simulator and taken off (`meta["lag"]`, and
    `meta["agreement"]`, the share of equal spikes at that lag). Reset cycles count chip steps too: where there are
    some, a late sample is run again with cycles that wait for it.

    Args:
        model: a stock network, or a model to be lowered by `lower(model, "stock", frames)`.
        fire_once: for a model; a stock network has it built in.
        host: where the chip is; default: what the environment says, see `LoihiHost`.
        select_tag: for `Loihi2HwCfg`; by default neuron-core models come first whatever their tag.
        neuron: for those who own a floored neuron: the class of its Process, see `build_chip_graph`. The model runs as
            it is, and its record is aligned with the event engine's.
        process_models: for `Loihi2HwCfg`: Process class -> model class, where Lava's search would choose another one.
        record: layers whose spikes come back; default: all. Reading takes some 30 us a neuron and chip step, so 200 s
            for all of a 128 x 128 network: name the last layer first.
        timeout: seconds; default: none.
        callback_fxs: Lava's profilers of power, time, activity and memory (`lava.utils.loihi2_profiler`).
        compile_config: for Lava's compiler, such as a `partitioning` by hand.
        probes: layers whose membranes are probed in every chip step; `meta["probes"]` holds what each probe has.

    Raises:
        ArgumentError: `record` or `probes` name no layer.
        BackendError: the extension is missing, the host cannot be used, or `timeout` has passed.
    """
    require_extension()
    choose_host(host or LoihiHost.from_environment())
    network, expected = _network_and_record(model, frames, fire_once, neuron)
    for form in unproven_forms(network):
        logger.warning("no public code shows this on the chip: %s", form)
    layers = tuple(network.outputs if record is None else record)
    kept = replace(network, outputs={name: network.outputs[name] for name in known_layers(network, "record", layers)})
    call = ChipRun(select_tag, process_models, timeout, tuple(callback_fxs), compile_config, tuple(probes))
    rows, probed = call.run(network, frames, neuron, layers)
    lag, agreement = best_lag(kept, rows, expected, MOST_LAG)
    if lag and network.has_resets:
        rows, probed = call.run(network.arriving_later(lag), frames, neuron, layers)
        lag, agreement = best_lag(kept, rows, expected, MOST_LAG)
    facts = {"agreement": agreement, "method": network.method} | ({"probes": probed} if probes else {})
    return aligned_record(kept, rows, len(frames), "loihi2", lag, **facts)


def run_loihi2_samples(
    model: FixedPointModel | StockNetwork, samples: Sequence[NDArray[Any]], fire_once: bool = True, **options: Any
) -> list[SpikeRecord]:
    """Run many samples with one compilation: one after the other, the network clearing itself before each.

    Args:
        model: as of `run_loihi2`; a model is lowered for the longest sample.
        samples: frames Float[T, C, H, W] each, of one size; they may differ in length.
        options: as of `run_loihi2`.
    """
    require_extension()
    if isinstance(model, FixedPointModel):
        model = lower(model, "stock", max(samples, key=len), fire_once=fire_once)
    joined, clip = joined_samples(model, samples, MOST_LAG)
    record = run_loihi2(joined, clip, fire_once, **options)
    return split_samples(record, [len(sample) for sample in samples], len(clip) // len(samples))


def run_config(
    select_tag: str | None = None, process_models: Mapping[type, type] | None = None, callback_fxs: Sequence[Any] = ()
) -> Loihi2HwCfg:
    """Neuron-core models first, the LIF's by name; the buffers at both ends are integer models on the host."""
    buffers: dict[type, type] = {source.RingBuffer: source.PySendModelFixed, sink.RingBuffer: sink.PyReceiveModelFixed}
    chosen: Any = buffers | _lif_on_cores() | dict(process_models or {})
    return Loihi2HwCfg(select_tag=select_tag, exception_proc_model_map=chosen, callback_fxs=list(callback_fxs))


def _lif_on_cores() -> dict[type, type]:
    """LIF -> the extension's model on neuron cores: public code forces it, as the search may take another one."""
    if importlib.util.find_spec(LIF_MODELS) is None:
        return {}
    model = getattr(importlib.import_module(LIF_MODELS), "NcL2ModelLif", None)
    return {} if model is None else {LIF: model}


@dataclass(frozen=True)
class ChipRun:
    """How a graph is compiled and run; fields as the arguments of `run_loihi2`."""

    select_tag: str | None = None
    process_models: Mapping[type, type] | None = None
    timeout: float | None = None
    callback_fxs: tuple[Any, ...] = ()
    compile_config: Mapping[str, Any] | None = None
    probes: tuple[str, ...] = ()

    def run(
        self, network: StockNetwork, frames: NDArray[Any], neuron: Neuron | None, record: Iterable[str]
    ) -> tuple[dict[str, NDArray[np.int32]], dict[str, Any]]:
        """Spikes of the recorded layers' populations, and what the probes hold."""
        graph = connect_chip(network, frames, record, neuron)
        probes = {layer: _probe(graph, network, layer) for layer in known_layers(network, "probes", self.probes)}
        config = run_config(self.select_tag, self.process_models, (*self.callback_fxs, *probes.values()))
        first = next(iter(graph.inputs.values()))
        try:
            self._start(first, RunSteps(num_steps=graph.steps), config)
            return graph.spikes(), {layer: np.asarray(probe.time_series) for layer, probe in probes.items()}
        finally:
            _within(first.stop, self.timeout)

    def _start(self, process: Any, condition: RunSteps, config: Loihi2HwCfg) -> None:
        given = {} if self.compile_config is None else {"compile_config": dict(self.compile_config)}
        if not _within(lambda: process.run(condition=condition, run_cfg=config, **given), self.timeout):
            raise BackendError(f"backend 'loihi2' did not finish within `timeout` {self.timeout:g} s")


def _within(call: Callable[[], Any], timeout: float | None) -> bool:
    """Call, and True once it has returned; False after `timeout` seconds, the call being left to itself."""
    if timeout is None:
        call()
        return True
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    running = threading.Thread(target=guarded, daemon=True)
    running.start()
    running.join(timeout)
    if failed:
        raise failed[0]
    return not running.is_alive()


def _probe(graph: ChipGraph, network: StockNetwork, layer: str) -> Any:
    """A state probe on the membranes of the population that carries a layer's spikes."""
    probes: Any = importlib.import_module("lava.utils.loihi2_state_probes")
    return probes.StateProbe(graph.neurons[network.outputs[layer].name].v)


def _network_and_record(
    model: FixedPointModel | StockNetwork, frames: NDArray[Any], fire_once: bool, neuron: Neuron | None
) -> tuple[StockNetwork, SpikeRecord]:
    """What runs on the chip, and the record it should give."""
    if isinstance(model, FixedPointModel) and neuron is not None:
        return chip_network(model, frames, neuron, fire_once), run_engine(model, frames, fire_once)
    stock = model if isinstance(model, StockNetwork) else lower(model, "stock", frames, fire_once=fire_once)
    return chip_network(stock, frames, neuron, fire_once), run_stock(stock, frames)
