"""`spikeseg-lava report`: does the network fit the chip, and what does it take, do and cost there?"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, say, say_json, say_table
from spikeseg_lava.cli.inputs import Quantization, integers_of, read_frames
from spikeseg_lava.cli.networks import fires_once, read_network, smaller
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork

if TYPE_CHECKING:
    from spikeseg_lava.chip.report.report import Report
    from spikeseg_lava.chip.report.table import Table
    from spikeseg_lava.chip.targets import Target
    from spikeseg_lava.network.model import FixedPointModel


class NeuronKind(str, Enum):
    """Which neurons a network is placed with."""

    AUTO = "auto"
    STOCK = "stock"
    OWN = "own"


def report(
    network: options.NetworkFile,
    clip: Annotated[
        Path | None,
        typer.Argument(metavar="[INPUT]", help="Clip or recording to run, for spikes, operations and energy."),
    ] = None,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    reset_interval: options.ResetInterval = None,
    fire_once: options.Firing = None,
    target: Annotated[str | None, typer.Option(help="Chip: loihi1 or loihi2; default: the model's.")] = None,
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
    simplify: Annotated[
        bool,
        typer.Option("--simplify/--no-simplify", help="Place the network without maps that change no class spike."),
    ] = True,
    neurons: Annotated[
        NeuronKind,
        typer.Option(
            metavar="KIND", help="Neurons placed: stock (Lava's), own (microcode) or auto (stock where needed)."
        ),
    ] = NeuronKind.AUTO,
    stock: Annotated[
        bool,
        typer.Option("--stock", help="Show the form of stock Loihi parts and how far it strays (needs a clip; slow)."),
    ] = False,
    sanafe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Result of SANA-FE (JSON) on the clip, to stand beside; cores of 1024 neurons, neurons of your own.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page (.html).")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="After the tables, formula and source of every number.")
    ] = False,
    figure: Annotated[str | None, typer.Option(help="Explain one number only, such as conv2.synapses.")] = None,
    json: options.Json = False,
) -> None:
    """Design rules, resources and activity of a network on a chip. Exit code 1 if it breaks a rule."""
    from spikeseg_lava.chip.report.html import save_html
    from spikeseg_lava.execution.backends import run
    from spikeseg_lava.stock.on_chip import build_report

    options.check_outputs(html)
    loaded = read_network(network, options.reading(threshold, thresholds, pools, dt, reset_interval))
    part = options.part(time_unit, start, duration, group, denoise)
    binning = options.binning(timesteps, None if clip is None else size, binary, sensor_size, window, part)
    frames = None if clip is None else read_frames(clip, loaded, binning)
    chip = target or getattr(loaded, "target", "loihi2")
    whole = _integers(loaded, frames, chip)
    model = whole
    if simplify:  # a float network before it is quantized: equal maps are easier to merge there
        model = _integers(smaller(loaded), frames, chip)
    once = fires_once(loaded, fire_once)
    record = None if frames is None else run(model, frames, "event", once)
    frame_size = None if frames is not None else options.parse_size(size)
    kind = neurons.value if sanafe is None else "own"
    built = build_report(
        model, _cores(chip, sanafe), frame_size, frames=frames, record=record, fire_once=once, title=network.name,
        neurons=kind,
    )  # fmt: skip
    further = [
        *([] if sanafe is None else _beside(sanafe, built)),
        *(_savings(whole, model, built) if simplify else []),
        *(_stock(model, frames, once) if stock else []),
    ]
    built = replace(built, further=tuple(further))
    _show(built, figure, explain, json)
    if html is not None:
        save_html(built, html)
        (note if json else say)(f"page: {html}")
    raise typer.Exit(1 if built.count("error") else 0)


def _cores(chip: str, sanafe: Path | None) -> str | Target:
    """The chip, with cores as small as SANA-FE's where its result stands beside."""
    from spikeseg_lava.chip.sanafe import small_cores
    from spikeseg_lava.chip.targets import get_target

    return chip if sanafe is None else small_cores(get_target(chip))


def _beside(path: Path, built: Report) -> list[Table]:
    from spikeseg_lava.chip.sanafe import read_sanafe_result, sanafe_table

    if built.times is None:
        raise ArgumentError("`--sanafe` stands beside a run: name a clip after the network")
    return [sanafe_table(read_sanafe_result(path), built)]


def _show(built: Report, figure: str | None, explain: bool, json: bool) -> None:
    from spikeseg_lava.chip.report.tables import explain_figure, explanation, tables

    if figure is not None:
        say(explanation(explain_figure(built, figure)))
        return
    if json:
        say_json(built.to_json())
        return
    say(f"{built.title}: {built.verdict}")
    for table in tables(built):
        say_table(table.title, table.columns, table.rows)
        if table.note:
            say(table.note)
    if explain:
        for value in built.figures.values():
            say(explanation(value))


def _integers(network: SpikingNetwork | FixedPointModel, frames: Any, target: str) -> FixedPointModel:
    return integers_of(network, frames, Quantization(target)) if isinstance(network, SpikingNetwork) else network


def _savings(whole: FixedPointModel, simpler: FixedPointModel, built: Report) -> list[Table]:
    from spikeseg_lava.chip.report.resources import resources, savings_table

    chip, size = built.target, built.mapped.size
    return [savings_table(resources(whole, chip, size), resources(simpler, chip, size))]


def _stock(model: FixedPointModel, frames: Any, fire_once: bool) -> list[Table]:
    if frames is None:
        raise ArgumentError("`--stock` is measured on a clip: name one after the network")
    from spikeseg_lava.cli.inputs import stock_report
    from spikeseg_lava.stock.cost import stock_table

    return [stock_table(stock_report(model, frames, fire_once))]
