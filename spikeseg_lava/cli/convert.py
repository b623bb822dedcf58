"""`spikeseg-lava convert`: from a checkpoint to one file of integers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_table
from spikeseg_lava.cli.inputs import Binning, Quantisation, integers_of, read_clips
from spikeseg_lava.cli.networks import read_checkpoint
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import FixedPointModel


def convert(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Trained network (.pt, .pth).")],
    output: Annotated[Path, typer.Argument(metavar="MODEL", help="Fixed-point model to write (.slm).")],
    calibration: options.Calibration = None,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    binary: options.Binary = False,
    target: options.Target = "loihi2",
    planes: options.Planes = None,
    input_bits: options.InputBits = None,
    per_channel: options.PerChannel = None,
    simplify: Annotated[
        bool,
        typer.Option("--simplify/--no-simplify", help="First leave out equal, silent and unheard maps (lossless)."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Trace the integers to their floats, scales and errors.")
    ] = False,
    trace: Annotated[
        Path | None, typer.Option(help="Write every integer with its float, scale and error (.csv).")
    ] = None,
) -> None:
    """Write a checkpoint in the integers of a chip.

    With calibration, the cheapest setting that keeps every spike of the clips, fire-once and refire; without, the
    finest one. One clip may not speak for all: give several.
    """
    from spikeseg_lava.quantization.explain import explain as trace_back

    if trace is not None:
        options.by_suffix(trace, {".csv": None})
    options.check_outputs(output, trace)
    network = read_checkpoint(checkpoint, options.reading(threshold, thresholds, pools))
    if simplify:
        network = _simplified(network)
    binning = Binning(timesteps, options.parse_size(size), binary)
    clips = read_clips(calibration, network, binning)
    model = integers_of(network, clips, Quantisation(target, planes, input_bits, per_channel))
    model.save(output)
    _show_choice(model)
    if explain:
        say(str(trace_back(model)))
    if trace is not None:
        trace_back(model).save_csv(trace)
        say(f"trace: {trace}")
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
    story = model.provenance["quantisation"]
    rows = [
        (name, layer["chosen"]["planes"], _scales(model, name), layer["chosen"].get("iou"), layer["reason"])
        for name, layer in story["layers"].items()
    ]
    code = story["input"]
    say(f"input payload: {code['bits']} bits, {code['scale']:g} a unit, up to {code['largest_value']:g}")
    say_table(f"target {model.target}", ("layer", "8-bit planes", "integer units per 1.0", "IoU", "why"), rows)


def _scales(model: FixedPointModel, name: str) -> str:
    scale = next(x.scale for x in model.convolutions if x.name == name)
    return f"{scale.min():.6g}" if scale.min() == scale.max() else f"{scale.min():.6g} to {scale.max():.6g}"
