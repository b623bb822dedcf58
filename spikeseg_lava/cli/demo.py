"""`spikeseg-lava demo`: everything once, without a file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, say, working
from spikeseg_lava.cli.verify import EXIT_CODES, show_verification


def demo(
    output: Annotated[Path, typer.Option(metavar="FILE", help="Picture to write (.png, .pdf or .svg).")] = Path(
        "spikeseg-lava-demo.png"
    ),
    backend: Annotated[
        options.Simulator | None,
        typer.Option(
            metavar="NAME", help="What runs: lava, lava-fused, event or loihi2.  [default: lava; without Lava: event]"
        ),
    ] = None,
) -> None:
    """Convert a small shipped network, run it on Lava, prove it, and draw what it found in a synthetic recording."""
    from spikeseg_lava import demo as shipped
    from spikeseg_lava.events.clip import load_clip
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
    from spikeseg_lava.execution.verification import verify
    from spikeseg_lava.quantization.quantize import quantize

    options.check_output("--output", output, *options.PICTURES)
    simulator = backend or _simulator()
    network, frames = load_checkpoint(shipped.checkpoint_path()), load_clip(shipped.clip_path())
    steps, _, height, width = frames.shape
    note(f"network: {shipped.checkpoint_path().name}; clip: {steps} frames of {width}x{height} pixels")
    with working("quantizing, calibrated on the clip ..."):
        model = quantize(network, calibration=frames)
    with working(f"running on {simulator.value} and comparing ..."):
        result = verify(model, frames, network, backend=simulator.value)
    show_verification(result)
    shipped.draw(frames, result.record, output, shipped.truth_mask())
    say(f"picture: {output}")
    raise typer.Exit(EXIT_CODES[result.verdict])


def _simulator() -> options.Simulator:
    """Lava where it is installed, else the event engine, with a notice how to install it."""
    from spikeseg_lava.lava.python_support import MISSING, is_installed

    if not is_installed():
        note(f"{MISSING}; the event engine runs the demo instead")
        return options.Simulator.EVENT
    return options.Simulator.LAVA
