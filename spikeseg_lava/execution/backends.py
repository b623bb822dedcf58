"""One call for every execution: a network or model and frames go in, a spike record comes out.

A silent run says why: the first layer that never spiked, and how near its membranes came to the threshold.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.events.clip import checked_frames
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

silence = logging.getLogger("spikeseg_lava.silence")  # a logger of its own, which `silence_expected` turns off
Executor = Callable[[Any, NDArray[np.float32], bool], SpikeRecord]


def run(
    network: SpikingNetwork | FixedPointModel,
    frames: NDArray[Any],
    backend: str = "torch",
    fire_once: bool = True,
) -> SpikeRecord:
    """Run one sample from cleared state.

    Args:
        network: a float network (backends "torch" and "lava...") or its integers (every backend).
        frames: Float[T, C, H, W], values as the network was trained on: each bin divided by its largest count.
        backend: "torch" (float network, or the integer oracle of a model), "event" (event engine), "lava" (one Process
            a layer), "lava-fused" (the encoder as one Process), "stock" (lowered to stock Lava parts for these
            frames), "loihi2" (needs the hardware extension).
        fire_once: a neuron fires at most once per sample.

    Returns:
        Spikes of every layer, membranes after the last step, and `meta`: backend, fire_once, steps, shapes.

    Raises:
        ArgumentError: an unknown backend, or a float network on a backend of integers.
        ClipError: frames that are no clip or do not fit the network.
        BackendError: the backend lacks something or failed.
    """
    record = run_quietly(network, frames, backend, fire_once)
    _tell_silence(network, frames, record, fire_once)
    return record


def run_quietly(
    network: SpikingNetwork | FixedPointModel, frames: NDArray[Any], backend: str, fire_once: bool
) -> SpikeRecord:
    """`run` without a word on silent layers."""
    executor = _executor(network, backend)
    encoded = isinstance(network, FixedPointModel) and backend in ENCODING
    frames = checked_frames(network, frames, finite=not encoded)
    record = executor(network, frames, fire_once)
    shapes = {name: list(shape) for name, shape in network.shapes(_size(frames)).items()}
    meta = {"backend": backend, "fire_once": fire_once, "steps": len(frames), "shapes": shapes, **record.meta}
    return replace(record, meta=meta)


@contextmanager
def silence_expected() -> Iterator[None]:
    """No notice of silent layers inside: in a sweep of thresholds some must be silent."""
    level = silence.level
    silence.setLevel(logging.ERROR)
    try:
        yield
    finally:
        silence.setLevel(level)


def _tell_silence(network: Any, frames: NDArray[Any], record: SpikeRecord, fire_once: bool) -> None:
    """Log why a layer never spiked; of a float network only that it did not, as its membranes are not at hand."""
    silent = [layer.name for layer in network.convolutions if not record.counts.get(layer.name, 0)]
    if not silent or not silence.isEnabledFor(logging.WARNING):
        return
    if not isinstance(network, FixedPointModel):
        silence.warning(f"{silent[0]} never spiked; try a lower threshold (`--threshold`)")
        return
    frames = checked_frames(network, frames)
    reason = reason_of_silence(network, SparseSteps.of_frames(frames, network.input), _size(frames), fire_once)
    if reason is not None:
        silence.warning(reason)


def silent_layer(model: FixedPointModel, counts: Mapping[str, int]) -> FixedPointConv | None:
    """The first convolution without a spike; None where every one spiked."""
    return next((layer for layer in model.convolutions if not counts.get(layer.name, 0)), None)


def reason_of_silence(model: FixedPointModel, events: SparseSteps, size: Pair, fire_once: bool = True) -> str | None:
    """One sentence on the first layer that never spikes on `events`; None where every layer does.

    The events are run again step by step, since only the membranes after the last step belong to a record.
    """
    from spikeseg_lava.engine.engine import EventEngine

    if not len(events.index):
        return "the network never spiked: its input holds no event"
    engine = EventEngine(model, size, fire_once)
    peaks = {layer.name: np.full(len(layer.neuron.threshold), -np.inf) for layer in model.convolutions}
    counts = dict.fromkeys(engine.layers, 0)
    for first, last in zip(events.offsets, events.offsets[1:], strict=False):
        step = SparseSteps(np.array([0, last - first]), events.index[first:last], events.payload[first:last])
        for name, found in engine.run(step).items():
            counts[name] += len(found.index)
        for name, membrane in engine.membranes().items():
            np.maximum(peaks[name], membrane.max(axis=(1, 2)), out=peaks[name])
    layer = silent_layer(model, counts)
    if layer is None:
        return None
    share = peaks[layer.name] / layer.neuron.threshold
    return _sentence(layer, float(share.max()), int(share.argmax()))


def _sentence(layer: FixedPointConv, share: float, channel: int) -> str:
    if share <= 0:
        return f"{layer.name} never spiked: nothing drove its membranes above 0"
    lower = share * float(layer.source.neuron.threshold[channel])
    digit = 10.0 ** math.floor(math.log10(lower))
    advice = math.floor(lower / digit + 1e-9) * digit
    return (
        f"{layer.name} never spiked: its largest membrane reached {share:.0%} of theta; try a lower threshold, such as "
        f"{advice:.3g} (`--threshold {advice:.3g}`)"
    )


def _size(frames: NDArray[Any]) -> tuple[int, int]:
    return int(frames.shape[2]), int(frames.shape[3])


def _executor(network: Any, backend: str) -> Executor:
    if not isinstance(network, (SpikingNetwork, FixedPointModel)):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork or FixedPointModel, got {type(network).__name__}")
    if backend not in BACKENDS:
        raise ArgumentError(f"`backend` must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if isinstance(network, SpikingNetwork) and backend not in FLOAT_BACKENDS:
        raise ArgumentError(f"`backend` {backend!r} runs integers: pass `quantize(network)`, or use 'torch' or 'lava'")
    return BACKENDS[backend]


def _torch(network: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from torch_reference import run_reference

    return run_reference(network, frames, fire_once)


def _event(model: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from spikeseg_lava.engine.engine import run_engine

    return run_engine(model, frames, fire_once)


def _lava(model: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from spikeseg_lava.lava import run_lava

    return run_lava(model, frames, fire_once)


def _lava_fused(model: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from spikeseg_lava.lava import run_lava

    return run_lava(model, frames, fire_once, fused=True)


def _stock(model: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from spikeseg_lava.stock.lower import lower
    from spikeseg_lava.stock.simulate import run_stock

    return run_stock(lower(model, "stock", frames, fire_once=fire_once), frames)


def _loihi2(model: Any, frames: NDArray[np.float32], fire_once: bool) -> SpikeRecord:
    from spikeseg_lava.lava import run_loihi2

    return run_loihi2(model, frames, fire_once)


ENCODING = ("event", "lava", "lava-fused")  # read the nonzero values of a clip only, and check these
FLOAT_BACKENDS = ("torch", "lava", "lava-fused")
BACKENDS: dict[str, Executor] = {
    "torch": _torch,
    "event": _event,
    "lava": _lava,
    "lava-fused": _lava_fused,
    "stock": _stock,
    "loihi2": _loihi2,
}
