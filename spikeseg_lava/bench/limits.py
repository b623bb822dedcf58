"""What this core can do at best: additions per second in vectors, and bytes per second from and to its caches.

A synaptic operation is at least one addition of a 32-bit weight to a 32-bit drive; a touched neuron costs at least
one reading and one writing of its membrane and its drive, 16 bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeseg_lava.engine.compilation import compiled

RUN = 2**12  # int32 values: two such arrays stay in the first-level cache
STATE = 2**16  # int32 values: two such arrays stay in the second-level cache, and not in the first
BYTES_PER_NEURON = 16


@dataclass(frozen=True)
class Limits:
    """Of one core, measured.

    Attributes:
        additions: 32-bit additions from memory to memory per second, operands in the first-level cache.
        bandwidth: bytes read and written per second in the second-level cache, where the touched state of a scene lies.
    """

    additions: float
    bandwidth: float

    def least_ms(self, additions: float, neurons: float) -> float:
        """Milliseconds that so many additions and touched neurons take at least."""
        return 1e3 * (additions / self.additions + neurons * BYTES_PER_NEURON / self.bandwidth)


@compiled
def add_repeatedly(target, source, times):
    """Add `source` to `target`, both Int32[N], again and again."""
    for _ in range(times):
        for k in range(np.uint64(target.size)):
            target[k] += source[k]


def measured_limits(repeats: int = 5) -> Limits:
    """The best of some measurements, about a quarter of a second in all."""
    small = np.zeros((2, RUN), np.int32)
    large = np.zeros((2, STATE), np.int32)
    add_repeatedly(small[0], small[1], 1)
    adding = min(_seconds(lambda: add_repeatedly(small[0], small[1], 1000)) for _ in range(repeats))
    copying = min(_seconds(lambda: np.copyto(large[0], large[1])) for _ in range(100 * repeats))
    return Limits(1000 * RUN / adding, large.nbytes / copying)


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
