"""`spikeseg-lava convert`: from a checkpoint to one file of integers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_table, working
from spikeseg_lava.cli.inputs import Quantization, integers_of, read_clips
from spikeseg_lava.cli.networks import Reading, kind_of, read_checkpoint, read_network
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

COLUMNS = ("layer", "planes", "units per 1.0", "IoU fitted", "IoU unseen", "why")


def convert(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="NETWORK", help="Trained network: checkpoint (.pt, .pth), NIR (.nir) or lava-dl (.net)."
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="MODEL", help="Fixed-point model to write (.slm).")],
    calibration: options.Calibration = None,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    window: options.Window = None,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    sensor_size: options.SensorSize = None,
    time_unit: options.TimeUnit = None,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    group: options.Group = None,
    denoise: options.Denoise = False,
    binary: options.Binary = False,
    target: options.Target = "loihi2",
    planes: options.Planes = None,
    input_bits: options.InputBits = None,
    per_channel: options.PerChannel = None,
    simplify: Annotated[
        bool,
        typer.Option(
            "--simplify/--no-simplify",
            help="First leave out equal, silent and unheard maps (lossless).",
            rich_help_panel=options.INTEGERS,
        ),
    ] = False,
    explain: options.Explain = False,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write every integer with its float, scale and error (.csv).",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
) -> None:
    """Write a trained network in the integers of a chip.

    With calibration, the cheapest setting that keeps the spikes of clips that took no part in rounding: copies of the
    clips given, mirrored and reversed in time, and made-up ones. Without, the finest setting, on made-up clips.
    """
    from spikeseg_lava.quantization.explain import explain as trace_back

    options.check_output("MODEL", output, ".slm", ".safetensors")
    options.check_output("--trace", trace, ".csv")
    reading = options.reading(threshold, thresholds, pools, dt)
    if kind_of(checkpoint) == "lava-dl network":
        fixed = (calibration, planes, input_bits, per_channel, trace, simplify or explain or None)
        return _keep_integers(checkpoint, output, reading, target, any(value is not None for value in fixed))
    network = read_checkpoint(checkpoint, reading)
    if simplify:
        network = _simplified(network)
    clips = read_clips(
        calibration,
        network,
        options.binning(
            timesteps, size, binary, sensor_size, window, options.part(time_unit, start, duration, group, denoise)
        ),
    )
    with working("quantizing ..."):
        model = integers_of(network, clips, Quantization(target, planes, input_bits, per_channel))
    model.save(output)
    _show_choice(model)
    if explain:
        say(str(trace_back(model)))
    if trace is not None:
        trace_back(model).save_csv(trace)
        say(f"trace: {trace}")
    say(f"model: {output}")


def _keep_integers(path: Path, output: Path, reading: Reading, target: str, chosen: bool) -> None:
    """A lava-dl network is in integers already: they are written as they are."""
    from spikeseg_lava.chip.targets import get_target

    if chosen:
        raise ArgumentError(f"`{path}` is a lava-dl network in integers: there is nothing to quantize or to trace")
    model = read_network(path, reading)
    assert isinstance(model, FixedPointModel)
    replace(model, target=get_target(target).name).save(output)
    say(f"model: {output}")


def _simplified(network: SpikingNetwork) -> SpikingNetwork:
    """The network with fewer maps and the same classification spikes; says what was left out."""
    from spikeseg_lava.network.simplification import simplify

    simpler = simplify(network)
    for name, reasons in simpler.reasons.items():
        for reason, maps in reasons.items():
            say(f"{name}: maps {', '.join(map(str, maps))} left out: {reason}")
    return simpler.network


def _show_choice(model: FixedPointModel) -> None:
    story = model.provenance["quantization"]
    rows = [
        (
            name,
            layer["chosen"]["planes"],
            _scales(model, name),
            layer["fitted_iou"],
            layer["unseen_iou"],
            layer["reason"],
        )
        for name, layer in story["layers"].items()
    ]
    code = story["input"]
    say(f"input payload: {code['bits']} bits, {code['scale']:g} a unit, up to {code['largest_value']:g}")
    say_table(f"target {model.target}", COLUMNS, rows, drop=("units per 1.0",), more="--explain")


def _scales(model: FixedPointModel, name: str) -> str:
    scale = next(x.scale for x in model.convolutions if x.name == name)
    return f"{scale.min():.6g}" if scale.min() == scale.max() else f"{scale.min():.6g} to {scale.max():.6g}"
