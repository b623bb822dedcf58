"""Which tensors of a checkpoint belong to which layer, whatever wrappers and prefixes it was saved with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeseg_lava.errors import CheckpointError

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
        raise CheckpointError(f"holds a {type(contents).__name__}, expected a dictionary with {EXPECTED}")
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
