"""From the files a user names to frames, and from networks to integers.

Variants of one network that are set side by side: trained floats, the chip's integers, stock Loihi parts only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.cli.console import note
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

if TYPE_CHECKING:
    from spikeseg_lava.events.recording import Recording
    from spikeseg_lava.execution.objects import Runner
    from spikeseg_lava.stock.cost import StockReport

DEFAULT_TIMESTEPS = 10
MOST_DROPPED = 0.01  # share of the events that may lie outside a sensor size the user gave


@dataclass(frozen=True)
class Binning:
    """How a recording becomes frames; None: as the network was trained, on the whole recording."""

    timesteps: int | None = None
    size: Pair | None = None
    binary: bool = False
    sensor_size: Pair | None = None
    window_us: int | None = None
    part: Mapping[str, Any] = field(default_factory=dict)  # unit, part, group and denoising, as the reader takes them

    @property
    def reading(self) -> dict[str, Any]:
        """What `read_recording` and `open_events` take by name."""
        return {**self.part, "sensor_size": self.sensor_size}


@dataclass(frozen=True)
class Quantization:
    """What the user asked the quantizer for; None: its own choice."""

    target: str = "loihi2"
    planes: int | None = None
    input_bits: int | None = None
    per_channel: bool | None = None
    fire_once: bool | None = None  # the mode whose spikes are kept; None: both


def read_frames(path: Path, network: SpikingNetwork | FixedPointModel, binning: Binning) -> NDArray[np.float32]:
    """Float32[T, C, H, W]: the frames of a clip as they are, or of a recording as one sample."""
    from spikeseg_lava.events.clip import is_clip, load_clip

    if is_clip(path):
        if binning != Binning():
            raise ArgumentError(
                f"`{path}` is a clip of frames: `--timesteps`, `--size`, `--binary`, `--sensor-size`, `--window` and "
                "the like are for recordings"
            )
        return load_clip(path)
    from spikeseg_lava.events.read import read_recording

    recording = read_recording(path, **binning.reading)
    check_sensor_size(recording, path)
    timesteps = binning.timesteps or network.timesteps or DEFAULT_TIMESTEPS
    start = None if binning.window_us is None else _fullest_window(recording, binning.window_us)
    return recording.to_frames(timesteps, binning.size or network.input_size, binning.binary, start, binning.window_us)


def check_sensor_size(recording: Recording | EventStream, path: Path) -> None:
    """ArgumentError where more than a hundredth of the events lie outside the sensor size that the user gave."""
    dropped = recording.repairs.get("events outside the sensor dropped", 0)
    kept = recording.count if isinstance(recording, EventStream) else len(recording)
    if recording.source.get("sensor_size") == "argument" and dropped > MOST_DROPPED * (dropped + kept):
        height, width = recording.size
        raise ArgumentError(
            f"`--sensor-size` {width}x{height} (width x height) leaves out {dropped / (dropped + kept):.0%} of the "
            f"events of `{path}`: give the size of the camera, such as 240x180 or 640x480"
        )


def _fullest_window(recording: Recording, window_us: int) -> int:
    """Start, in microseconds, of the window that holds the most events."""
    starts = np.array(recording.window_starts(window_us), np.int64)
    counts = np.diff(np.searchsorted(recording.t, [*starts, starts[-1] + window_us]))
    start = int(starts[counts.argmax()])
    begin = (start - recording.start) / 1e6
    note(f"sample: {begin:g} to {begin + window_us / 1e6:g} s of the recording, {counts.max():,} events")
    return start


def integers_of(
    network: SpikingNetwork | FixedPointModel,
    frames: NDArray[np.float32] | Sequence[NDArray[np.float32]] | None,
    wish: Quantization,
) -> FixedPointModel:
    """The model itself, or the network quantized with `frames` as calibration."""
    if isinstance(network, FixedPointModel):
        if replace(wish, fire_once=None) != Quantization():
            raise ArgumentError(
                "a model's integers are fixed: `--target`, `--planes`, `--input-bits` and `--per-channel` are for "
                "checkpoints"
            )
        return network
    from spikeseg_lava.quantization.quantize import quantize

    return quantize(
        network,
        wish.target,
        frames,
        planes=wish.planes,
        input_bits=wish.input_bits,
        per_channel=wish.per_channel,
        fire_once=wish.fire_once,
    )


def read_clips(
    paths: Sequence[Path] | None, network: SpikingNetwork | FixedPointModel, binning: Binning
) -> list[NDArray[np.float32]] | None:
    """The frames of every calibration file; None where there is none."""
    return [read_frames(path, network, binning) for path in paths] if paths else None


def runner_of(
    model: SpikingNetwork | FixedPointModel, backend: str, fire_once: bool
) -> Callable[[NDArray[np.float32]], SpikeRecord]:
    """What runs one sample."""
    from spikeseg_lava.execution.backends import run

    return partial(run, model, backend=backend, fire_once=fire_once)


FLOAT, INTEGER, STOCK = "float", "fixed-point", "stock parts"


def variants_of(
    network: SpikingNetwork,
    fire_once: bool,
    backend: str = "event",
    calibration: Sequence[NDArray[np.float32]] | None = None,
    stock: tuple[Pair, int] | None = None,
) -> dict[str, Runner]:
    """What runs one sample of each variant, the integers on `backend`.

    Args:
        stock: size (height, width) and steps of the samples a stock variant is built for, or None for none.
    """
    from spikeseg_lava.quantization.quantize import quantize

    model = quantize(network, calibration=calibration)
    variants: dict[str, Runner] = {
        FLOAT: runner_of(network, "torch", fire_once),
        INTEGER: model if backend == "event" else runner_of(model, backend, fire_once),
    }
    if stock is not None:
        from spikeseg_lava.stock.lower import lower
        from spikeseg_lava.stock.simulate import run_stock

        size, steps = stock
        clip = calibration[0] if calibration else None
        variants[STOCK] = partial(run_stock, lower(model, "stock", clip, fire_once=fire_once, frames=steps, size=size))
    return variants


def stock_report(model: FixedPointModel, frames: NDArray[Any], fire_once: bool) -> StockReport:
    """The stock variant of a model, made for a clip and measured on it against the model's own spikes."""
    from spikeseg_lava.execution.backends import run
    from spikeseg_lava.stock.cost import measure
    from spikeseg_lava.stock.lower import lower

    reference = run(model, frames, "event", fire_once)
    return measure(lower(model, "stock", frames, fire_once=fire_once), frames, reference)
