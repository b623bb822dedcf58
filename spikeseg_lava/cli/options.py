"""Arguments and options that several commands share: each is defined here once, and groups them in the help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from spikeseg_lava.cli.inputs import Binning
from spikeseg_lava.cli.networks import Reading
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.files import check_target

RECORDINGS = ".raw, .dat, .aedat4, .aedat, .es, .h5, .mat, .npy, .npz, .bin, .txt or .csv; - for text"
PICTURES = (".png", ".pdf", ".svg")
NETWORK, INTEGERS, RECORDING, OUTPUT = "Network", "Integers", "Recording", "Output"  # headings of the help


class Backend(str, Enum):
    """Names of the executions."""

    EVENT = "event"
    LAVA = "lava"
    LAVA_FUSED = "lava-fused"
    LOIHI2 = "loihi2"
    STOCK = "stock"
    TORCH = "torch"


class Simulator(str, Enum):
    """The executions that can be compared with the integer oracle, which is torch's."""

    EVENT = "event"
    LAVA = "lava"
    LAVA_FUSED = "lava-fused"
    LOIHI2 = "loihi2"
    STOCK = "stock"


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

BackendName = Annotated[
    Backend,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="What executes the network: event (the exact engine), lava, lava-fused, stock (lowered to stock Lava "
        "parts), loihi2 (needs Intel's extension) or torch (floats of a checkpoint, integers of a model).",
        rich_help_panel=NETWORK,
    ),
]
SimulatorName = Annotated[
    Simulator,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="What is proved: event (the exact engine), lava, lava-fused, stock (lowered to stock "
        "Lava parts) or loihi2 (needs Intel's extension).",
        rich_help_panel=NETWORK,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="THETA",
        help="Firing threshold of every layer, instead of the network's; keeps each layer's leak / threshold.",
        rich_help_panel=NETWORK,
    ),
]
ThresholdsOf = Annotated[
    Thresholds,
    typer.Option(
        "--thresholds",
        metavar="NAME",
        help="Which of a checkpoint's thresholds: buffers, or adapted (per channel, left by training).",
        rich_help_panel=NETWORK,
    ),
]
Pools = Annotated[
    str | None,
    typer.Option(
        "--pools",
        metavar="K/S,...",
        help="Kernel / stride of each pool, such as 7/6,2/2.  [default: the checkpoint's, else 2/2]",
        rich_help_panel=NETWORK,
    ),
]
Dt = Annotated[
    float | None,
    typer.Option(
        "--dt",
        metavar="TIME",
        help="Length of a step of a NIR graph, in the unit of its time constants.",
        rich_help_panel=NETWORK,
    ),
]
ResetInterval = Annotated[
    int | None,
    typer.Option(
        "--reset-interval",
        metavar="STEPS",
        min=1,
        help="Steps after which a lava-dl network clears all state, which its file does not say.",
        rich_help_panel=NETWORK,
    ),
]
Firing = Annotated[
    bool | None,
    typer.Option(
        "--fire-once/--refire",
        help="A neuron fires at most once a sample, or any number of times.  [default: once; lava-dl networks: any "
        "number]",
        rich_help_panel=NETWORK,
        show_default=False,
    ),
]
Simplify = Annotated[
    bool | None,
    typer.Option(
        "--simplify/--no-simplify",
        help="Leave out maps that change no class spike.  [default: on the way to hardware, with stock and loihi2]",
        rich_help_panel=NETWORK,
        show_default=False,
    ),
]
FireOnce = Annotated[
    bool,
    typer.Option(
        "--fire-once/--refire",
        help="A neuron fires at most once a sample, or any number of times.",
        rich_help_panel=NETWORK,
    ),
]

Window = Annotated[
    float | None,
    typer.Option(
        "--window",
        metavar="SECONDS",
        help="Use the sample of this length that holds the most events.  [default: the whole recording]",
        rich_help_panel=RECORDING,
    ),
]
Windows = Annotated[
    float,
    typer.Option(
        "--window",
        metavar="SECONDS",
        help="Cut the recording into samples of this length.",
        rich_help_panel=RECORDING,
    ),
]
Timesteps = Annotated[
    int | None,
    typer.Option(
        "--timesteps",
        metavar="N",
        min=1,
        help="Time bins of a sample.  [default: the checkpoint's, else 10]",
        rich_help_panel=RECORDING,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WxH",
        help="Frame size in pixels, width x height such as 240x180.  [default: the checkpoint's, else the sensor's]",
        rich_help_panel=RECORDING,
    ),
]
SensorSize = Annotated[
    str | None,
    typer.Option(
        "--sensor-size",
        metavar="WxH",
        help="Sensor of the recording in pixels, width x height such as 240x180, where the file does not say.",
        rich_help_panel=RECORDING,
    ),
]
KeepPartial = Annotated[
    bool,
    typer.Option(
        "--keep-partial",
        help="Keep a last window that the recording fills by less than half.",
        rich_help_panel=RECORDING,
    ),
]
TimeUnit = Annotated[
    str | None,
    typer.Option(
        "--time-unit",
        metavar="UNIT",
        help="Of the recording's times: s, ms, us or ns.  [default: the file's, else a rule that says so]",
        rich_help_panel=RECORDING,
    ),
]
Start = Annotated[
    float,
    typer.Option(
        "--start", metavar="SECONDS", help="Begin this long after the first event.", rich_help_panel=RECORDING
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration",
        metavar="SECONDS",
        help="Use this much of the recording.  [default: all of it]",
        rich_help_panel=RECORDING,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="PATH",
        help="Which camera of an HDF5 file of several, such as davis/left.",
        rich_help_panel=RECORDING,
    ),
]
Denoise = Annotated[
    bool,
    typer.Option(
        "--denoise", help="Leave out hot pixels, and events without another beside them.", rich_help_panel=RECORDING
    ),
]
Binary = Annotated[
    bool,
    typer.Option(
        "--binary",
        help="Frames of 0 and 1, instead of counts divided by the bin's largest.",
        rich_help_panel=RECORDING,
    ),
]

