"""From the file a user names to a network: a checkpoint, a fixed-point model, a NIR graph or a lava-dl network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel

ENDINGS = {
    "model": (".slm", ".safetensors"),
    "graph": (".nir",),
    "lava-dl network": (".net",),
    "checkpoint": (".pt", ".pth"),
}
SIGNS = {  # (place, bytes) with which files of a kind begin
    "graph": [(0, b"\x89HDF\r\n\x1a\n")],
    "model": [(6, b"\0\0{")],  # safetensors: the length of the header in eight bytes, then JSON
    "checkpoint": [(0, b"PK\3\4")],
}


@dataclass(frozen=True)
class Reading:
    """How a checkpoint is read; the defaults: as it was trained."""

    threshold: float | None = None
    thresholds: str = "buffers"
    pools: tuple[tuple[int, int], ...] | None = None
    dt: float | None = None  # of a NIR graph
    reset_interval: int | None = None  # of a lava-dl network


AS_TRAINED = Reading()
HARDWARE = ("stock", "loihi2")  # backends that lower a network to stock parts, each map of which takes cores


def read_network(path: Path, reading: Reading = AS_TRAINED) -> SpikingNetwork | FixedPointModel:
    """A network or a model; ArgumentError for options that a file of its kind does not know."""
    kind = kind_of(path)
    if path.suffix.lower() == ".npz":
        raise ArgumentError(f"`{path}` is a clip of frames or columns of events, expected a network")
    if kind != "graph" and reading.dt is not None:
        raise ArgumentError(f"`{path}` is a {kind}: `--dt` is for NIR graphs")
    if kind != "lava-dl network" and reading.reset_interval is not None:
        raise ArgumentError(f"`{path}` is a {kind}: `--reset-interval` is for lava-dl networks")
    if kind == "model":
        return _read_model(path, reading)
    if kind == "lava-dl network":
        return _read_netx(path, reading)
    return _read_graph(path, reading) if kind == "graph" else _read_checkpoint(path, reading)


def kind_of(path: Path) -> str:
    """One of "model", "graph", "lava-dl network" and "checkpoint": by the content, else by the ending."""
    by_ending = next((kind for kind, endings in ENDINGS.items() if path.suffix.lower() in endings), "checkpoint")
    if not path.is_file():
        return by_ending
    with path.open("rb") as file:
        head = file.read(9)
    kind = next((kind for kind, signs in SIGNS.items() if any(head[at:].startswith(s) for at, s in signs)), by_ending)
    return "lava-dl network" if kind == "graph" and _is_netx(path) else kind


def _is_netx(path: Path) -> bool:
    from spikeseg_lava.exchange.netx.entries import is_netx

    return is_netx(path)


def _read_netx(path: Path, reading: Reading) -> FixedPointModel:
    from spikeseg_lava.exchange.netx.read import from_netx

    if reading != Reading(reset_interval=reading.reset_interval):
        raise ArgumentError(
            f"`{path}` is a lava-dl network in integers: `--threshold`, `--thresholds` and `--pools` are for "
            "checkpoints"
        )
    return from_netx(path, reset_interval=reading.reset_interval)


def _read_model(path: Path, reading: Reading) -> FixedPointModel:
    from spikeseg_lava.network.model import load_model

    if reading != AS_TRAINED:
        raise ArgumentError(
            f"`{path}` is a model with fixed integers: `--threshold`, `--thresholds` and `--pools` are for "
            "checkpoints; convert the checkpoint again"
        )
    return load_model(path)


def read_checkpoint(path: Path, reading: Reading = AS_TRAINED) -> SpikingNetwork:
    """A float network; ArgumentError for a model."""
    network = read_network(path, reading)
    if not isinstance(network, SpikingNetwork):
        raise ArgumentError(f"`{path}` is a fixed-point model already; expected a checkpoint")
    return network


def fires_once(network: SpikingNetwork | FixedPointModel, wish: bool | None = None) -> bool:
    """Whether a network's neurons fire once: as the user says, else lava-dl's fire again and all others once."""
    source = network.provenance.get("network")
    again = isinstance(source, dict) and source.get("format") == "netx"
    return not again if wish is None else wish


def for_backend(
    network: SpikingNetwork | FixedPointModel, backend: str, wish: bool | None
) -> SpikingNetwork | FixedPointModel:
    """The network, without the maps that change no class spike where it goes to hardware or the user says so."""
    return smaller(network) if wish or (wish is None and backend in HARDWARE) else network


def smaller(network: Any) -> Any:
    """The network or model, as the same, without the maps that change no class spike."""
    from spikeseg_lava.network.simplification import simplify

    return simplify(network).network


def shipped_network() -> Path:
    """The checkpoint of the demo."""
    from spikeseg_lava.demo import checkpoint_path

    return checkpoint_path()


def network_and_input(files: Sequence[Path]) -> tuple[Path, Path]:
    """Two files as they are; one is the input, for the shipped network."""
    if len(files) > 2:
        raise ArgumentError(f"expected a network and one input, got {len(files)} files")
    return (files[0], files[1]) if len(files) == 2 else (shipped_network(), files[0])


def _read_checkpoint(path: Path, reading: Reading) -> SpikingNetwork:
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint

    return load_checkpoint(path, threshold=reading.threshold, thresholds=reading.thresholds, pools=reading.pools)


def _read_graph(path: Path, reading: Reading) -> SpikingNetwork:
    from spikeseg_lava.exchange.nir.read import from_nir

    if reading.thresholds != "buffers" or reading.pools is not None:
        raise ArgumentError(f"`{path}` is a NIR graph: `--thresholds` and `--pools` are for checkpoints")
    network = from_nir(path, dt=reading.dt)
    return network if reading.threshold is None else network.with_threshold(reading.threshold)
