"""Run a clip through Lava and read the record: `run_lava`."""

from __future__ import annotations

from typing import Any

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.lava.graph import build_graph
from spikeseg_lava.lava.runtime import supervised
from spikeseg_lava.network import SpikingNetwork
from spikeseg_lava.record import SpikeRecord


def run_lava(
    model: FixedPointModel | SpikingNetwork,
    frames: NDArray[Any],
    fire_once: bool = True,
    *,
    fused: bool = False,
    timeout: float | None = None,
) -> SpikeRecord:
    """Run one sample on Lava's CPU simulator.

    Args:
        model: integers (`fixed_pt` models, bit-exact), or a float network (`floating_pt` models).
        frames: Float[T, C, H, W].
        fire_once: a neuron fires at most once.
        fused: the whole encoder in one Lava Process instead of one Process a layer.
        timeout: seconds the run may take; None: no limit.

    Returns:
        Spikes of every layer and final membranes; `meta["latency"]` says by how many steps each layer ran behind its input
        (already taken off the record).

    Raises:
        BackendError: a process model failed (with its name and traceback), a process was killed, or time ran out.
    """
    graph = build_graph(model, frames, fire_once=fire_once)
    try:
        runtime = supervised(graph.source, Loihi2SimCfg(select_tag=graph.select_tag), timeout)
        try:
            runtime.start(RunSteps(len(frames)))
            runtime.stop()
        finally:
            runtime.close()
        return SpikeRecord(graph.spikes(), graph.membranes(), {"latency": dict(graph.latency)})
    finally:
        graph.close()
