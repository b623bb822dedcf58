"""`spikeseg-lava detect`: the objects of a recording, as a table, files and pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, progress, say, say_table
from spikeseg_lava.cli.inputs import DEFAULT_TIMESTEPS, Quantisation, check_sensor_size, integers_of, runner_of
from spikeseg_lava.cli.networks import network_and_input, read_network

if TYPE_CHECKING:
    from spikeseg_lava.detection.detect import Detected
    from spikeseg_lava.detection.objects import DetectedObject
    from spikeseg_lava.events.recording import Recording

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
            metavar="[NETWORK] RECORDING", help="Recording, and before it the network; default: the demo's."
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
    binary: options.Binary = False,
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
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the objects (.csv or .json).", rich_help_panel=options.OUTPUT),
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
    from spikeseg_lava.detection.detect import detect_objects
    from spikeseg_lava.detection.samples import samples_of
    from spikeseg_lava.events.read import read_recording

    options.check_output("--output", output, ".csv", ".json")
    options.check_output("--picture", picture, *options.PICTURES)
    options.check_output("--animation", animation, ".gif", ".mp4")
    options.check_output("--space-time", space_time, ".html")
    network_file, recording_file = network_and_input(files)
    binning = options.binning(timesteps, size, binary, sensor_size)
    duration = options.microseconds(window)
    network = read_network(network_file, options.reading(threshold, thresholds, pools, dt))
    recording = read_recording(recording_file, sensor_size=binning.sensor_size)
    check_sensor_size(recording, recording_file)
    steps = timesteps or network.timesteps or DEFAULT_TIMESTEPS
    frame_size = binning.size or network.input_size
    if backend != options.Backend.TORCH:
        network = integers_of(network, None, Quantisation())
    samples = samples_of(recording, runner_of(network, backend.value, fire_once), duration, steps, frame_size, binary)
    with progress() as bar:
        counted = bar.track(samples, total=len(recording.window_starts(duration)), description="samples")
        found = detect_objects(
            counted, network, recording.size, duration, pool_winners=winners.value, tau=tau, min_spikes=min_spikes
        )
    _print(found, csv, json)
    tell = note if csv or json else say
    title = f"{recording_file.name} seen by {network_file.name}"
    for path, write in _files(recording, found, title, output, picture, animation, space_time):
        write(path)
        tell(f"written: {path}")


def _print(found: Detected, csv: bool, json: bool) -> None:
    from spikeseg_lava.detection.table import csv_text, json_text

    if csv or json:
        typer.echo(csv_text(found) if csv else json_text(found), nl=json)
        return
    seconds = (found.end_us - found.start_us) / 1e6
    title = f"{len(found.objects)} object(s) in {seconds:g} s; sensor pixels, seconds from the first sample"
    say_table(title, COLUMNS, (_row(item, found.start_us) for item in found.objects), DROPPED, "--csv")
    say(f"{found.spikes} classification spikes in {found.samples} sample(s); {found.unlocated} lead to no pixel")


def _row(item: DetectedObject, start_us: int) -> tuple[Any, ...]:
    x0, y0, x1, y1 = item.box
    speed = None if item.velocity is None else f"{math.hypot(*item.velocity):.1f}"
    times = [f"{(time - start_us) / 1e6:.3f}" for time in (item.start_us, item.end_us)]
    centroid = "{:.1f}, {:.1f}".format(*item.centroid)
    box = f"{x0}-{x1}, {y0}-{y1}"
    return item.id, item.class_id, box, centroid, *times, item.spikes, speed, f"{item.confidence:.2f}"


def _files(
    recording: Recording,
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
            pictures.animate(recording, found, path, title=title, progress=_tracked(bar, "pictures"))

    asked: list[tuple[Path | None, Callable[[Path], None]]] = [
        (output, objects),
        (picture, lambda path: pictures.draw_detections(recording, found, path, title)),
        (animation, film),
        (space_time, lambda path: pictures.write_space_time(recording, found, path, title)),
    ]
    return [(path, write) for path, write in asked if path is not None]


def _tracked(bar: Any, description: str) -> Callable[[Any], Any]:
    return lambda items: bar.track(items, description=description)
