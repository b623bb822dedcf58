"""`run_benchmark`: all contenders on the same clip, in turns, on this machine, with the peak memory of each."""

from __future__ import annotations

import gc
import platform
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from spikeseg_lava.bench.contenders import AS_CALLED, CONTENDERS, ONE_CALL, Case
from spikeseg_lava.bench.result import BenchmarkResult, Figures
from spikeseg_lava.bench.work import measured_limits, over_area, over_events, work_of
from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

PERIOD = 0.1  # seconds between two looks
MEGABYTE = 1e6


class MemoryWatch:
    """Context manager: `peak` is the most memory seen, in MB.

    Of this process that is what it holds above the beginning, of its children all they do not share with others
    (unique set size; everything where the system does not tell).
    """

    def __enter__(self) -> MemoryWatch:
        gc.collect()
        self._base, self._most = own_memory(), 0
        self._over, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.look()
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Take this moment into account, between the regular looks."""
        held = max(0, own_memory() - self._base) + children_memory()
        with self._lock:  # two threads look, and looking takes its time
            self._most = max(self._most, held)

    @property
    def peak(self) -> float:
        return self._most / MEGABYTE

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            self.look()


def own_memory() -> int:
    """Bytes of this process in memory."""
    return psutil.Process().memory_info().rss


def children_memory() -> int:
    """Bytes that the children of this process hold for themselves."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "uss", memory.rss)
    return total


FAST_CALL = 0.02  # seconds: shorter calls are repeated, and the fastest counts, as a clock tick would drown them
REPEATS = 15


def run_benchmark(
    model: FixedPointModel,
    frames: NDArray[Any],
    network: SpikingNetwork | None = None,
    *,
    contenders: Iterable[str] | None = None,
    rounds: int = 5,
    fire_once: bool = True,
    curves: bool = True,
    progress: Callable[[str], None] | None = None,
) -> BenchmarkResult:
    """Measure milliseconds a step, set-up and compilation left out.

    Each round runs every contender once, one after the other, so that a busy machine slows all of them; ratios are
    those of one round. A Lava graph is started, runs one silent step, and then the clip against the clock.

    Args:
        frames: Float[T, C, H, W].
        network: the float network, for "torch float".
        contenders: some of `CONTENDERS`; default: all that can run here.
        curves: measure the event engine over the number of events and over the frame area as well.
        progress: called with a line on what is being measured.

    Raises:
        ArgumentError: an unknown contender, or fewer than one round.
    """
    names = _names(contenders, rounds)
    case, tell = Case(frames, model, network, fire_once), progress or (lambda _: None)
    skipped = {"torch float": "no float network was given"} if network is None and "torch float" in names else {}
    memory: dict[str, float] = {}
    for name in [name for name in names if name not in skipped]:
        tell(f"memory: {name}")
        try:
            memory[name] = peak_memory(name, case)
        except (BackendError, ImportError) as error:
            skipped[name] = str(error).splitlines()[0]
    ms: dict[str, list[float]] = {name: [] for name in memory}
    for number in range(rounds):
        for name in ms:
            tell(f"round {number + 1} of {rounds}: {name}")
            ms[name].append(1e3 * measured(name, case) / case.steps)
    figures = {name: Figures(tuple(values), memory[name]) for name, values in ms.items()}
    tell("scenes of more events and larger frames")
    clip = {"steps": case.steps, "shape": list(case.frames.shape[1:]), "fire_once": fire_once}
    return BenchmarkResult(
        contenders=figures,
        work=work_of(case),
        limits=measured_limits(),
        machine=machine(),
        clip=clip,
        by_events=over_events(model, case.size) if curves else (),
        by_area=over_area(model, case.size) if curves else (),
        skipped=skipped,
    )


def peak_memory(name: str, case: Case) -> float:
    """Peak in MB above the start, set-up included; apart from the timing, as looking at memory takes time itself."""
    with MemoryWatch() as watch, CONTENDERS[name](case) as call:
        call()
        watch.look()  # while the processes of a graph still live, however short the call was
    return watch.peak


def measured(name: str, case: Case) -> float:
    """Seconds over the clip."""
    with CONTENDERS[name](case) as call:
        if name in AS_CALLED:
            return max(call(), 1e-9)  # the difference of two runs; on a busy machine it can be below 0
        seconds = seconds_of(call)
        if seconds < FAST_CALL and name not in ONE_CALL:
            seconds = min(seconds, *(seconds_of(call) for _ in range(REPEATS)))
    return seconds


def seconds_of(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import numba
    import psutil

    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "load": list(psutil.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _names(contenders: Iterable[str] | None, rounds: int) -> list[str]:
    names = list(CONTENDERS if contenders is None else contenders)
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise ArgumentError(f"`contenders` names {unknown[0]!r}, expected some of {', '.join(CONTENDERS)}")
    if rounds < 1:
        raise ArgumentError(f"`rounds` must be at least 1, got {rounds}")
    return names
