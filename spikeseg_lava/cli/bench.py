"""`spikeseg-lava bench`: our executions and stock Lava's, on one clip and one machine, in turns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, say, say_json, say_table
from spikeseg_lava.cli.inputs import Quantization, integers_of, read_frames
from spikeseg_lava.cli.networks import read_network, shipped_network
from spikeseg_lava.network.floats import SpikingNetwork

CONTENDERS = (
    "'run, event', 'run, lava-fused', 'run, lava', stock Lava, layer graph, fused Process, torch float, torch oracle, "
    "event engine, 'event engine, from frames' and 'event engine, with record'"
)


def bench(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[NETWORK INPUT]", help="Network and clip; default: the demo's.")
    ] = None,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    fire_once: options.FireOnce = True,
    window: options.Window = None,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    sensor_size: options.SensorSize = None,
    binary: options.Binary = False,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="How often each contender runs, in turns.")] = 5,
    contenders: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help=f"Measure this one; may be given several times. Names: {CONTENDERS}."
        ),
    ] = None,
    curves: Annotated[
        bool, typer.Option("--curves/--no-curves", help="Also the engine over events a step and over frame area.")
    ] = True,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all figures (.json).", rich_help_panel=options.OUTPUT),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw cost against events and area (.png, .pdf or .svg).",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Milliseconds a step of stock Lava, our Lava graphs, PyTorch and the event engine, with ratios and the limit."""
    from spikeseg_lava.bench.result import draw
    from spikeseg_lava.bench.run import run_benchmark

    options.check_output("--output", output, ".json")
    options.check_output("--plot", plot, *options.PICTURES)
    network_file, clip = _pair(files or [])
    network = read_network(network_file, options.reading(threshold, thresholds, pools, dt))
    frames = read_frames(clip, network, options.binning(timesteps, size, binary, sensor_size, window))
    model = integers_of(network, frames, Quantization())
    floats = network if isinstance(network, SpikingNetwork) else None
    result = run_benchmark(
        model, frames, floats, contenders=contenders, rounds=rounds, fire_once=fire_once, curves=curves, progress=note
    )
    if json:
        say_json(result.to_dict())
    else:
        heading, *rows = result.table()
        say_table(f"{clip.name}, {rounds} round(s)", heading, rows)
        for name, reason in result.skipped.items():
            say(f"not measured: {name}: {reason}")
    for path, write in ((output, result.to_json), (plot, partial(draw, result))):
        if path is not None:
            write(path)
            (note if json else say)(f"written: {path}")


def _pair(files: list[Path]) -> tuple[Path, Path]:
    from spikeseg_lava.demo import clip_path
    from spikeseg_lava.errors import ArgumentError

    if len(files) not in (0, 2):
        raise ArgumentError(f"expected a network and a clip, or neither for the demo's, got {len(files)} file(s)")
    return (files[0], files[1]) if files else (shipped_network(), clip_path())
