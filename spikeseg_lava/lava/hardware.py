"""`backend="loihi2"`: a stock network on the chip, with spike adapters at both ends, aligned like every other record.

Needs Intel's Lava extension for Loihi, which members of its research community get; without it, one line says so. Only
the construction is tested here (with a stand-in for the extension): nothing of this has run on silicon yet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io import sink, source
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.lava.chip_graph import MOST_LAG, build_chip_graph, require_extension
from spikeseg_lava.lava.loihi_host import LoihiHost, choose_host
from spikeseg_lava.lowering.alignment import aligned_record, arriving_later, best_lag
from spikeseg_lava.lowering.lowering import lower
from spikeseg_lava.lowering.simulate import run_stock
from spikeseg_lava.lowering.stock_network import StockNetwork
from spikeseg_lava.record import SpikeRecord


def run_loihi2(
    model: FixedPointModel | StockNetwork,
    frames: NDArray[Any],
    fire_once: bool = True,
    *,
    host: LoihiHost | None = None,
    select_tag: str | None = None,
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

    Raises:
        BackendError: the extension is missing, or the host cannot be used.
    """
    require_extension()
    choose_host(host or LoihiHost.from_environment())
    network = model if isinstance(model, StockNetwork) else lower(model, "stock", frames, fire_once=fire_once)
    rows, expected = _run(network, frames, select_tag), run_stock(network, frames)
    lag, agreement = best_lag(network, rows, expected, MOST_LAG)
    if lag and any(population.reset for population in network.populations):
        rows = _run(arriving_later(network, lag), frames, select_tag)
        lag, agreement = best_lag(network, rows, expected, MOST_LAG)
    return aligned_record(network, rows, len(frames), "loihi2", lag, agreement=agreement, method=network.method)


def run_config(select_tag: str | None = None) -> Loihi2HwCfg:
    """Neuron-core models first; the buffers at both ends are integer models on the host."""
    buffers = {source.RingBuffer: source.PySendModelFixed, sink.RingBuffer: sink.PyReceiveModelFixed}
    return Loihi2HwCfg(select_tag=select_tag, exception_proc_model_map=buffers)


def _run(network: StockNetwork, frames: NDArray[Any], select_tag: str | None) -> dict[str, NDArray[np.int32]]:
    graph = build_chip_graph(network, frames)
    first = next(iter(graph.inputs.values()))
    try:
        first.run(condition=RunSteps(num_steps=graph.steps), run_cfg=run_config(select_tag))
        return graph.spikes()
    finally:
        first.stop()
