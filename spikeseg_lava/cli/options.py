"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from spikeseg_lava.cli.networks import Reading
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.files import check_target

RECORDINGS = ".mat, .aedat4, .es, .raw, .dat, .h5, .npy, .txt or .csv"


class Backend(str, Enum):
    """Names of the executions."""

    TORCH = "torch"
    EVENT = "event"
    LAVA = "lava"
    LAVA_FUSED = "lava-fused"
    LOIHI2 = "loihi2"


class Thresholds(str, Enum):
    """Which thresholds of a checkpoint are used."""

    BUFFERS = "buffers"
    ADAPTED = "adapted"


NetworkFile = Annotated[
    Path, typer.Argument(metavar="NETWORK", help="Checkpoint (.pt, .pth), model (.slm) or NIR graph (.nir).")
]
InputFile = Annotated[
    Path, typer.Argument(metavar="INPUT", help=f"Clip (.npz with `frames`) or recording ({RECORDINGS}).")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="Firing threshold of every layer, instead of the checkpoint's; keeps each layer's leak / threshold."
    ),
]
ThresholdsOf = Annotated[
    Thresholds, typer.Option("--thresholds", help="The checkpoint's neuron buffers, or adapted per-channel thresholds.")
]
FireOnce = Annotated[
    bool, typer.Option("--fire-once/--refire", help="A neuron fires at most once per sample, or any number of times.")
]
Timesteps = Annotated[
    int | None, typer.Option(min=1, help="Bins per sample of a recording; default: the checkpoint's, else 10.")
]
Size = Annotated[
    str | None,
    typer.Option(metavar="HxW", help="Frame size in pixels; default: the checkpoint's, else the sensor's."),
]
Binary = Annotated[
    bool, typer.Option("--binary", help="Frames of 0 and 1 instead of counts divided by the bin's largest.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Target = Annotated[str, typer.Option(help="Chip whose word lengths are respected: loihi1 or loihi2.")]
Planes = Annotated[
    int | None,
    typer.Option(min=1, max=2, help="8-bit weight planes of every layer; default: chosen by the quantiser."),
]
InputBits = Annotated[
    int | None, typer.Option(min=1, help="Bits of the input payload; default: chosen by the quantiser.")
]
PerChannel = Annotated[
    bool | None,
    typer.Option(
        "--per-channel/--per-layer", help="One scale per output channel or layer; default: chosen by the quantiser."
    ),
]

Pools = Annotated[
    str | None,
    typer.Option(
        metavar="K/S,...",
        help="Kernel / stride of each pool, such as 7/6,2/2; default: what the checkpoint says, else 2/2.",
    ),
]
Window = Annotated[float, typer.Option(metavar="SECONDS", help="Length of a sample of the recording.")]
SensorSize = Annotated[
    str | None, typer.Option(metavar="HxW", help="Sensor of the recording in pixels, where the file does not say.")
]
Calibration = Annotated[
    list[Path] | None,
    typer.Option(help="Clip or recording whose spikes the integers must keep; may be given several times."),
]

Pool = tuple[int, int]
Writer = TypeVar("Writer")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) of "HxW"; ArgumentError otherwise."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ArgumentError(f"`--size` must be HEIGHTxWIDTH in pixels such as 240x304, got {text!r}")
    return int(parts[0]), int(parts[1])


def parse_pools(text: str | None) -> tuple[Pool, ...] | None:
    """(kernel, stride) of every pool of "7/6,2/2"; ArgumentError otherwise."""
    if text is None:
        return None
    pools = [tuple(part.strip().split("/")) for part in text.split(",")]
    if not all(len(pool) == 2 and all(n.isdigit() and int(n) > 0 for n in pool) for pool in pools):
        raise ArgumentError(f"`--pools` must be KERNEL/STRIDE of each pool such as 7/6,2/2, got {text!r}")
    return tuple((int(kernel), int(stride)) for kernel, stride in pools)


def reading(threshold: float | None, thresholds: Thresholds, pools: str | None) -> Reading:
    """How the user wants the checkpoint read."""
    return Reading(threshold, thresholds.value, parse_pools(pools))


def microseconds(seconds: float) -> int:
    """A length of time as whole microseconds; ArgumentError below one."""
    if not 1e-6 <= seconds < 1e9:
        raise ArgumentError(f"`--window` must be a positive number of seconds, got {seconds:g}")
    return round(seconds * 1_000_000)


def check_outputs(*paths: Path | None) -> None:
    """ArgumentError where one of the files asked for cannot be written."""
    for path in paths:
        if path is not None:
            check_target(path)


def by_suffix(path: Path, writers: Mapping[str, Writer]) -> Writer:
    """The entry for the file's ending; ArgumentError for another ending."""
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise ArgumentError(f"`{path}` must end in {' or '.join(writers)}")
    return writers[suffix]
