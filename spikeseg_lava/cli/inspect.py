"""`spikeseg-lava inspect`: what a checkpoint or model consists of."""

from __future__ import annotations

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_json, say_table
from spikeseg_lava.cli.networks import read_network
from spikeseg_lava.network.description import describe
from spikeseg_lava.network.model import FixedPointModel

DROPPED = ("stride", "planes << bits", "kind", "leak")  # where the terminal is narrow


def inspect(
    network: options.NetworkFile,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    reset_interval: options.ResetInterval = None,
    size: options.Size = None,
    json: options.Json = False,
) -> None:
    """Show the layers of a checkpoint or model: sizes, thresholds, leaks, neurons, synapses exact at the borders."""
    loaded = read_network(network, options.reading(threshold, thresholds, pools, dt, reset_interval))
    description = describe(loaded, options.parse_size(size))
    if json:
        say_json({**description.to_json(), "timesteps": loaded.timesteps, "provenance": dict(loaded.provenance)})
        return
    kind = f"model for {loaded.target}" if isinstance(loaded, FixedPointModel) else "network"
    steps = "" if loaded.timesteps is None else f", {loaded.timesteps} steps a sample"
    say_table(f"{network.name}: {kind}{steps}", description.columns, description.rows(), DROPPED)
    if isinstance(loaded, FixedPointModel):
        code = loaded.input
        say(
            f"input payload: {code.bits} bits, {code.scale:g} a unit; thresholds, leaks and biases in membrane integers"
        )
    say(description.title)
