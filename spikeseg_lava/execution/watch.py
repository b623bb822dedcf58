"""The loop of a live run: drain the source, look at complete windows, say what was seen, tell the page."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.events.live import NOTHING, Drops, LiveSource
from spikeseg_lava.events.stream import Events
from spikeseg_lava.execution.live import LiveDetector, LiveWindow

IDLE_SECONDS = 0.002  # pause of the loop while nothing comes
LATE_SECONDS = 0.05  # a bin is over at the latest so long after its end on the wall's clock
SHOWN_EVENTS, SHOWN_EVERY = 2000, 0.05  # on the page: events at once, seconds between two states
SALIENCY_SIDE = 96


class Page(Protocol):
    """What shows the states."""

    def publish(self, state: dict[str, Any]) -> None:
        """Show `state`."""
        ...


@dataclass
class Figures:
    """What a live run did so far."""

    events: int = 0
    windows: int = 0
    objects: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    slowest: float = 0.0

    def line(self, drops: Drops) -> str:
        """One line for a person: rates, load and everything that was dropped."""
        rate = self.events / self.seconds if self.seconds else 0.0
        load = self.busy / self.seconds if self.seconds else 0.0
        lost = [f"{count} {name.replace('_', ' ')}" for name, count in vars(drops).items() if count]
        dropped = "nothing dropped" if not lost else "dropped: " + ", ".join(lost)
        return (
            f"{self.events} events in {self.seconds:.1f} s ({rate:,.0f} events/s), {self.windows} windows, "
            f"{self.objects} objects, load {load:.0%}, slowest window {1000 * self.slowest:.1f} ms; {dropped}"
        )


@dataclass
class Watch:
    """Runs until the source ends or `seconds` have passed.

    Attributes:
        say: called with one JSON-compatible entry for each object seen in a window, and once when it ended.
        page: shows events, saliency and objects; None: nothing does.
    """

    source: LiveSource
    detector: LiveDetector
    say: Callable[[dict[str, Any]], None]
    page: Page | None = None
    figures: Figures = field(default_factory=Figures)
    _recent: Events = NOTHING
    _ahead: float = math.inf  # least difference of the wall's clock and the events' clock, seconds
    _shown: float = -math.inf

    def run(self, seconds: float = math.inf) -> Figures:
        """The figures, when it is over."""
        begun = time.monotonic()
        while not self.source.ended and (self.figures.seconds < seconds):
            events = self.source.drain()
            now = time.monotonic()
            for window in self._windows(events, now):
                self._tell(window)
            self.figures.seconds = time.monotonic() - begun
            if not len(events.t):
                time.sleep(IDLE_SECONDS)
        for window in self.detector.finish():
            self._tell(window)
        for found in self.detector.going_on():
            self.figures.objects += 1
            self.say(entry(found, "ended"))
        return self.figures

    def _windows(self, events: Events, now: float) -> Iterator[LiveWindow]:
        self.figures.events += len(events.t)
        if len(events.t):
            self._ahead = min(self._ahead, now - int(events.t[-1]) / 1e6)
            self._recent = _last(self._recent, events)
            waiting = self.detector.add(events)
        elif math.isfinite(self._ahead):
            waiting = self.detector.advance(int((now - self._ahead - LATE_SECONDS) * 1e6))
        else:
            waiting = iter(())
        while True:
            begun = time.monotonic()
            window = next(waiting, None)
            spent = time.monotonic() - begun
            self.figures.busy += spent
            if window is None:
                return
            self.figures.slowest = max(self.figures.slowest, spent)
            yield window

    def _tell(self, window: LiveWindow) -> None:
        self.figures.windows += 1
        begin = window.end_us - self.detector.settings.stride * self.detector.settings.bin_us
        for found in window.finished:
            self.figures.objects += 1
            self.say(entry(found, "ended"))
        for found in window.objects:
            if found.sightings[-1].start_us >= begin:
                self.say(entry(found, "seen"))
        now = time.monotonic()
        if self.page is not None and now - self._shown >= SHOWN_EVERY:
            self._shown = now
            self.page.publish(self._state(window))

    def _state(self, window: LiveWindow) -> dict[str, Any]:
        height, width = self.source.size
        recent = self._recent
        figures = self.figures
        rate = figures.events / figures.seconds if figures.seconds else 0.0
        return {
            "width": width,
            "height": height,
            "status": f"{window.end_us / 1e6:.2f} s on the events' clock",
            "events": np.stack([recent.x, recent.y, recent.p], axis=1).tolist(),
            "saliency": _small(window.saliency),
            "objects": [entry(found, "seen") for found in window.objects],
            "figures": {
                "events/s": f"{rate:,.0f}",
                "windows": f"{figures.windows:,}",
                "objects ended": f"{figures.objects:,}",
                "load": f"{figures.busy / figures.seconds:.0%}" if figures.seconds else "",
                "dropped": f"{sum(vars(self.source.drops).values()):,}",
            },
        }


def entry(found: DetectedObject, state: str) -> dict[str, Any]:
    """One JSON line: where an object was last seen, on the sensor and on the events' clock."""
    last = found.sightings[-1]
    speed = None if found.velocity is None else round(float(np.hypot(*found.velocity)), 1)
    return {
        "id": found.id,
        "state": state,
        "t_us": last.end_us,
        "class": found.class_id,
        "x": round(last.centroid[0], 1),
        "y": round(last.centroid[1], 1),
        "box": [int(v) for v in last.box],
        "speed": speed,
        "spikes": found.spikes,
        "since_us": found.start_us,
        "confidence": round(found.confidence, 3),
    }


def _last(before: Events, events: Events) -> Events:
    return Events.joined([before, events[-SHOWN_EVENTS:]])[-SHOWN_EVENTS:]


def _small(saliency: NDArray[np.float32]) -> dict[str, Any] | None:
    """The positive part as bytes, 255 the largest, at most SALIENCY_SIDE a side; None where there is none."""
    positive = np.maximum(saliency, 0)
    if not positive.any():
        return None
    step = -(-max(positive.shape) // SALIENCY_SIDE)
    rows, columns = (np.arange(0, n, step) for n in positive.shape)
    small = np.maximum.reduceat(np.maximum.reduceat(positive, rows, axis=0), columns, axis=1)
    data = np.rint(255 * small / small.max()).astype(np.uint8)
    return {"width": data.shape[1], "height": data.shape[0], "data": base64.b64encode(data.tobytes()).decode()}
