"""Loopback test of the live path: `python benchmarks/live.py [EVENTS_PER_SECOND] [SECONDS]`; a million for a minute.

A process of its own sends datagrams of events whose times are the clock's at sending; the receiver runs the shipped
network on them. Printed are losses, load and how long after a bin's end its window was decoded. The last windows are
run again offline, from the events as they were received, and must have the same spikes.
"""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time

import numpy as np

import spikeseg_lava as sl
from spikeseg_lava import demo
from spikeseg_lava.events.live import LAYOUTS, UdpSource
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import Events
from spikeseg_lava.execution.live import LiveDetector, LiveSettings, LiveWindow
from spikeseg_lava.execution.watch import Watch

SIZE = (96, 128)
LAYOUT = "t64_x16_y16_on8"
PACKET, TICK = 100, 0.002  # events a datagram, seconds between bursts
KEPT_US = 3_000_000


class Kept(LiveDetector):
    """Notes when each window was decoded, and keeps the newest events and windows."""

    def __init__(self, *arguments: object) -> None:
        self.delays: list[float] = []
        self.windows: list[LiveWindow] = []
        self.recent: list[Events] = []
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.delays.clear()

    def _window(self, end: int) -> LiveWindow:
        window = super()._window(end)
        self.delays.append(time.monotonic() - end / 1e6)
        self.windows = [*self.windows[-5:], window]
        return window

    def add(self, events: Events):
        self.recent.append(events)
        while len(events) and self.recent[0].t[-1:] < events.t[-1] - KEPT_US:
            self.recent.pop(0)
        return super().add(events)


def send(address: tuple[str, int], rate: int, seconds: float, sent: multiprocessing.Queue) -> None:
    """Uniform noise and one moving point, `rate` events a second, stamped with the clock."""
    rng = np.random.default_rng(1)
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    begun, count = time.monotonic(), 0
    while (now := time.monotonic()) - begun < seconds:
        burst = int((now - begun) * rate) - count
        events = np.zeros(burst, LAYOUTS[LAYOUT])
        events["t"] = np.linspace((now - TICK) * 1e6, now * 1e6, burst, endpoint=False)
        events["x"], events["y"] = rng.integers(0, SIZE[1], burst), rng.integers(0, SIZE[0], burst)
        near = rng.random(burst) < 0.05
        events["x"][near] = int((now - begun) * 40) % SIZE[1]
        events["y"][near] = SIZE[0] // 2
        events["on"] = rng.integers(0, 2, burst)
        for first in range(0, burst, PACKET):
            sending.sendto(events[first : first + PACKET].tobytes(), address)
        count += burst
        time.sleep(TICK)
    sent.put(count)


def same_as_offline(detector: Kept, model: sl.FixedPointModel) -> tuple[int, int]:
    """Windows run again from the events that were received, and how many of them had the same spikes."""
    events = Events.joined(detector.recent)
    recording = Recording(events.x, events.y, events.t, events.p, SIZE)
    whole = [w for w in detector.windows if w.start_us >= events.t[0]]
    same = 0
    for window in whole:
        frames = recording.to_frames(10, model.input_size, False, window.start_us, window.end_us - window.start_us)
        offline = sl.run(model, frames, backend="event").spikes
        same += all(np.array_equal(offline[name], spikes) for name, spikes in window.record.spikes.items())
    return len(whole), same


def main() -> None:
    """Send, receive, compare, print."""
    rate, seconds = int(sys.argv[1]) if sys.argv[1:] else 1_000_000, float(sys.argv[2]) if sys.argv[2:] else 60.0
    model = sl.quantize(sl.load_checkpoint(demo.checkpoint_path()))
    source = UdpSource(("127.0.0.1", 0), SIZE, LAYOUT)
    detector = Kept(model, SIZE, LiveSettings(100_000, 10, 1))
    sent: multiprocessing.Queue = multiprocessing.Queue()
    sender = multiprocessing.Process(target=send, args=(source.address, rate, seconds, sent))
    sender.start()
    figures = Watch(source, detector, lambda entry: None).run(seconds + 2)
    source.close()
    total = sent.get()
    sender.join()
    delays = np.array(detector.delays) * 1000
    windows, same = same_as_offline(detector, model)
    print(figures.line(source.drops))
    print(f"sent {total} events, received {figures.events}, lost {total - figures.events}")
    print(f"ms from a bin's end to its objects: median {np.median(delays):.1f}, p99 {np.quantile(delays, 0.99):.1f}")
    print(f"{same} of {windows} windows have the spikes of an offline run of the events received")


if __name__ == "__main__":
    main()
