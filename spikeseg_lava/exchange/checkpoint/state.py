"""Spiking convolutions from the tensors of a checkpoint, which are read as plain, finite NumPy arrays.

`find_layers` sorts the tensors by layer, whatever wrappers and prefixes they were saved with; `convolution_from` makes
a layer of them, its neurons from the buffers `threshold`, `leak` and `beta`. The buffer `membrane`, which a checkpoint
may hold of each layer, shows at which size the network was last used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import CheckpointError, placed
from spikeseg_lava.exchange.checkpoint.file import UnreadTensor
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair


def weights_from(value: Any, label: str) -> NDArray[np.float32]:
    """Float32[O, I, kh, kw] of a weight tensor of any float type."""
    tensor = _tensor(value, label)
    if tensor is None or tensor.dtype.kind != "f":
        raise CheckpointError(f"`{label}` is {_kind(value)}, expected a float tensor of shape (O, I, kh, kw)")
    if tensor.ndim != 4 or not tensor.size:
        raise CheckpointError(f"`{label}` has shape {tensor.shape}, expected (O, I, kh, kw)")
    with np.errstate(over="ignore"):  # a float64 beyond float32 is infinite, which the next line refuses
        weight = tensor.astype(np.float32)
    return np.ascontiguousarray(_finite(weight, label))


def channel_values(value: Any, channels: int, label: str) -> NDArray[np.float64]:
    """Float64[O], one value a channel, of a 0-dim tensor, a number, or a vector over the channels."""
    numbers = _numbers(value, label)
    if numbers.size not in (1, channels) or numbers.size != max(numbers.shape, default=1):
        raise CheckpointError(f"`{label}` has shape {numbers.shape}, expected one value or {channels}, one per channel")
    return np.array(np.broadcast_to(numbers.reshape(-1), (channels,)))


def _numbers(value: Any, label: str) -> NDArray[np.float64]:
    tensor = _tensor(value, label)
    try:
        tensor = np.asarray(value) if tensor is None else tensor
    except ValueError:
        tensor = np.empty(0, object)
    if tensor.dtype.kind not in "fiub" or isinstance(value, (str, bytes)):
        raise CheckpointError(f"`{label}` is {_kind(value)}, expected {_expected(tensor)}")
    if tensor.dtype.kind == "b":
        raise CheckpointError(f"`{label}` is {_kind(tensor)}, expected real numbers")
    return _finite(tensor.astype(np.float64), label)


def _expected(tensor: NDArray[Any]) -> str:
    return "real numbers" if tensor.dtype.kind == "c" else "a number or a tensor of numbers"


def _tensor(value: Any, label: str) -> NDArray[Any] | None:
    if isinstance(value, UnreadTensor):
        raise CheckpointError(f"`{label}` is {_kind(value)}, expected an ordinary dense tensor")
    return value if isinstance(value, np.ndarray) else None


def _finite(values: NDArray[Any], label: str) -> NDArray[Any]:
    if bad := int(np.sum(~np.isfinite(values))):
        raise CheckpointError(f"`{label}` holds {bad} value(s) that are NaN or infinite, expected finite numbers")
    return values


def _kind(value: Any) -> str:
    if isinstance(value, UnreadTensor):
        return f"a tensor of {value.dtype}"
    return f"a tensor of torch.{value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


WRAPPERS = ("model_state_dict", "state_dict", "model")
EXPECTED = "[encoder.]convN.conv.weight and [encoder.]convN.neuron.threshold, .leak, .beta for N = 1, 2, ..."
SHOWN = 8  # keys quoted in a message
_WEIGHT = re.compile(r"(?P<prefix>(?:.*\.)?)conv\d{1,4}\.conv\.weight")


@dataclass(frozen=True)
class LayerState:
    """Tensors of one spiking convolution by their key within the layer: `conv.weight`, `neuron.threshold`, ..."""

    name: str
    tensors: Mapping[str, Any]


def find_layers(contents: Any) -> tuple[LayerState, ...]:
    """The layers conv1, conv2, ... of a checkpoint's contents, in order; CheckpointError where there are none."""
    state = _state_dict(contents)
    prefix = _prefix(state)
    names = sorted((_within(key, prefix) for key in state if _is_weight(key, prefix)), key=lambda name: int(name[4:]))
    expected = [f"conv{n}" for n in range(1, len(names) + 1)]
    if names != expected:
        raise CheckpointError(f"layers are {', '.join(names)}; expected them numbered {', '.join(expected)}")
    return tuple(LayerState(name, _members(state, f"{prefix}{name}.")) for name in names)


