"""`spikeseg-lava run`: spikes of a network on a clip or recording, with any backend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_json, say_table
from spikeseg_lava.cli.inputs import Binning, Quantisation, integers_of, read_frames
from spikeseg_lava.cli.networks import read_network
from spikeseg_lava.record import SpikeRecord


def run(
    network: options.NetworkFile,
    input: options.InputFile,
    backend: Annotated[options.Backend, typer.Option(help="What executes the network.")] = options.Backend.TORCH,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    fire_once: options.FireOnce = True,
    output: Annotated[Path | None, typer.Option(help="Write the spike record here (.npz).")] = None,
    timesteps: options.Timesteps = None,
    size: options.Size = None,
    binary: options.Binary = False,
    target: options.Target = "loihi2",
    planes: options.Planes = None,
    input_bits: options.InputBits = None,
    per_channel: options.PerChannel = None,
    json: options.Json = False,
) -> None:
    """Run a network on a clip and write its spikes.

    A checkpoint runs in floats with backend torch; every other backend quantises it first, calibrated on the input.
    """
    from spikeseg_lava.execution import run as execute

    loaded = read_network(network, options.reading(threshold, thresholds, pools))
    frames = read_frames(input, loaded, Binning(timesteps, options.parse_size(size), binary))
    if backend != options.Backend.TORCH:
        loaded = integers_of(loaded, frames, Quantisation(target, planes, input_bits, per_channel))
    record = execute(loaded, frames, backend.value, fire_once)
    if output is not None:
        record.save(output)
    if json:
        say_json(
            {"spikes": record.counts, "output": None if output is None else str(output), "meta": dict(record.meta)}
        )
    else:
        _show(record, output)


def _show(record: SpikeRecord, output: Path | None) -> None:
    rows = [(name, "x".join(map(str, shape)), record.counts[name]) for name, shape in record.meta["shapes"].items()]
    title = f"{record.meta['steps']} steps, backend {record.meta['backend']}"
    say_table(title, ("layer", "neurons (C x H x W)", "spikes"), rows)
    if output is not None:
        say(f"spike record: {output}")
