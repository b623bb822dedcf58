"""`from_nir`: a NIR graph as a SpikingNetwork, as far as the contract can express it; the rest is refused by name."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import nir
import numpy as np

from spikeseg_lava.errors import ArgumentError, ExchangeError, SpikeSegLavaError
from spikeseg_lava.exchange.nir.graph import chain, described, in_metadata, metadata_of
from spikeseg_lava.exchange.nir.neuron import Discretisation, TimeStep, neurons_of, with_bias
from spikeseg_lava.exchange.nir.synapse import LINEAR, Synapse, composed, identity, synapse_of
from spikeseg_lava.isolation import hdf5_tree, read_apart
from spikeseg_lava.network.floats import LARGEST_MAP, ConvLayer, Layer, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.model_schema import LARGEST_SIDE, whole

SECONDS = 10.0  # a graph takes milliseconds; some damaged files keep HDF5 busy for ever

Reset = Literal["zero", "subtract"]
NOT_IN_THE_FILE = (
    "NIR does not say how a spike resets the membrane, nor whether a neuron may fire several spikes a step; they are "
    "read as a reset to zero with one spike. snnTorch and sinabs subtract the threshold unless told otherwise: such a "
    "network fires other spikes here. Say `reset='zero'` if it was trained so (see docs/nir.md)"
)


class ResetWarning(UserWarning):
    """A graph of another library leaves open how its neurons reset."""


def _check_reset(reset: Reset | None) -> None:
    if reset == "subtract":
        raise ExchangeError(
            "neurons that subtract their threshold at a spike cannot be expressed: every executor resets to zero. "
            "Train with `reset_mechanism='zero'` (snnTorch) or `MembraneReset` and `SingleSpike` (sinabs)"
        )
    if reset not in ("zero", None):
        raise ArgumentError(f"`reset` must be 'zero', 'subtract' or None, got {reset!r}")


def from_nir(
    source: str | os.PathLike[str] | nir.NIRGraph,
    *,
    dt: float | None = None,
    discretisation: Discretisation = "euler",
    fires_at_equality: bool = False,
    reset: Reset | None = None,
    norm_input: bool = True,
) -> SpikingNetwork:
    """Read a NIR graph: Conv2d, Affine, Linear, SumPool2d, AvgPool2d, Flatten, IF, LIF, Threshold in one chain.

    Args:
        source: a `.nir` file or a graph of the `nir` package.
        dt: length of a step in the unit of the graph's time constants; needed where a LIF node is no export of ours,
            or where an IF has `r = 1 / dt` (spikingjelly).
        discretisation: "euler" (snnTorch, norse, spikingjelly) or "exponential" (sinabs), see `docs/nir.md`.
        reset: what a spike does to the membrane in the library the graph comes from, as its file does not say: "zero",
            or "subtract" (the default of snnTorch and sinabs), which is refused, because no executor does it. None is
            read as "zero", with a ResetWarning.
        norm_input: False: the input of a LIF is not scaled by 1 - beta (sinabs with `norm_input=False`).
        fires_at_equality: read thresholds as `v >= v_threshold` (sinabs, spikingjelly), not as NIR's `>`.

    Returns:
        The network, layers named `conv1`, `pool1`, ...; `provenance["nir_nodes"]` says which nodes became which layer.
        A vector of N values is a map of N channels, 1x1; neurons have no floor, except those of our own export.

    Raises:
        ExchangeError: the file is none, or the graph holds what the contract cannot express; the node is named.
    """
    _check_reset(reset)
    steps = TimeStep(dt, discretisation, fires_at_equality, norm_input)
    graph = source if isinstance(source, nir.NIRGraph) else _read(source)
    provenance = {"nir": "graph" if source is graph else str(source), "dt": dt, "rule": discretisation}
    try:
        network, foreign = _network(graph, steps, provenance)
    except SpikeSegLavaError:
        raise
    except Exception as error:  # parts of the wrong type or shape break wherever they are used first
        raise ExchangeError(f"`{source}` is a damaged NIR graph: {type(error).__name__}: {error}") from error
    if reset is None and foreign:
        warnings.warn(f"{', '.join(foreign)}: {NOT_IN_THE_FILE}", ResetWarning, stacklevel=2)
    return network


def _network(graph: nir.NIRGraph, steps: TimeStep, provenance: dict[str, Any]) -> tuple[SpikingNetwork, list[str]]:
    """The network, and its neurons that other libraries wrote."""
    nodes = chain(graph)
    reader = _Reader(nodes[0], steps)
    for name, node in nodes[1:]:
        reader.take(name, node)
    return reader.network(provenance), reader.foreign


def _read(path: Any) -> nir.NIRGraph:
    if not Path(path).is_file():
        raise ExchangeError(f"`{path}` is no file")
    with contextlib.closing(read_apart(hdf5_tree, str(path), "node", error=ExchangeError, seconds=SECONDS)) as items:
        try:
            graph = nir.dict2NIRNode({**_values(next(items)), "type_check": False})
        except Exception as error:  # the library meets a missing or strange part with nearly every type of exception
            raise ExchangeError(f"`{path}` is not a NIR graph: {error}") from error
    if not isinstance(graph, nir.NIRGraph):
        raise ExchangeError(f"`{path}` is not a NIR graph: it holds a single {type(graph).__name__}")
    return graph


def _values(tree: Any) -> Any:
    """The tree of an HDF5 file with texts and numbers as the `nir` package reads them."""
    if isinstance(tree, dict):
        return {key: _values(value) for key, value in tree.items()}
    if isinstance(tree, bytes):
        return tree.decode()
    if isinstance(tree, list):
        return np.array(tree, object)
    return tree[()]


@dataclass
class _Pending:
    """The linear nodes since the last neuron, as one synapse, and their names."""

    synapse: Synapse | None = None
    names: tuple[str, ...] = ()


class _Reader:
    """Walks the chain: collects linear nodes, and closes a layer at each neuron and each OR."""

    def __init__(self, first: tuple[str, nir.NIRNode], step: TimeStep) -> None:
        name, node = first
        self.facts = metadata_of(name, node) or {}
        for fact in ("timesteps", "reset_interval"):
            if self.facts.get(fact) is not None:
                with in_metadata(name):
                    whole(self.facts[fact], fact, 1, LARGEST_SIDE)
        self.start = self.shape = _map_shape(name, node)
        self.step, self.pending = step, _Pending()
        self.layers: list[Layer] = []
        self.origin: dict[str, list[str]] = {}
        self.foreign: list[str] = []  # neurons that other libraries wrote

    def take(self, name: str, node: nir.NIRNode) -> None:
        """Add one node; ExchangeError where it cannot be expressed."""
        for kind, action in self._actions().items():
            if isinstance(node, kind):
                return action(name, node)
        raise ExchangeError(f"{described(name, node)} has no counterpart here; {_HINTS.get(type(node), _HINT)}")

    def _actions(self) -> dict[Any, Callable[[str, Any], None]]:
        return {LINEAR: self._linear, (nir.IF, nir.LIF): self._neuron, nir.Threshold: self._pool}

    def network(self, provenance: dict[str, Any]) -> SpikingNetwork:
        """The finished network; ExchangeError where the graph ends in a linear node."""
        if self.pending.synapse is not None:
            raise ExchangeError(f"`{self.pending.names[-1]}` has no spiking neuron behind it: its sums are no spikes")
        if not any(isinstance(layer, ConvLayer) for layer in self.layers):
            raise ExchangeError("the graph holds no spiking neuron")
        provenance = {**provenance, "nir_nodes": self.origin}
        for layer in self.layers:
            if isinstance(layer, ConvLayer) and not np.isfinite(layer.weight).all():
                raise ExchangeError(f"`{self.origin[layer.name][0]}` holds weights that are NaN or infinite")
        steps, interval = self.facts.get("timesteps"), self.facts.get("reset_interval")
        return SpikingNetwork(tuple(self.layers), self.start[1:], steps, provenance, interval)

    def _linear(self, name: str, node: nir.NIRNode) -> None:
        shape = self._pending_shape()
        synapse = synapse_of(name, node, shape)
        if synapse is None:
            self.pending.names += (name,)
            return
        before = self.pending.synapse
        combined = synapse if before is None else composed(before, synapse, self.shape, described(name, node))
        self.pending = _Pending(combined, (*self.pending.names, name))

    def _neuron(self, name: str, node: nir.IF | nir.LIF) -> None:
        synapse = self.pending.synapse or identity(self.shape[0])
        shape = self._pending_shape()
        neurons = neurons_of(name, node, shape, self.step)
        self.foreign += [] if neurons.remembered else [f"`{name}`"]
        neuron = with_bias(name, node, neurons, synapse.bias)
        weight = np.ascontiguousarray(synapse.weight * neurons.gain[:, None, None, None], np.float32)
        label = f"conv{1 + sum(isinstance(x, ConvLayer) for x in self.layers)}"
        self._close(ConvLayer(label, weight, neuron, synapse.stride, synapse.padding), name, shape)

    def _pool(self, name: str, node: nir.Threshold) -> None:
        synapse, levels = self.pending.synapse, np.asarray(node.threshold)
        or_level = bool(self.layers) and bool(((levels >= 0) & (levels < 1)).all())
        if synapse is None or not (or_level and synapse.sums_only and synapse.padding == (0, 0)):
            raise ExchangeError(
                f"{described(name, node)} is only understood as the OR of spikes: after a SumPool2d without padding, "
                "behind a neuron, with a threshold of at least 0 and below 1"
            )
        label = f"pool{1 + sum(isinstance(x, PoolLayer) for x in self.layers)}"
        kernel = (synapse.weight.shape[2], synapse.weight.shape[3])
        self._close(PoolLayer(label, kernel, synapse.stride), name, self._pending_shape())

    def _close(self, layer: Layer, name: str, shape: Shape) -> None:
        self.origin[layer.name] = [*self.pending.names, name]
        self.layers.append(layer)
        self.shape, self.pending = shape, _Pending()

    def _pending_shape(self) -> Shape:
        return self.shape if self.pending.synapse is None else self.pending.synapse.output_shape(self.shape)


def _map_shape(name: str, node: nir.NIRNode) -> Shape:
    sizes = [int(n) for n in np.asarray(node.output_type["output"]).ravel()]
    if len(sizes) in (2, 4) and sizes[0] == 1:  # norse and older exporters keep the batch axis of their sample
        sizes = sizes[1:]
    if len(sizes) not in (1, 3) or min(sizes) < 1 or prod(sizes) > LARGEST_MAP:
        raise ExchangeError(f"{described(name, node)} has shape {sizes}, expected (N,) or (channels, height, width)")
    return (sizes[0], 1, 1) if len(sizes) == 1 else (sizes[0], sizes[1], sizes[2])


_HINT = "read are Conv2d, Affine, Linear, SumPool2d, AvgPool2d, Flatten, IF, LIF and Threshold after a SumPool2d"
_HINTS: dict[type, str] = {
    nir.CubaLIF: "its synaptic current is a second state; train with a LIF (snnTorch: Leaky instead of Synaptic)",
    nir.Delay: "synapses have no delay of their own",
    nir.Scale: "fold the factors into the weights before",
}
