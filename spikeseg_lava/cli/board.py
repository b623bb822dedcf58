"""`spikeseg-lava board`: the first hour on a Loihi 2, rung by rung."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_json, say_table
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.stock.ladder import Rung

SHOWN = 3  # first spikes of a layer in a dry run


def board(
    network: Annotated[Path | None, typer.Argument(metavar="[NETWORK]", help="Network to write with --bundle.")] = None,
    clip: Annotated[Path | None, typer.Argument(metavar="[INPUT]", help="Clip or recording to write it for.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what every rung must fire; needs no board and no extension.")
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write NETWORK for INPUT: manifest, parts, test vectors.")
    ] = None,
    threshold: options.Threshold = None,
    fire_once: options.FireOnce = True,
    json: options.Json = False,
) -> None:
    """One LIF, one Conv, one layer, the encoder: where does a board differ first? Exit code 1 where it does."""
    if bundle is not None:
        say(f"bundle: {_write(network, clip, threshold, fire_once, bundle)}")
        return
    if network is not None:
        raise ArgumentError("`NETWORK` is written with `--bundle DIR`; the ladder has networks of its own")
    from spikeseg_lava.stock.ladder import ladder

    rungs = ladder()
    rows = [_expected(rung) for rung in rungs] if dry_run else _climb(rungs)
    if json:
        say_json(rows)
    else:
        names = ("rung", "shows", "layer", "spikes", "first spikes (t, c, y, x)" if dry_run else "first difference")
        flat = [[r["rung"], r["shows"], x["layer"], x["spikes"], x["text"]] for r in rows for x in r["layers"]]
        say_table("The first hour on a board", names, flat)
    raise typer.Exit(0 if all(row["same"] for row in rows) else 1)


def _expected(rung: Rung) -> dict[str, Any]:
    layers = [
        {"layer": name, "spikes": len(rows), "text": " ".join(str(tuple(row)) for row in rows[:SHOWN].tolist())}
        for name, rows in rung.expected.spikes.items()
    ]
    return {"rung": rung.name, "shows": rung.shows, "same": True, "layers": layers}


def _climb(rungs: list[Rung]) -> list[dict[str, Any]]:
    """Every rung on the chip, up to the first that differs."""
    from spikeseg_lava.lava import run_loihi2
    from spikeseg_lava.spikes.comparison import compare

    rows = []
    for rung in rungs:
        found = compare(rung.expected, run_loihi2(rung.network, rung.frames))
        layers = [
            {
                "layer": x.name,
                "spikes": x.reference_spikes,
                "text": "none" if x.first_difference is None else str(x.first_difference),
            }
            for x in found.layers
        ]
        rows.append({"rung": rung.name, "shows": rung.shows, "same": found.identical, "layers": layers})
        if not found.identical:
            break
    return rows


def _write(network: Path | None, clip: Path | None, threshold: float | None, fire_once: bool, folder: Path) -> Path:
    """The bundle of a network, simplified and lowered for a clip."""
    if network is None or clip is None:
        raise ArgumentError("`--bundle` writes a network for a clip: name both before it")
    from spikeseg_lava.cli.inputs import Binning, Quantization, integers_of, read_frames
    from spikeseg_lava.cli.networks import read_network, smaller
    from spikeseg_lava.network.floats import SpikingNetwork
    from spikeseg_lava.stock.ladder import write_bundle
    from spikeseg_lava.stock.lower import lower
    from spikeseg_lava.stock.on_chip import report_network

    loaded = smaller(read_network(network, options.reading(threshold, options.Thresholds.BUFFERS, None, None)))
    frames = read_frames(clip, loaded, Binning())
    model = integers_of(loaded, frames, Quantization("loihi2")) if isinstance(loaded, SpikingNetwork) else loaded
    stock = lower(model, "stock", frames, fire_once=fire_once)
    return write_bundle(stock, frames, report_network(model, stock, frames), folder)
