"""What is measured against what: each contender is set up, run once over a clip per call, and taken down again.

Set-up, compilation and a silent first step are never part of a measured call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

Frames = NDArray[np.float32]
Call = Callable[[], Any]
Session = Callable[["Case"], AbstractContextManager[Call]]


class Case:
    """One clip Float[T, C, H, W] to be run by every contender, and the networks that run it."""

    def __init__(
        self, frames: Frames, model: FixedPointModel, network: SpikingNetwork | None = None, fire_once: bool = True
    ) -> None:
        self.frames = np.ascontiguousarray(frames, np.float32)
        self.model, self.network, self.fire_once = model, network, fire_once

    @property
    def size(self) -> tuple[int, int]:
        return self.frames.shape[2], self.frames.shape[3]

    @property
    def steps(self) -> int:
        return len(self.frames)

    def after_silence(self) -> Frames:
        """The clip behind one empty step, which warms a graph up and leaves its membranes at zero."""
        return np.concatenate([np.zeros_like(self.frames[:1]), self.frames])


@contextmanager
def event_engine(case: Case) -> Iterator[Call]:
    """Payloads as events, as the sources of the graphs hold them, to the spikes of all layers, from cleared state."""
    engine = EventEngine(case.model, case.size, case.fire_once)
    events = engine.encode(case.frames)

    def call() -> None:
        engine.clear()
        engine.run(events)

    engine.run(SparseSteps.silent(1))
    call()
    yield call


@contextmanager
def event_engine_frames(case: Case) -> Iterator[Call]:
    """The same from dense frames, all of which have to be looked at."""
    engine = EventEngine(case.model, case.size, case.fire_once)

    def call() -> None:
        engine.clear()
        engine.run(engine.encode(case.frames))

    call()
    yield call


@contextmanager
def event_engine_record(case: Case) -> Iterator[Call]:
    """From frames, with everything `run_engine` does: set-up, sorted rows of every layer, final membranes."""
    from spikeseg_lava.engine.engine import run_engine

    run_engine(case.model, case.frames, case.fire_once)
    yield lambda: run_engine(case.model, case.frames, case.fire_once)


@contextmanager
def torch_float(case: Case) -> Iterator[Call]:
    """The dense float encoder, from cleared state."""
    yield _reference(case.network, case)


@contextmanager
def torch_oracle(case: Case) -> Iterator[Call]:
    """The dense integer oracle, from cleared state."""
    yield _reference(case.model, case)


def _reference(network: Any, case: Case) -> Call:
    from torch_reference import ReferenceEncoder

    encoder = ReferenceEncoder(network, case.fire_once)

    def call() -> None:
        encoder.clear()
        for frame in encoder.encode(case.frames):
            encoder.step(frame)

    call()
    return call


@contextmanager
def layer_graph(case: Case) -> Iterator[Call]:
    """Our Lava graph of one Process a layer."""
    from spikeseg_lava.lava.graph import build_graph

    with _lava(build_graph(case.model, case.after_silence(), fire_once=case.fire_once), case) as call:
        yield call


@contextmanager
def fused_process(case: Case) -> Iterator[Call]:
    """Our encoder as one Lava Process."""
    from spikeseg_lava.lava.graph import build_encoder_graph

    with _lava(build_encoder_graph(case.model, case.after_silence(), fire_once=case.fire_once), case) as call:
        yield call


@contextmanager
def stock_lava(case: Case) -> Iterator[Call]:
    """Lava's own Conv and LIF, pools as strided Conv and LIF, in Lava's own runtime.

    Without floor and fire-once, which stock parts lack. The source holds the payloads, as Lava's RingBuffer would.
    """
    from spikeseg_lava.lava.graph import run_steps
    from spikeseg_lava.lava.stock import build_stock_graph
    from spikeseg_lava.stock.lower import lower

    frames = case.after_silence()
    graph = build_stock_graph(lower(case.model, calibration=frames, method="unfloored", fire_once=False), frames)
    process = next(iter(graph.neurons.values()))
    try:
        process.run(run_steps(1), graph.run_config)
        yield lambda: process.run(run_steps(case.steps), graph.run_config)
        process.stop()
    finally:
        graph.close()


@contextmanager
def _lava(graph: Any, case: Case) -> Iterator[Call]:
    """A started graph behind its silent step: one call runs the clip, and there is only one."""
    from spikeseg_lava.lava.graph import run_steps
    from spikeseg_lava.lava.runtime.runtime import supervised

    source = graph.source if hasattr(graph, "source") else next(iter(graph.neurons.values()))
    try:
        runtime = supervised(source, graph.run_config, timeout=600.0)
        try:
            runtime.start(run_steps(1))
            yield lambda: runtime.start(run_steps(case.steps))
            runtime.stop()
        finally:
            runtime.close()
    finally:
        graph.close()


LONG, SHORT = 200, 10  # steps
BEST_OF = 3  # runs of each length, as a difference of two doubles what a busy machine adds


@contextmanager
def as_called(case: Case, backend: str) -> Iterator[Call]:
    """`run` as a user calls it, frames in and record out, on the clip repeated to LONG steps and cut to SHORT.

    The call gives the seconds that the clip's steps take: the difference of the two runs leaves out what a run costs
    however long it is.
    """
    from spikeseg_lava.execution.backends import run_quietly

    long = np.concatenate([case.frames] * -(-LONG // case.steps))[:LONG]

    def once(frames: Frames) -> float:
        begin = time.perf_counter()
        run_quietly(case.model, frames, backend, case.fire_once)
        return time.perf_counter() - begin

    def seconds(frames: Frames) -> float:
        return min(once(frames) for _ in range(BEST_OF))

    once(long[:SHORT])
    yield lambda: (seconds(long) - seconds(long[:SHORT])) * case.steps / (LONG - SHORT)


STOCK = "stock Lava"
AS_CALLED = {f"run, {backend}": partial(as_called, backend=backend) for backend in ("event", "lava-fused", "lava")}
CONTENDERS: Mapping[str, Session] = {
    **AS_CALLED,
    STOCK: stock_lava,
    "layer graph": layer_graph,
    "fused Process": fused_process,
    "torch float": torch_float,
    "torch oracle": torch_oracle,
    "event engine": event_engine,
    "event engine, from frames": event_engine_frames,
    "event engine, with record": event_engine_record,
}
ONE_CALL = frozenset({STOCK, "layer graph", "fused Process"})  # a graph runs its clip once
