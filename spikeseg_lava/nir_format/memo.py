"""What NIR has no word for, kept as JSON under one key of a node's metadata, in full precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import nir

from spikeseg_lava.errors import ExchangeError

KEY = "spikeseg_lava"
VERSION = 1


def with_memo(node: nir.NIRNode, facts: Mapping[str, Any]) -> nir.NIRNode:
    """The node, its metadata now holding `facts` and the version of their form."""
    node.metadata[KEY] = json.dumps({"version": VERSION, **facts})
    return node


def memo_of(name: str, node: nir.NIRNode) -> dict[str, Any] | None:
    """What `with_memo` wrote, or None for a node of another origin; ExchangeError for another version."""
    text = node.metadata.get(KEY)
    if text is None:
        return None
    facts = json.loads(text.decode() if isinstance(text, bytes) else text)
    if facts.pop("version", None) != VERSION:
        raise ExchangeError(f"`{name}`: its `{KEY}` metadata is of another version, expected {VERSION}")
    return facts
