"""Peak memory of this process and its children while something runs."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from types import TracebackType

import psutil

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
