"""`spikeseg-lava detect`: the objects of a recording, as a table, files and pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, progress, say, say_json, say_table
from spikeseg_lava.cli.inputs import DEFAULT_TIMESTEPS, Quantization, check_sensor_size, integers_of, runner_of
from spikeseg_lava.cli.networks import network_and_input, read_network
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.detection.detect import Detected
    from spikeseg_lava.detection.objects import DetectedObject
    from spikeseg_lava.events.stream import EventStream
    from spikeseg_lava.execution.samples import StreamSettings

COLUMNS = (
    "id",
    "class",
    "box x, y (pixel)",
    "centroid x, y (pixel)",
    "from (s)",
    "to (s)",
    "spikes",
    "speed (pixel/s)",
    "confidence",
)
DROPPED = ("class", "speed (pixel/s)", "box x, y (pixel)", "confidence")  # where the terminal is narrow


class Winners(str, Enum):
    """Whose pool winners lead back to the pixels."""

    CAUSAL = "causal"
    LAST_STEP = "last-step"


def detect(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="[NETWORK] RECORDING...",
            help="Recording, and before it the network; default: the demo's. Of many, name the network as well.",
        ),
    ],
    backend: options.BackendName = options.Backend.EVENT,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    fire_once: options.FireOnce = True,
    window: options.Windows = 1.0,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    sensor_size: options.SensorSize = None,
    time_unit: options.TimeUnit = None,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    group: options.Group = None,
    denoise: options.Denoise = False,
    binary: options.Binary = False,
    keep_partial: options.KeepPartial = False,
    winners: Annotated[
        Winners,
        typer.Option(
            "--pool-winners",
            metavar="NAME",
            help="Which pool inputs lead back to pixels: causal (of the step of the spike) or last-step.",
        ),
    ] = Winners.CAUSAL,
    tau: Annotated[
        float,
        typer.Option(metavar="TAU", min=0, max=1, help="Similarity above which spikes belong to one object."),
    ] = 0.1,
    min_spikes: options.MinSpikes = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Recordings at a time; -1: one a core.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write the objects (.csv or .json); of many recordings, the folder for a .csv of each.  "
            "[default: none; of many: objects]",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV and nothing else.", rich_help_panel=options.OUTPUT)
    ] = False,
    json: options.Json = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture (.png, .pdf or .svg).", rich_help_panel=options.OUTPUT),
    ] = None,
    animation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a film (.gif or .mp4).", rich_help_panel=options.OUTPUT),
    ] = None,
    space_time: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a page to turn in x, y and time (.html).", rich_help_panel=options.OUTPUT
        ),
    ] = None,
) -> None:
    """Find the objects of a recording: id, class, box, centroid, time span, spikes and confidence, on the sensor."""
    from spikeseg_lava.events.read import open_events
    from spikeseg_lava.execution.objects import detect_recording
    from spikeseg_lava.execution.samples import LEAST_FILL, StreamSettings

    network_file, recordings = _network_and_recordings(files)
    many = len(recordings) > 1
    _check_outputs(many, output, csv, {"--picture": picture, "--animation": animation, "--space-time": space_time})
    part = options.part(time_unit, start, duration, group, denoise)
    binning = options.binning(timesteps, size, binary, sensor_size, part=part)
    network = read_network(network_file, options.reading(threshold, thresholds, pools, dt))
    settings = StreamSettings(
        options.microseconds(window),
        timesteps or network.timesteps or DEFAULT_TIMESTEPS,
        binning.size,
        binary,
        sensor_size=binning.sensor_size,
        reading=binning.part,
        fire_once=fire_once,
        least_fill=0.0 if keep_partial else LEAST_FILL,
    )
    how = {"pool_winners": winners.value, "tau": tau, "min_spikes": min_spikes}
    if backend != options.Backend.TORCH:
        network = integers_of(network, None, Quantization())
    if many:
        _detect_many(network, recordings, output or Path("objects"), settings, backend, jobs, json, how)
        return
    stream = open_events(recordings[0], **binning.reading)
    check_sensor_size(stream, recordings[0])
    run = None if backend == options.Backend.EVENT else runner_of(network, backend.value, fire_once)
    with progress() as bar:
        found = detect_recording(
            network, stream, settings, run,
            progress=lambda samples, total: bar.track(samples, total=total, description="samples"), **how,
        )  # fmt: skip
    _print(found, csv, json)
    tell = note if csv or json else say
    title = f"{recordings[0].name} seen by {network_file.name}"
    for path, write in _files(stream, found, title, output, picture, animation, space_time):
        write(path)
        tell(f"written: {path}")


def _network_and_recordings(files: list[Path]) -> tuple[Path, list[Path]]:
    """The network and all recordings; one file alone is a recording, for the shipped network."""
    if len(files) > 2:
        return files[0], files[1:]
    network, recording = network_and_input(files)
    return network, [recording]


def _check_outputs(many: bool, output: Path | None, csv: bool, pictures: dict[str, Path | None]) -> None:
    """ArgumentError where something asked for cannot be written."""
    if many:
        refused = [name for name, path in pictures.items() if path is not None] + ["--csv"] * csv
        if refused:
            raise ArgumentError(
                f"`{refused[0]}` is for one recording; of many, `--output` names a folder for their CSV"
            )
        return
    options.check_output("--output", output, ".csv", ".json")
    endings = {"--picture": options.PICTURES, "--animation": (".gif", ".mp4"), "--space-time": (".html",)}
    for name, path in pictures.items():
        options.check_output(name, path, *endings[name])


def _detect_many(
    network: Any,
    recordings: list[Path],
    folder: Path,
    settings: StreamSettings,
    backend: options.Backend,
    jobs: int,
    json: bool,
    how: dict[str, Any],
) -> None:
    """Objects of every recording into a file of its own; exit code 1 where one failed."""
    from spikeseg_lava.execution.objects import detect_many

    if backend != options.Backend.EVENT:
        raise ArgumentError(f"`--backend` {backend.value} runs one recording; many need event")
    with progress() as bar:
        found = detect_many(recordings, network, folder, settings, jobs=jobs, check=check_sensor_size, **how)
        done = {item.source: item for item in bar.track(found, total=len(recordings), description="recordings")}
    results = [done[path] for path in recordings]
    if json:
        say_json({"files": [{**asdict(x), "source": str(x.source), "output": str(x.output)} for x in results]})
    else:
        rows = [(x.source.name, x.objects, x.spikes, x.seconds) for x in results if x.error is None]
        say_table("objects, recording by recording", ("file", "objects", "classification spikes", "seconds"), rows)
        say(f"files of objects: {folder}")
    for item in results:
        if item.error is not None:
            note(f"failed: {item.source}: {item.error}")
    raise typer.Exit(1 if any(item.error for item in results) else 0)


def _print(found: Detected, csv: bool, json: bool) -> None:
    from spikeseg_lava.detection.table import csv_text, json_text

    if csv or json:
        typer.echo(csv_text(found) if csv else json_text(found), nl=json)
        return
    seconds = (found.end_us - found.start_us) / 1e6
    title = f"{len(found.objects)} object(s) in {brief(seconds)} s; sensor pixels, seconds from the first sample"
    say_table(title, COLUMNS, (_row(item, found.start_us) for item in found.objects), DROPPED, "--csv")
    say(f"{found.spikes} classification spikes in {found.samples} sample(s); {found.unlocated} lead to no pixel")


def brief(seconds: float) -> str:
    """Two places at most: 1.6, 0.17, 600."""
    return f"{seconds:.2f}".rstrip("0").rstrip(".")


def _row(item: DetectedObject, start_us: int) -> tuple[Any, ...]:
    x0, y0, x1, y1 = item.box
    speed = None if item.velocity is None else f"{math.hypot(*item.velocity):.1f}"
    times = [f"{(time - start_us) / 1e6:.3f}" for time in (item.start_us, item.end_us)]
    centroid = "{:.1f}, {:.1f}".format(*item.centroid)
    box = f"{x0}-{x1}, {y0}-{y1}"
    return item.id, item.class_id, box, centroid, *times, item.spikes, speed, f"{item.confidence:.2f}"


def _files(
    stream: EventStream,
    found: Detected,
    title: str,
    output: Path | None,
    picture: Path | None,
    animation: Path | None,
    space_time: Path | None,
) -> list[tuple[Path, Callable[[Path], None]]]:
    """What was asked for, each with what writes it."""
    from spikeseg_lava import pictures
    from spikeseg_lava.detection.table import write_csv, write_json

    def objects(path: Path) -> None:
        write = options.by_suffix(path, {".csv": write_csv, ".json": write_json})
        write(found, path)

    def film(path: Path) -> None:
        with progress() as bar:
            pictures.animate(stream.recording(), found, path, title=title, progress=_tracked(bar, "pictures"))

    asked: list[tuple[Path | None, Callable[[Path], None]]] = [
        (output, objects),
        (picture, lambda path: pictures.draw_detections(stream.recording(), found, path, title)),
        (animation, film),
        (space_time, lambda path: pictures.write_space_time(stream.recording(), found, path, title)),
    ]
    return [(path, write) for path, write in asked if path is not None]


def _tracked(bar: Any, description: str) -> Callable[[Any], Any]:
    return lambda items: bar.track(items, description=description)
