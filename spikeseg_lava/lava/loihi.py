"""`backend="loihi2"`: the host that has a chip, and a run of a stock network there, aligned like every other record.

It needs Intel's Lava extension for Loihi, which members of its research community get; without it, one line says so.
Only the construction is tested here (with a stand-in for the extension): nothing of this has run on silicon yet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io import sink, source
from lava.utils import loihi
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.lava.chip_graph import MOST_LAG, Neuron, chip_network, connect_chip, require_extension
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.alignment import aligned_record, best_lag
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import run_stock


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

    Raises:
        BackendError: the extension is missing, or the host cannot be used.
    """
    require_extension()
    choose_host(host or LoihiHost.from_environment())
    network, expected = _network_and_record(model, frames, fire_once, neuron)
    config = run_config(select_tag, process_models)
    rows = _run(network, frames, neuron, config)
    lag, agreement = best_lag(network, rows, expected, MOST_LAG)
    if lag and network.has_resets:
        rows = _run(network.arriving_later(lag), frames, neuron, config)
        lag, agreement = best_lag(network, rows, expected, MOST_LAG)
    return aligned_record(network, rows, len(frames), "loihi2", lag, agreement=agreement, method=network.method)


def run_config(select_tag: str | None = None, process_models: Mapping[type, type] | None = None) -> Loihi2HwCfg:
    """Neuron-core models first; the buffers at both ends are integer models on the host."""
    buffers: dict[type, type] = {source.RingBuffer: source.PySendModelFixed, sink.RingBuffer: sink.PyReceiveModelFixed}
    chosen: Any = buffers | dict(process_models or {})
    return Loihi2HwCfg(select_tag=select_tag, exception_proc_model_map=chosen)


def _network_and_record(
    model: FixedPointModel | StockNetwork, frames: NDArray[Any], fire_once: bool, neuron: Neuron | None
) -> tuple[StockNetwork, SpikeRecord]:
    """What runs on the chip, and the record it should give."""
    if isinstance(model, FixedPointModel) and neuron is not None:
        return chip_network(model, frames, neuron, fire_once), run_engine(model, frames, fire_once)
    stock = model if isinstance(model, StockNetwork) else lower(model, "stock", frames, fire_once=fire_once)
    return chip_network(stock, frames, neuron, fire_once), run_stock(stock, frames)


def _run(
    network: StockNetwork, frames: NDArray[Any], neuron: Neuron | None, config: Loihi2HwCfg
) -> dict[str, NDArray[np.int32]]:
    graph = connect_chip(network, frames, neuron=neuron)
    first = next(iter(graph.inputs.values()))
    try:
        first.run(condition=RunSteps(num_steps=graph.steps), run_cfg=config)
        return graph.spikes()
    finally:
        first.stop()