def _state_dict(contents: Any) -> Mapping[str, Any]:
    if not isinstance(contents, Mapping):
        kind = "Tensor" if isinstance(contents, np.ndarray) else type(contents).__name__
        raise CheckpointError(f"holds a {kind}, expected a dictionary with {EXPECTED}")
    inner = next((contents[key] for key in WRAPPERS if isinstance(contents.get(key), Mapping)), contents)
    return {key: value for key, value in inner.items() if isinstance(key, str) and key.isprintable()}


def _prefix(state: Mapping[str, Any]) -> str:
    prefixes = sorted({match["prefix"] for key in state if (match := _WEIGHT.fullmatch(key))})
    encoders = [prefix for prefix in prefixes if prefix.endswith("encoder.")]
    if not prefixes:
        raise CheckpointError(f"holds no layer: expected keys {EXPECTED}; found {_some(state)}")
    if len(prefixes) > 1 and len(encoders) != 1:
        raise CheckpointError(f"holds several networks ({', '.join(p or 'no prefix' for p in prefixes)}); expected one")
    return prefixes[0] if len(prefixes) == 1 else encoders[0]


def _is_weight(key: str, prefix: str) -> bool:
    match = _WEIGHT.fullmatch(key)
    return match is not None and match["prefix"] == prefix


def _within(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).removesuffix(".conv.weight")


def _members(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _some(keys: Mapping[str, Any]) -> str:
    names = list(keys)
    return (", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")) or "none"


def output_size(state: LayerState) -> Pair | None:
    """(height, width) of the layer's neurons, where their membranes were saved."""
    membrane = state.tensors.get("membrane")
    if not isinstance(membrane, np.ndarray) or membrane.ndim not in (3, 4):
        return None
    return int(membrane.shape[-2]), int(membrane.shape[-1])


def input_size(state: LayerState, convolution: ConvLayer) -> Pair | None:
    """(height, width) of what the layer saw; differs from its output where the kernel is even."""
    output = output_size(state)
    if output is None:
        return None
    kernel, padding = convolution.weight.shape[2:], convolution.padding
    height, width = (n + k - 1 - 2 * p for n, k, p in zip(output, kernel, padding, strict=True))
    return height, width


PARTS = ("neuron.threshold", "neuron.leak", "neuron.beta")


def neuron_from(layer: LayerState, channels: int, adapted: Any = None) -> Neuron:
    """The neurons of `layer`, one value per output channel.

    Leak is multiplicative where beta < 1, else subtractive. A neuron with a threshold but neither leak nor beta is
    an IF neuron, which has no floor; every other one is a LIF neuron. `adapted` thresholds, one per channel, replace
    the buffer; the leak stays that of the buffers, as in training.
    """
    has_leak = _has_leak(layer)
    threshold = _read(layer, "neuron.threshold", channels) if adapted is None else _adapted(layer, adapted, channels)
    leak = _read(layer, "neuron.leak", channels) if has_leak else np.zeros(channels)
    beta = _read(layer, "neuron.beta", channels) if has_leak else np.ones(channels)
    with placed(f"`{layer.name}`", CheckpointError):
        if (beta < 1).any():
            return Neuron(threshold, np.zeros(channels), beta, "multiplicative")
        return Neuron(threshold, leak, beta, "subtractive", floor=has_leak)


def _has_leak(layer: LayerState) -> bool:
    missing = [part for part in PARTS if part not in layer.tensors]
    if not missing or missing == list(PARTS[1:]):
        return not missing
    found = ", ".join(layer.tensors)
    raise CheckpointError(f"`{layer.name}` lacks {', '.join(missing)}; expected {', '.join(PARTS)}, found {found}")


def _read(layer: LayerState, part: str, channels: int) -> NDArray[np.float64]:
    return channel_values(layer.tensors[part], channels, f"{layer.name}.{part}")


def _adapted(layer: LayerState, adapted: Any, channels: int) -> NDArray[np.float64]:
    return channel_values(adapted, channels, f"extra_state.threshold_managers.{layer.name}.thresholds")


FOREIGN = ("bias", "running_mean", "running_var")  # of a bias or a normalisation: the current would be another one


def convolution_from(state: LayerState, adapted: Any = None) -> ConvLayer:
    """The layer with padding k//2; `adapted` thresholds, where given, replace those of the buffers.

    Raises CheckpointError for a layer with a bias or a normalisation, which the network has none of.
    """
    if foreign := [key for key in state.tensors if key.endswith(FOREIGN)]:
        raise CheckpointError(
            f"`{state.name}` has {', '.join(foreign)}; expected a convolution without bias and normalisation: "
            "train without, or fold it into the weights"
        )
    weight = weights_from(state.tensors["conv.weight"], f"{state.name}.conv.weight")
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return ConvLayer(state.name, weight, neuron_from(state, len(weight), adapted), padding=padding)
