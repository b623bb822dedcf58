"""Run a clip through Lava and read the record: `run_lava`."""

from __future__ import annotations

from typing import Any

from lava.magma.core.run_conditions import RunSteps
from numpy.typing import NDArray

from spikeseg_lava.lava.graph import Graph, build_encoder_graph, build_graph
from spikeseg_lava.lava.runtime.runtime import supervised
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


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
        Spikes of every layer and final membranes; `meta["latency"]` says by how many steps each layer ran behind the
        source (already taken off the record).

    Raises:
        BackendError: a process model failed (with its name and traceback), a process was killed, or time ran out.
    """
    build = build_encoder_graph if fused else build_graph
    return run_graph(build(model, frames, fire_once=fire_once), len(frames), timeout)


def run_graph(graph: Graph, steps: int, timeout: float | None = None) -> SpikeRecord:
    """Run a graph for a number of steps, read its record and close it."""
    try:
        runtime = supervised(graph.source, graph.run_config, timeout)
        try:
            runtime.start(RunSteps(steps))
            runtime.stop()
        finally:
            runtime.close()
        return SpikeRecord(graph.spikes(), graph.membranes(), {"latency": dict(graph.latency)})
    finally:
        graph.close()


def run_steps(count: int) -> RunSteps:
    """Lava's run condition of `count` steps, for callers outside this package, which do not import Lava."""
    return RunSteps(count)
