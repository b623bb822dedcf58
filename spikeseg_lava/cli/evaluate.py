"""`spikeseg-lava evaluate`: how many labelled objects are found, for the network's variants side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, progress, say, say_json, say_table
from spikeseg_lava.cli.inputs import DEFAULT_TIMESTEPS, FLOAT, variants_of
from spikeseg_lava.cli.networks import network_and_input, read_checkpoint, shipped_network
from spikeseg_lava.cli.sky import SKY, Skies, evaluate_skies
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.evaluation.results import Settings


def evaluate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[NETWORK] [DATASET]", help="Folder with `Labelled Data/*.mat`, before it the network."),
    ] = None,
    synthetic: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Evaluate on this many synthetic recordings with ground truth instead."),
    ] = 0,
    sky: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Score objects on this many made-up skies with satellites instead: half of them choose the threshold, "
            "the other half scores it.",
            rich_help_panel=SKY,
        ),
    ] = 0,
    empty: Annotated[
        int, typer.Option(metavar="N", min=0, help="And on this many without, for false alarms.", rich_help_panel=SKY)
    ] = 4,
    tles: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Two-line elements of the satellites; default: made up.", rich_help_panel=SKY
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with curves of the skies (.html).", rich_help_panel=SKY),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first synthetic recording or sky.")] = 0,
    backend: options.BackendName = options.Backend.EVENT,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    fire_once: options.FireOnce = True,
    stock: Annotated[
        bool,
        typer.Option(
            "--stock/--no-stock", help="Also the variant of stock Loihi parts (slow).", rich_help_panel=options.NETWORK
        ),
    ] = False,
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
    radius: Annotated[
        float, typer.Option(metavar="PIXELS", help="How far a detection may be from a labelled path.")
    ] = 6.0,
    min_spikes: options.MinSpikes = 1,
    keep_partial: options.KeepPartial = False,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep results here (.json); an interrupted evaluation goes on from it.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table (.csv).", rich_help_panel=options.OUTPUT)
    ] = None,
    explain: options.Explain = False,
    json: options.Json = False,
) -> None:
    """Sensitivity, specificity and informedness on labelled recordings: what quantizing costs in detections."""
    from spikeseg_lava import evaluation
    from spikeseg_lava.execution.samples import LEAST_FILL

    options.check_output("--results", results, ".json")
    options.check_output("--output", output, ".csv")
    options.check_output("--page", page, ".html")
    network_file, dataset = _network_and_dataset(files or [], synthetic or sky)
    network = read_checkpoint(network_file, options.reading(threshold, thresholds, pools, dt))
    binning = options.binning(
        timesteps, size, binary, sensor_size, window, options.part(time_unit, start, duration, group, denoise)
    )
    settings = evaluation.Settings(
        options.microseconds(window),
        timesteps or network.timesteps or DEFAULT_TIMESTEPS,
        binning.size or network.input_size,
        binary,
        radius,
        min_spikes=min_spikes,
        fire_once=fire_once,
        least_fill=0.0 if keep_partial else LEAST_FILL,
    )
    if sky:
        wanted = Skies(sky, empty, seed, tles, page, network_file.name)
        evaluate_skies(network, wanted, settings, backend.value, stock, json, explain)
        return
    if dataset is None:
        sources = evaluation.synthetic_sources(synthetic, seed)
    else:
        sources = evaluation.find_sources(dataset, **binning.reading)
    variants = variants_of(network, fire_once, backend.value, stock=_frames_of(settings) if stock else None)
    with progress() as bar:
        found = evaluation.evaluate(sources, variants, network, settings, results, facts={"fire_once": fire_once})
        judged = list(bar.track(found, total=len(sources) * len(variants), description="recordings"))
    if output is not None:
        _write(output, evaluation.csv_text(judged))
    table = evaluation.rows(judged)
    costs = evaluation.costs(judged, FLOAT) if table else []
    skipped = [result for result in judged if isinstance(result, evaluation.Skipped)]
    if json:
        definitions = {"definition": evaluation.DEFINITION, "object_definition": evaluation.OBJECT_DEFINITION}
        objects = evaluation.object_score_rows(judged)
        say_json({**definitions, "rows": table, "objects": objects, "costs": costs, "skipped": len(skipped)})
    else:
        say_table("volumes, per recording and overall", evaluation.COLUMNS, (list(row.values()) for row in table))
        if costs:
            say_table("what the other variants cost", tuple(costs[0]), (list(row.values()) for row in costs))
        scored = (list(row.values()) for row in evaluation.object_score_rows(judged))
        say_table("objects, all recordings together", evaluation.OBJECT_COLUMNS, scored, ("fragments", "false"))
        if explain:
            say(f"{evaluation.DEFINITION}\n{evaluation.OBJECT_DEFINITION}")
    for result in skipped:
        note(f"skipped: {result.recording}: {result.reason}")
    if skipped and not table:
        raise typer.Exit(1)


def _write(path: Path, table: str) -> None:
    from spikeseg_lava.files import writing

    with writing(path) as file:
        file.write(table.encode())


def _frames_of(settings: Settings) -> tuple[tuple[int, int], int]:
    """Size and steps of the samples, which a network of stock parts is built for."""
    if settings.size is None:
        raise ArgumentError("`--stock` builds neurons for frames of one size: give `--size`")
    return settings.size, settings.timesteps


def _network_and_dataset(files: list[Path], synthetic: int) -> tuple[Path, Path | None]:
    if not synthetic:
        if not files:
            raise ArgumentError("name a data set folder, or ask for `--synthetic` N recordings or `--sky` N skies")
        return network_and_input(files)
    if len(files) > 1:
        raise ArgumentError("with `--synthetic` or `--sky` there is no data set folder: name the network only")
    return (files[0] if files else shipped_network()), None
