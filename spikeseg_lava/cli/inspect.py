"""`spikeseg-lava inspect`: what a checkpoint or model consists of."""

from __future__ import annotations

from typing import Any

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import say, say_json, say_table
from spikeseg_lava.cli.networks import read_network
from spikeseg_lava.network.description import Description, LayerDescription, describe
from spikeseg_lava.network.integers import FixedPointModel

COLUMNS = (
    "layer",
    "kind",
    "kernel",
    "stride",
    "maps in > out",
    "threshold",
    "leak",
    "planes << bits",
    "neurons",
    "synapses",
)


def inspect(
    network: options.NetworkFile,
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    size: options.Size = None,
    json: options.Json = False,
) -> None:
    """Show the layers of a checkpoint or model: sizes, thresholds, leaks, neurons, synapses exact at the borders."""
    loaded = read_network(network, options.reading(threshold, thresholds, pools, dt))
    description = describe(loaded, options.parse_size(size))
    if json:
        say_json({**description.to_json(), "timesteps": loaded.timesteps, "provenance": dict(loaded.provenance)})
        return
    kind = f"model for {loaded.target}" if isinstance(loaded, FixedPointModel) else "checkpoint"
    title = f"{network.name}: {kind}, {_frames(description, loaded.timesteps)}"
    say_table(title, COLUMNS, map(_row, description.layers), ("stride", "planes << bits", "leak", "kind"))
    if isinstance(loaded, FixedPointModel):
        code = loaded.input
        say(f"input payload: {code.bits} bits, {code.scale:g} a unit; thresholds and leaks in membrane integers")
    if description.input:
        say(f"{description.neurons:,} neurons and {description.synapses:,} synapses, pools and padding not counted")


def _frames(description: Description, timesteps: int | None) -> str:
    shape = (
        "frames of any size" if description.input is None else "frames {}x{}x{} (C x H x W)".format(*description.input)
    )
    return shape if timesteps is None else f"{shape}, {timesteps} steps a sample"


def _row(layer: LayerDescription) -> tuple[Any, ...]:
    maps = None if layer.weight is None else f"{layer.weight[1]} > {layer.weight[0]}"
    planes = None if layer.exponents is None else ", ".join(f"8 << {exponent}" for exponent in layer.exponents)
    return (
        layer.name,
        layer.kind,
        "{}x{}".format(*layer.kernel),
        "{}x{}".format(*layer.stride),
        maps,
        _span(layer.threshold),
        _leak(layer),
        planes,
        layer.neurons,
        layer.synapses,
    )


def _leak(layer: LayerDescription) -> str | None:
    if layer.leak_mode == "multiplicative":
        kept, lost = _span(layer.beta), _span(layer.decay)
        return f"x {kept}" if kept is not None else f"- {lost} / 4096"
    return _span(layer.leak)


def _span(values: tuple[float, float] | None) -> str | None:
    if values is None:
        return None
    low, high = (f"{value:.6g}" if isinstance(value, float) else f"{value:,}" for value in values)
    return low if low == high else f"{low} to {high}"
