"""From the file a user names to a network: a checkpoint, a fixed-point model or a NIR graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import FixedPointModel

MODEL_SUFFIXES = (".slm", ".safetensors")


@dataclass(frozen=True)
class Reading:
    """How a checkpoint is read; the defaults: as it was trained."""

    threshold: float | None = None
    thresholds: str = "buffers"
    pools: tuple[tuple[int, int], ...] | None = None


AS_TRAINED = Reading()


def read_network(path: Path, reading: Reading = AS_TRAINED) -> SpikingNetwork | FixedPointModel:
    """A network or a model; ArgumentError when a model's integers would have to be changed."""
    if path.suffix.lower() not in MODEL_SUFFIXES:
        return _read_graph(path, reading) if path.suffix.lower() == ".nir" else _read_checkpoint(path, reading)
    from spikeseg_lava.network.model_file import load_model

    if reading != AS_TRAINED:
        raise ArgumentError(
            f"`{path}` is a model with fixed integers: --threshold, --thresholds and --pools are for checkpoints; "
            "convert the checkpoint again"
        )
    return load_model(path)


def read_checkpoint(path: Path, reading: Reading = AS_TRAINED) -> SpikingNetwork:
    """A float network; ArgumentError for a model."""
    network = read_network(path, reading)
    if not isinstance(network, SpikingNetwork):
        raise ArgumentError(f"`{path}` is a fixed-point model already; expected a checkpoint")
    return network


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
        raise ArgumentError(f"`{path}` is a NIR graph: --thresholds and --pools are for checkpoints")
    network = from_nir(path)
    return network if reading.threshold is None else network.with_threshold(reading.threshold)