Calibration = Annotated[
    list[Path] | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="Clip or recording whose spikes the integers must keep; may be given several times.",
        rich_help_panel=INTEGERS,
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="CHIP",
        help="Chip whose word lengths are respected: loihi1 or loihi2.",
        rich_help_panel=INTEGERS,
    ),
]
Planes = Annotated[
    int | None,
    typer.Option(
        "--planes",
        metavar="N",
        min=1,
        max=2,
        help="8-bit weight planes of every layer.  [default: chosen by the quantizer]",
        rich_help_panel=INTEGERS,
    ),
]
InputBits = Annotated[
    int | None,
    typer.Option(
        "--input-bits",
        metavar="N",
        min=1,
        help="Bits of the input payload.  [default: chosen by the quantizer]",
        rich_help_panel=INTEGERS,
    ),
]
PerChannel = Annotated[
    bool | None,
    typer.Option(
        "--per-channel/--per-layer",
        help="One scale an output channel, or one a layer.  [default: chosen by the quantizer]",
        rich_help_panel=INTEGERS,
    ),
]

MinSpikes = Annotated[
    int,
    typer.Option("--min-spikes", metavar="N", min=1, help="Leave out objects of fewer classification spikes."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say what the figures mean and where they come from.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.", rich_help_panel=OUTPUT)]

Pool = tuple[int, int]
Writer = TypeVar("Writer")


def parse_size(text: str | None, option: str = "--size") -> tuple[int, int] | None:
    """(height, width) of "WIDTHxHEIGHT", the order in which cameras are called; ArgumentError otherwise."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ArgumentError(f"`{option}` must be WIDTHxHEIGHT in pixels such as 304x240, got {text!r}")
    return int(parts[1]), int(parts[0])


def parse_pools(text: str | None) -> tuple[Pool, ...] | None:
    """(kernel, stride) of every pool of "7/6,2/2"; ArgumentError otherwise."""
    if text is None:
        return None
    pools = [tuple(part.strip().split("/")) for part in text.split(",")]
    if not all(len(pool) == 2 and all(n.isdecimal() and int(n) > 0 for n in pool) for pool in pools):
        raise ArgumentError(f"`--pools` must be KERNEL/STRIDE of each pool such as 7/6,2/2, got {text!r}")
    return tuple((int(kernel), int(stride)) for kernel, stride in pools)


def reading(
    threshold: float | None,
    thresholds: Thresholds = Thresholds.BUFFERS,
    pools: str | None = None,
    dt: float | None = None,
    reset_interval: int | None = None,
) -> Reading:
    """How the user wants the network read."""
    return Reading(threshold, thresholds.value, parse_pools(pools), dt, reset_interval)


def binning(
    timesteps: int | None,
    size: str | None,
    binary: bool,
    sensor_size: str | None = None,
    window: float | None = None,
    part: Mapping[str, Any] | None = None,
) -> Binning:
    """How the user wants a recording cut into frames; `part` as the function of that name gives it."""
    length = None if window is None else microseconds(window)
    return Binning(timesteps, parse_size(size), binary, parse_size(sensor_size, "--sensor-size"), length, part or {})


def part(
    time_unit: str | None = None,
    start: float = 0.0,
    duration: float | None = None,
    group: str | None = None,
    denoise: bool = False,
) -> dict[str, Any]:
    """What of a recording the user wants, as `read_recording` takes it by name; only what was asked for."""
    if time_unit not in (None, "s", "ms", "us", "ns"):
        raise ArgumentError(f"`--time-unit` must be s, ms, us or ns, got {time_unit!r}")
    asked = {
        "time_unit": time_unit,
        "start_us": microseconds(start, "--start") if start else None,
        "duration_us": None if duration is None else microseconds(duration, "--duration"),
        "group": group,
        "denoise": denoise or None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def microseconds(seconds: float, option: str = "--window") -> int:
    """A length of time as whole microseconds; ArgumentError below one."""
    if not 1e-6 <= seconds < 1e9:
        raise ArgumentError(f"`{option}` must be a positive number of seconds, got {seconds:g}")
    return round(seconds * 1_000_000)


def check_outputs(*paths: Path | None) -> None:
    """ArgumentError where one of the files asked for cannot be written."""
    for path in paths:
        if path is not None:
            check_target(path)


def check_output(option: str, path: Path | None, *suffixes: str) -> None:
    """ArgumentError, before any work, where `path` cannot be written or does not end in one of `suffixes`."""
    if path is None:
        return
    check_target(path)
    if suffixes and path.suffix.lower() not in suffixes:
        raise ArgumentError(f"`{option}` must end in {_either(suffixes)}, got `{path}`")


def by_suffix(path: Path, writers: Mapping[str, Writer]) -> Writer:
    """The entry for the file's ending; ArgumentError for another ending."""
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise ArgumentError(f"`{path}` must end in {_either(list(writers))}")
    return writers[suffix]


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
