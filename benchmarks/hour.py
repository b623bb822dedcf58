"""An hour of events in bounded memory: `python benchmarks/hour.py MODEL FOLDER [--seconds 3600] [--rate 12000]`.

Writes a made-up recording of a 240x180 sensor (one object that crosses stars and noise, again and again) to FOLDER,
streams it, and prints how many times faster than real time that was and the peak memory above the import.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from spikeseg_lava.execution.stream import run_stream
from spikeseg_lava.network.model import load_model

SENSOR = (180, 240)
FIELDS = [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]
KILOBYTE = 1024 / 1e6  # in MB

console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--rate", type=int, default=12_000, help="events per second")
    options = parser.parse_args()
    model, recording = load_model(options.model), options.folder / f"hour_{options.seconds}_{options.rate}.npy"
    if not recording.exists():
        write_recording(recording, options.seconds, options.rate)
    before = peak_memory()
    begin = time.perf_counter()
    summary = run_stream(model, recording, options.folder / "hour.spikes.h5", sensor_size=SENSOR, size=SENSOR)
    seconds = time.perf_counter() - begin
    console.print(f"{summary.samples} samples, {summary.steps} steps, spikes {summary.counts}")
    console.print(f"{seconds:.1f} s, {options.seconds / seconds:.0f} times real time")
    console.print(f"peak memory {peak_memory() - before:.0f} MB above the import ({before:.0f} MB)")


def write_recording(path: Path, seconds: int, rate: int, seed: int = 0) -> None:
    """Second by second: a tenth of the events on a moving object, four tenths on stars, the rest anywhere."""
    rng = np.random.default_rng(seed)
    stars = rng.integers(0, [SENSOR[1], SENSOR[0]], (60, 2))
    with path.open("wb") as file:
        header = {"descr": FIELDS, "fortran_order": False, "shape": (seconds * rate,)}
        np.lib.format.write_array_header_1_0(file, header)
        for second in range(seconds):
            file.write(events_of_second(rng, stars, second, rate).tobytes())


def events_of_second(rng: np.random.Generator, stars: np.ndarray, second: int, rate: int) -> np.ndarray:
    """`rate` events of one second as records of t, x, y, p."""
    t = np.sort(rng.integers(0, 1_000_000, rate)) + second * 1_000_000
    place = rng.integers(0, [SENSOR[1], SENSOR[0]], (rate, 2))
    kind = rng.random(rate)
    moving = kind < 0.1
    way = (t[moving] / 20e6) % 1
    place[moving] = np.stack([way * 230 + 5, way * 170 + 5], axis=1) + rng.normal(0, 1.2, (moving.sum(), 2))
    fixed = (kind >= 0.1) & (kind < 0.5)
    place[fixed] = stars[rng.integers(0, len(stars), fixed.sum())] + rng.integers(-1, 2, (fixed.sum(), 2))
    events = np.zeros(rate, FIELDS)
    events["t"], events["p"] = t, rng.integers(0, 2, rate)
    events["x"], events["y"] = np.clip(place, 0, [SENSOR[1] - 1, SENSOR[0] - 1]).T
    return events


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE


if __name__ == "__main__":
    main()
