"""`spikeseg-lava run`: spikes of a network on a clip or recording, or on many of them sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, progress, say, say_json, say_table, working
from spikeseg_lava.cli.inputs import (
    DEFAULT_TIMESTEPS,
    Binning,
    Quantization,
    check_sensor_size,
    integers_of,
    read_clips,
    read_frames,
)
from spikeseg_lava.cli.networks import fires_once, for_backend, read_network
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

if TYPE_CHECKING:
    from spikeseg_lava.execution.many import FileResult, ManyResult

Network = SpikingNetwork | FixedPointModel


def run(
    network: options.NetworkFile,
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help=f"Clip (.npz with `frames`) or recording ({options.RECORDINGS})."),
    ],
    backend: options.BackendName = options.Backend.EVENT,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    reset_interval: options.ResetInterval = None,
    fire_once: options.Firing = None,
    simplify: options.Simplify = None,
    window: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Cut recordings into samples of this length, in bounded memory.  [default: the whole recording; "
            "of many: 1]",
            rich_help_panel=options.RECORDING,
        ),
    ] = None,
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
    carry_state: Annotated[
        bool,
        typer.Option(
            "--carry-state", help="Do not clear the state between samples.", rich_help_panel=options.RECORDING
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Files at a time; -1: one a core.")] = 1,
    calibration: options.Calibration = None,
    target: options.Target = "loihi2",
    planes: options.Planes = None,
    input_bits: options.InputBits = None,
    per_channel: options.PerChannel = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Spike record (.npz) to write; of many inputs, or with --window, the folder for a spike file (.h5) "
            "of each.  [default: none; of many: spikes]",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Run a network and write its spikes.

    One input is one sample. Many inputs, or --window, are run sample by sample on the event engine; what is done
    already is not done again. A checkpoint runs in floats with --backend torch; every other backend quantizes it first,
    calibrated on the input, or on --calibration, or with many inputs in the finest integers.
    """
    from spikeseg_lava.execution.samples import LEAST_FILL

    single = len(inputs) == 1 and window is None
    if single:
        options.check_output("--output", output, ".npz")
    loaded = read_network(network, options.reading(threshold, thresholds, pools, dt, reset_interval))
    once = fires_once(loaded, fire_once)
    loaded = for_backend(loaded, backend.value, simplify)
    wish = Quantization(target, planes, input_bits, per_channel, once)
    binning = options.binning(
        timesteps, size, binary, sensor_size, part=options.part(time_unit, start, duration, group, denoise)
    )
    clips = read_clips(calibration, loaded, binning)
    if single:
        _run_one(loaded, inputs[0], binning, clips, wish, backend.value, once, output, json)
        return
    if backend != options.Backend.EVENT:
        raise ArgumentError(
            f"`--backend` {backend.value} runs one input as one sample; many, or `--window`, need event"
        )
    settings = {
        "duration_us": options.microseconds(1.0 if window is None else window),
        "timesteps": timesteps or loaded.timesteps or DEFAULT_TIMESTEPS,
        "size": binning.size,
        "sensor_size": binning.sensor_size,
        "reading": dict(binning.part),
        "binary": binary,
        "fire_once": once,
        "carry_state": carry_state,
        "least_fill": 0.0 if keep_partial else LEAST_FILL,
    }
    _run_many(integers_of(loaded, clips, wish), inputs, output or Path("spikes"), jobs, settings, json)


def _run_one(
    network: Network,
    path: Path,
    binning: Binning,
    clips: Any,
    wish: Quantization,
    backend: str,
    fire_once: bool,
    output: Path | None,
    json: bool,
) -> None:
    from spikeseg_lava.execution.backends import run as execute

    frames = read_frames(path, network, binning)
    with working("quantizing ..."):
        model = network if backend == "torch" else integers_of(network, clips or frames, wish)
    with working(f"running on {backend} ..."):
        record = execute(model, frames, backend, fire_once)
    if output is not None:
        record.save(output)
    if json:
        written = None if output is None else str(output)
        say_json({"spikes": record.counts, "output": written, "meta": dict(record.meta)})
    else:
        _show(record, output)


def _show(record: SpikeRecord, output: Path | None) -> None:
    rows = [(name, "x".join(map(str, shape)), record.counts[name]) for name, shape in record.meta["shapes"].items()]
    title = f"{record.meta['steps']} steps, backend {record.meta['backend']}"
    say_table(title, ("layer", "neurons (C x H x W)", "spikes"), rows)
    if output is not None:
        say(f"spike record: {output}")


def _run_many(
    model: FixedPointModel, inputs: list[Path], folder: Path, jobs: int, settings: dict[str, Any], json: bool
) -> None:
    from spikeseg_lava.execution.many import run_many

    with progress() as bar:
        task = bar.add_task("files", total=len(inputs))
        result = run_many(
            inputs, model, folder, jobs=jobs, progress=lambda done, _: _tell(bar, task, done), check=check_sensor_size,
            **settings,
        )  # fmt: skip
    if json:
        say_json({"files": [_plain(x) for x in result.files]})
    else:
        _show_many(result, folder)
    raise typer.Exit(1 if result.failed else 0)


def _tell(bar: Any, task: Any, done: FileResult) -> None:
    bar.advance(task)
    if done.state == "failed":
        note(f"failed: {done.source}")


def _plain(result: FileResult) -> dict[str, Any]:
    facts = {"source": str(result.source), "state": result.state, "samples": result.samples, "error": result.error}
    return {**facts, "output": str(result.output), "spikes": result.counts}


def _show_many(result: ManyResult, folder: Path) -> None:
    last = [list((x.counts or {}).values())[-1:] for x in result.files]
    rows = [
        (x.source.name, x.state, x.samples, *(found or [None])) for x, found in zip(result.files, last, strict=True)
    ]
    say_table("spikes, sample by sample", ("file", "state", "samples", "classification spikes"), rows)
    say(f"{result.summary()}; spike files: {folder}")
