"""`spikeseg-lava verify`: proof that simulator, integers and trained network agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_json, say_table, working
from spikeseg_lava.cli.inputs import Binning, Quantization, integers_of, read_frames
from spikeseg_lava.cli.networks import fires_once, for_backend, read_network
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.spikes.comparison import LEAST_IOU, Comparison

if TYPE_CHECKING:
    from spikeseg_lava.execution.unseen import UnseenMatrix
    from spikeseg_lava.execution.verification import Verification

EXIT_CODES = {"pass": 0, "fail": 1, "no_spikes": 3}


def verify(
    network: options.NetworkFile,
    input: options.InputFile,
    backend: options.SimulatorName = options.Simulator.EVENT,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    reset_interval: options.ResetInterval = None,
    fire_once: options.Firing = None,
    simplify: options.Simplify = None,
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
    least_iou: Annotated[
        float,
        typer.Option(
            "--min-iou",
            metavar="IOU",
            min=0,
            max=1,
            help="Every layer's spike IoU with the float network must reach it.",
        ),
    ] = LEAST_IOU,
    calibration: options.Calibration = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(
            "--on",
            metavar="FILE",
            help="Another clip or recording that takes no part in choosing; may be given several times.",
            rich_help_panel=options.INTEGERS,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="With --calibration: draw the table of clips not seen (.png, .pdf, .svg).",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Prove a network on a clip: simulator = integer oracle bit for bit, and integers = trained floats spike by spike.

    Exit code 0 pass, 1 fail, 3 no verdict because a layer never spiked. A checkpoint is quantized first, calibrated on
    the input.

    With --calibration A, the integers are chosen on A alone (for each A, and once without a clip), and compared with
    the trained floats on the input and all --on files, which took no part in choosing.
    """
    from spikeseg_lava.execution.verification import verify as prove

    loaded = read_network(network, options.reading(threshold, thresholds, pools, dt, reset_interval))
    once = fires_once(loaded, fire_once)
    loaded = for_backend(loaded, backend.value, simplify)
    binning = options.binning(
        timesteps, size, binary, sensor_size, window, options.part(time_unit, start, duration, group, denoise)
    )
    if calibration or on or plot:
        wish = Quantization(target, planes, input_bits, per_channel)
        options.check_output("--plot", plot, ".png", ".pdf", ".svg")
        matrix = _unseen(loaded, calibration or [], [input, *(on or [])], binning, wish, backend.value)
        _show_unseen(matrix, plot, json)
        worst = matrix.worst
        raise typer.Exit(EXIT_CODES["no_spikes" if worst is None else "pass" if worst >= least_iou else "fail"])
    frames = read_frames(input, loaded, binning)
    with working("quantizing ..."):
        model = integers_of(loaded, frames, Quantization(target, planes, input_bits, per_channel, once))
    floats = loaded if isinstance(loaded, SpikingNetwork) else None
    with working("verifying ..."):
        result = prove(model, frames, floats, backend=backend.value, fire_once=once, least_iou=least_iou)
    if json:
        say_json(result.to_json())
    else:
        show_verification(result)
    raise typer.Exit(EXIT_CODES[result.verdict])


def _unseen(
    network: object, calibration: list[Path], files: list[Path], binning: Binning, wish: Quantization, backend: str
) -> UnseenMatrix:
    """The matrix of clips not seen; a file that is calibrated on and run on is the clip seen."""
    from spikeseg_lava.execution.unseen import NO_CLIP, unseen_matrix

    if not isinstance(network, SpikingNetwork):
        raise ArgumentError("`--calibration` and `--on` choose integers: give a checkpoint, not a model")
    paths = dict.fromkeys([*files, *calibration])
    short = len({path.name for path in paths}) == len(paths)
    named = {path: path.name if short else str(path) for path in paths}
    frames = {path: read_frames(path, network, binning) for path in paths}
    clips = {named[path]: frames[path] for path in files}
    calibrations = {named[path]: frames[path] for path in calibration}
    fixed = {"planes": wish.planes, "input_bits": wish.input_bits, "per_channel": wish.per_channel}
    with working("quantizing ..."):
        return unseen_matrix(network, {NO_CLIP: None, **calibrations}, clips, backend, target=wish.target, **fixed)


def _show_unseen(matrix: UnseenMatrix, plot: Path | None, json: bool) -> None:
    if plot is not None:
        from spikeseg_lava.pictures.sample import save_unseen_matrix

        save_unseen_matrix(matrix, plot)
    if json:
        say_json(matrix.to_json())
        return
    rows = [
        (chosen, layer, _ratio(worst), _ratio(mean), cells) for chosen, layer, worst, mean, cells in matrix.summary()
    ]
    title = "trained floats against their integers on clips that took no part in choosing them: spike IoU"
    say_table(title, ("quantized on", "layer", "worst", "mean", "comparisons"), rows)
    pairs = matrix.worst_by_clip()
    names = list(dict.fromkeys(clip for _, clip in pairs))
    table = [
        (chosen, *(_ratio(pairs[chosen, name]) for name in names)) for chosen in dict.fromkeys(c for c, _ in pairs)
    ]
    say_table("worst layer of each (- the clip seen, or no spike)", ("quantized on", *names), table)
    say(f"all clips not seen: worst {_ratio(matrix.worst) or '-'}, mean {_ratio(matrix.mean) or '-'}")


def show_verification(result: Verification) -> None:
    """Both comparisons as tables, then the verdict."""
    _show_exactness(
        f"(a) integer oracle against backend {result.backend}: spikes and final membranes", result.exactness
    )
    _show_fidelity("(b) trained float network against its integers: spikes", result.fidelity)
    say(f"verdict: {result.verdict} - {result.reason}")


def _show_exactness(title: str, comparison: Comparison) -> None:
    rows = [
        (
            x.name,
            x.reference_spikes,
            x.other_spikes,
            x.first_difference or "none",
            x.membrane_difference or "none",
        )
        for x in comparison.layers
    ]
    say_table(title, ("layer", "oracle", "simulator", "first differing spike", "first differing membrane"), rows)


def _show_fidelity(title: str, comparison: Comparison) -> None:
    rows = [
        (
            x.name,
            x.reference_spikes,
            x.other_spikes,
            _ratio(x.iou),
            _ratio(x.precision),
            _ratio(x.recall),
            x.first_difference or "none",
        )
        for x in comparison.layers
    ]
    say_table(
        title,
        ("layer", "float", "integer", "IoU", "precision", "recall", "first differing spike"),
        rows,
        ("recall", "precision"),
    )


def _ratio(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
