"""`spikeseg-lava evaluate`: how many labelled objects are found, for the network's variants side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, progress, say, say_json, say_table
from spikeseg_lava.cli.inputs import DEFAULT_TIMESTEPS
from spikeseg_lava.cli.networks import network_and_input, read_checkpoint, shipped_network
from spikeseg_lava.cli.variants import FLOAT, variants_of
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.evaluation.results import Settings


def evaluate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CHECKPOINT] [DATASET]", help="Folder with `Labelled Data/*.mat`, before it the network."
        ),
    ] = None,
    synthetic: Annotated[
        int, typer.Option(min=0, help="Evaluate on this many synthetic recordings with ground truth instead.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the first synthetic recording.")] = 0,
    stock: Annotated[
        bool, typer.Option("--stock/--no-stock", help="Also the variant of stock Loihi parts (slow).")
    ] = False,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    fire_once: options.FireOnce = True,
    window: options.Window = 1.0,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    binary: options.Binary = False,
    sensor_size: options.SensorSize = None,
    radius: Annotated[float, typer.Option(help="How far a detection may be from a labelled path, pixels.")] = 6.0,
    min_spikes: Annotated[int, typer.Option(min=1, help="Leave out objects of fewer classification spikes.")] = 1,
    results: Annotated[
        Path | None, typer.Option(help="Keep results in this file (.json); an interrupted evaluation goes on from it.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the table (.csv).")] = None,
    json: options.Json = False,
) -> None:
    """Sensitivity, specificity and informedness on labelled recordings: what quantisation costs in detections."""
    from spikeseg_lava import evaluation

    options.check_outputs(results, output)
    network_file, dataset = _network_and_dataset(files or [], synthetic)
    network = read_checkpoint(network_file, options.reading(threshold, thresholds, pools))
    settings = evaluation.Settings(
        options.microseconds(window),
        timesteps or network.timesteps or DEFAULT_TIMESTEPS,
        options.parse_size(size) or network.input_size,
        binary,
        radius,
        min_spikes=min_spikes,
    )
    if dataset is None:
        sources = evaluation.synthetic_sources(synthetic, seed)
    else:
        sources = evaluation.find_sources(dataset, options.parse_size(sensor_size))
    variants = variants_of(network, fire_once, stock=_frames_of(settings) if stock else None)
    with progress() as bar:
        found = evaluation.evaluate(sources, variants, network, settings, results, facts={"fire_once": fire_once})
        judged = list(bar.track(found, total=len(sources) * len(variants), description="recordings"))
    if output is not None:
        _write(output, evaluation.csv_text(judged))
    table = evaluation.rows(judged)
    costs = evaluation.costs(judged, FLOAT) if table else []
    skipped = [result for result in judged if isinstance(result, evaluation.Skipped)]
    if json:
        say_json({"definition": evaluation.DEFINITION, "rows": table, "costs": costs, "skipped": len(skipped)})
    else:
        say(evaluation.DEFINITION)
        say_table("volumes, per recording and overall", evaluation.COLUMNS, (list(row.values()) for row in table))
        if costs:
            say_table("what the other variants cost", tuple(costs[0]), (list(row.values()) for row in costs))
    for result in skipped:
        note(f"skipped: {result.recording}: {result.reason}")
    if skipped and not table:
        raise typer.Exit(1)


def _write(path: Path, table: str) -> None:
    from spikeseg_lava.files import writing

    options.by_suffix(path, {".csv": None})
    with writing(path) as file:
        file.write(table.encode())


def _frames_of(settings: Settings) -> tuple[tuple[int, int], int]:
    """Size and steps of the samples, which a network of stock parts is built for."""
    if settings.size is None:
        raise ArgumentError("`--stock` builds neurons for frames of one size: give --size HxW")
    return settings.size, settings.timesteps


def _network_and_dataset(files: list[Path], synthetic: int) -> tuple[Path, Path | None]:
    if not synthetic:
        if not files:
            raise ArgumentError("name a data set folder, or ask for --synthetic N recordings")
        return network_and_input(files)
    if len(files) > 1:
        raise ArgumentError("with --synthetic there is no data set folder: name the checkpoint only")
    return (files[0] if files else shipped_network()), None
