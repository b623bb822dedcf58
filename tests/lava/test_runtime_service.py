"""All steps of a run in one command: what it computes, when it may be read, and where it must not be used."""

from __future__ import annotations

import numpy as np
import pytest
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps
from lava.magma.runtime.runtime_services.runtime_service import LoihiPyRuntimeService
from lava.proc.monitor.process import Monitor

from spikeseg_lava.errors import BackendError
from spikeseg_lava.lava.graph import build_encoder_graph, build_graph
from spikeseg_lava.lava.processes.source import PyEventSourceModelFixed
from spikeseg_lava.lava.runtime.child_process import StepsRuntimeService
from spikeseg_lava.lava.runtime.ports import send_events
from spikeseg_lava.lava.runtime.runtime import supervised
from torch_reference import ReferenceEncoder


def service_of(runtime) -> type:
    [builder] = runtime._executable.runtime_service_builders.values()
    return builder.rs_class


@pytest.mark.parametrize("build", [build_encoder_graph, lambda *a: build_encoder_graph(*a, layered=True)])
def test_spikes_and_membranes_are_there_when_a_run_returns(build) -> None:
    """More steps than a channel holds messages, in runs of several lengths, read between them without a stop."""
    model, frames = two_plane_model(), two_plane_clip(steps=40, density=0.02)
    oracle, graph, done = ReferenceEncoder(model, fire_once=True), build(model, frames), 0
    images, spikes = oracle.encode(frames), 0
    runtime = supervised(graph.source, graph.run_config, timeout=60)
    try:
        for steps in (1, 4, 1, 34):
            runtime.start(RunSteps(steps))
            expected = [oracle.step(image) for image in images[done : done + steps]]
            for name, rows in graph.spikes().items():
                found = [
                    (done + t, *place) for t, step in enumerate(expected) for place in np.argwhere(step[name].numpy())
                ]
                np.testing.assert_array_equal(rows, np.array(found, np.int32).reshape(-1, 4), name)
                spikes += len(rows)
            for name, membrane in graph.membranes().items():
                np.testing.assert_array_equal(membrane, oracle.membranes()[name], name)
            done += steps
        runtime.stop()
    finally:
        runtime.close()
        graph.close()
    assert service_of(runtime) is StepsRuntimeService
    assert spikes > 100


def test_lavas_own_rendezvous_stays_where_a_process_looks_into_another() -> None:
    graph, monitor = build_graph(two_plane_model(), two_plane_clip(steps=3)), Monitor()
    monitor.probe(graph.layers["conv1"].v, 3)
    runtime = supervised(graph.source, graph.run_config, timeout=60)
    try:
        runtime.start(RunSteps(3))
        runtime.stop()
    finally:
        runtime.close()
        graph.close()
    assert service_of(runtime) is LoihiPyRuntimeService


def test_a_process_that_asks_to_pause_is_an_error(monkeypatch) -> None:
    def ask(model) -> None:
        model._req_pause = True
        send_events(model.s_out, np.zeros(0, np.int32))

    monkeypatch.setattr(PyEventSourceModelFixed, "run_spk", ask)
    graph = build_encoder_graph(two_plane_model(), two_plane_clip(steps=3))
    runtime = supervised(graph.source, graph.run_config, timeout=60)
    try:
        with pytest.raises(BackendError, match="asked to pause"):
            runtime.start(RunSteps(3))
    finally:
        runtime.close()
        graph.close()
