"""From the files a user names to networks, frames and integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.network import Pair, SpikingNetwork
from spikeseg_lava.record import SpikeRecord

Runner = Callable[[NDArray[np.float32]], SpikeRecord]
MODEL_SUFFIXES = (".slm", ".safetensors")
DEFAULT_TIMESTEPS = 10


@dataclass(frozen=True)
class Binning:
    """How a recording becomes frames; None: as the network was trained."""

    timesteps: int | None = None
    size: Pair | None = None
    binary: bool = False


@dataclass(frozen=True)
class Quantisation:
    """What the user asked the quantiser for; None: its own choice."""

    target: str = "loihi2"
    planes: int | None = None
    input_bits: int | None = None
    per_channel: bool | None = None


def is_model(path: Path) -> bool:
    """A fixed-point model by its suffix."""
    return path.suffix.lower() in MODEL_SUFFIXES


def read_network(
    path: Path, threshold: float | None = None, thresholds: str = "buffers"
) -> SpikingNetwork | FixedPointModel:
    """A checkpoint or a model; ArgumentError when a model's integers would have to be changed."""
    if is_model(path):
        from spikeseg_lava.model_file import load_model

        if threshold is not None or thresholds != "buffers":
            raise ArgumentError(
                f"`{path}` is a model with fixed integers: convert the checkpoint at the other threshold"
            )
        return load_model(path)
    from spikeseg_lava.checkpoint import load_checkpoint

    return load_checkpoint(path, threshold=threshold, thresholds=thresholds)


def read_checkpoint(path: Path, threshold: float | None = None, thresholds: str = "buffers") -> SpikingNetwork:
    """A checkpoint; ArgumentError for a model."""
    network = read_network(path, threshold, thresholds)
    if not isinstance(network, SpikingNetwork):
        raise ArgumentError(f"`{path}` is a fixed-point model already; expected a checkpoint")
    return network


def read_frames(path: Path, network: SpikingNetwork | FixedPointModel, binning: Binning) -> NDArray[np.float32]:
    """Float32[T, C, H, W]: the frames of a clip as they are, or of a whole recording as one sample."""
    if path.suffix.lower() == ".npz":
        from spikeseg_lava.clip import load_clip

        if binning != Binning():
            raise ArgumentError(f"`{path}` is a clip of frames: --timesteps, --size and --binary are for recordings")
        return load_clip(path)
    from spikeseg_lava.recording import read_recording

    timesteps = binning.timesteps or network.timesteps or DEFAULT_TIMESTEPS
    return read_recording(path).to_frames(timesteps, binning.size or network.input_size, binning.binary)


def integers_of(
    network: SpikingNetwork | FixedPointModel,
    frames: NDArray[np.float32] | Sequence[NDArray[np.float32]] | None,
    wish: Quantisation,
) -> FixedPointModel:
    """The model itself, or the network quantised with `frames` as calibration."""
    if isinstance(network, FixedPointModel):
        if wish != Quantisation():
            raise ArgumentError(
                "a model's integers are fixed: --target, --planes, --input-bits and --per-channel are for checkpoints"
            )
        return network
    from spikeseg_lava.quantise import quantize

    return quantize(
        network,
        wish.target,
        frames,
        planes=wish.planes,
        input_bits=wish.input_bits,
        per_channel=wish.per_channel,
    )


def read_clips(
    paths: Sequence[Path] | None, network: SpikingNetwork | FixedPointModel, binning: Binning
) -> list[NDArray[np.float32]] | None:
    """The frames of every calibration file; None where there is none."""
    return [read_frames(path, network, binning) for path in paths] if paths else None


def runner_of(model: SpikingNetwork | FixedPointModel, backend: str, fire_once: bool) -> Runner:
    """What runs one sample."""
    from spikeseg_lava.execution import run

    return partial(run, model, backend=backend, fire_once=fire_once)


def shipped_network() -> Path:
    """The checkpoint of the demo."""
    from spikeseg_lava.demo import checkpoint_path

    return checkpoint_path()


def network_and_input(files: Sequence[Path]) -> tuple[Path, Path]:
    """Two files as they are; one is the input, for the shipped network."""
    if len(files) > 2:
        raise ArgumentError(f"expected a network and one input, got {len(files)} files")
    return (files[0], files[1]) if len(files) == 2 else (shipped_network(), files[0])
