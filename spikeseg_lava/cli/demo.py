"""`spikeseg-lava demo`: everything once, without a file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note, say
from spikeseg_lava.cli.verify import EXIT_CODES, show_verification


def demo(
    output: Annotated[Path, typer.Option(help="Picture to write (.png, .pdf or .svg).")] = Path(
        "spikeseg-lava-demo.png"
    ),
    backend: Annotated[options.Backend, typer.Option(help="Simulator to run.")] = options.Backend.LAVA,
) -> None:
    """Convert a small shipped network, run it on Lava, prove it, and draw what it found in a synthetic recording."""
    from spikeseg_lava import demo as shipped
    from spikeseg_lava.events.clip import load_clip
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
    from spikeseg_lava.execution.verification import verify
    from spikeseg_lava.quantization.quantize import quantize

    network, frames = load_checkpoint(shipped.checkpoint_path()), load_clip(shipped.clip_path())
    note(
        f"network: {shipped.checkpoint_path().name}; "
        f"clip: {len(frames)} frames of {frames.shape[2]}x{frames.shape[3]} pixels"
    )
    note("quantising, calibrated on the clip ...")
    model = quantize(network, calibration=frames)
    note(f"running on {backend.value} and comparing ...")
    result = verify(model, frames, network, backend=backend.value)
    show_verification(result)
    shipped.draw(frames, result.record, output, shipped.truth_mask())
    say(f"picture: {output}")
    raise typer.Exit(EXIT_CODES[result.verdict])
