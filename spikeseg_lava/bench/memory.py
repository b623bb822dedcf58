"""Peak memory of this process and its children while something runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType

import psutil

PERIOD = 0.1  # seconds between two looks
MEGABYTE = 1e6


class MemoryWatch:
    """Context manager: `peak` is the most memory seen, in MB above that at the beginning.

    Shared pages are counted once (proportional set size) where the system tells it, else in every process.
    """

    def __enter__(self) -> MemoryWatch:
        self._base = self._most = resident()
        self._over = threading.Event()
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
        self._most = max(self._most, resident())

    @property
    def peak(self) -> float:
        return (self._most - self._base) / MEGABYTE

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            self.look()


def resident() -> int:
    """Bytes held by this process and its children."""
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    return total
