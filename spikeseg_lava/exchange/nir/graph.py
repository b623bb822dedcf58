"""The nodes of a NIR graph in the order of the data; anything but one plain chain is refused by name.

What NIR has no word for is kept as JSON under one key of a node's metadata, in full precision.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import nir

from spikeseg_lava.errors import ArgumentError, ExchangeError, ModelFileError

Named = tuple[str, nir.NIRNode]


def chain(graph: nir.NIRGraph) -> list[Named]:
    """(name, node) from the Input (included) to the Output (excluded).

    Raises:
        ExchangeError: no or several inputs, a branch, a joint, a loop, a nested graph, or no Output at the end.
    """
    followers = _followers(graph)
    _check_joints(graph)
    return list(_walk(graph, _input_name(graph), followers))


def described(name: str, node: nir.NIRNode) -> str:
    """How errors name a node: `` `conv` (Conv2d)``."""
    return f"`{name}` ({type(node).__name__})"


def _walk(graph: nir.NIRGraph, name: str, followers: dict[str, list[str]]) -> Iterator[Named]:
    while not isinstance(graph.nodes[name], nir.Output):
        node, after = graph.nodes[name], followers.get(name, [])
        if isinstance(node, nir.NIRGraph):
            raise ExchangeError(f"{described(name, node)} is a graph of its own (recurrent layers are): not a chain")
        if len(after) != 1:
            raise ExchangeError(f"{described(name, node)} leads to {len(after)} nodes, expected one: no plain chain")
        yield name, node
        name = after[0]


def _input_name(graph: nir.NIRGraph) -> str:
    names = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(names) != 1:
        raise ExchangeError(f"the graph has {len(names)} Input nodes, expected one")
    return names[0]


def _check_joints(graph: nir.NIRGraph) -> None:
    # A loop that is reached from the input contains a node with two incoming edges, or the Input with one.
    incoming = [target for _, target in graph.edges]
    for name, node in graph.nodes.items():
        if incoming.count(name) > (0 if isinstance(node, nir.Input) else 1):
            raise ExchangeError(
                f"{described(name, node)} has {incoming.count(name)} incoming edge(s): recurrent, or not one chain"
            )


def _followers(graph: nir.NIRGraph) -> dict[str, list[str]]:
    followers: dict[str, list[str]] = {}
    for source, target in graph.edges:
        if source not in graph.nodes or target not in graph.nodes:
            raise ExchangeError(f"the graph connects `{source}` with `{target}`, one of which it does not hold")
        followers.setdefault(source, []).append(target)
    return followers


KEY = "spikeseg_lava"
VERSION = 1


def with_metadata(node: nir.NIRNode, facts: Mapping[str, Any]) -> nir.NIRNode:
    """The node, its metadata now holding `facts` and the version of their form."""
    node.metadata[KEY] = json.dumps({"version": VERSION, **facts})
    return node


def metadata_of(name: str, node: nir.NIRNode) -> dict[str, Any] | None:
    """What `with_metadata` wrote, or None for a node of another origin; ExchangeError for another version."""
    text = (getattr(node, "metadata", None) or {}).get(KEY)  # nodes of nir 1.0.4 have none
    if text is None:
        return None
    try:
        facts = json.loads(text.decode() if isinstance(text, bytes) else text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ExchangeError(f"`{name}`: its `{KEY}` metadata is no JSON: {error}") from error
    if not isinstance(facts, dict) or facts.pop("version", None) != VERSION:
        raise ExchangeError(f"`{name}`: its `{KEY}` metadata is of another version, expected {VERSION}")
    return facts


@contextmanager
def in_metadata(name: str) -> Iterator[None]:
    """The checks of a model's description, for facts in the metadata of node `name`: ExchangeError."""
    try:
        yield
    except (ModelFileError, ArgumentError) as error:
        raise ExchangeError(f"`{name}`: its `{KEY}` metadata is damaged: {error}") from error
