"""A layer's neurons as a NIR node, with what NIR has no word for in its metadata, and back from there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.network import Neuron, Shape
from spikeseg_lava.nir_format.chain import described
from spikeseg_lava.nir_format.memo import with_memo


def node_of(neuron: Neuron, shape: Shape, dt: float) -> nir.IF | nir.LIF:
    """The NIR node of a layer's neurons, Float32[C, H, W] a parameter; what NIR cannot say goes into its metadata.

    A subtractive leak is no part of it: it is the negative bias of the convolution before.
    """
    facts = {key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in asdict(neuron).items()}
    return with_memo(_bare_node(neuron, shape, dt), {"neuron": facts, "dt": dt})  # type: ignore[return-value]


def remembered(name: str, node: nir.IF | nir.LIF, facts: dict[str, Any], shape: Shape) -> Neuron:
    """The neurons that `node_of` wrote into the metadata; ExchangeError where the node no longer says the same."""
    said = facts["neuron"]
    threshold, leak, beta = (np.array(said[key], np.float64) for key in ("threshold", "leak", "beta"))
    neuron = Neuron(threshold, leak, beta, said["leak_mode"], said["floor"])
    expected = parameters_of(_bare_node(neuron, shape, facts["dt"]))
    given = parameters_of(node)
    if given.keys() != expected.keys() or any(not np.array_equal(given[k], expected[k]) for k in given):
        raise changed(name, node)
    return neuron


def parameters_of(node: nir.IF | nir.LIF) -> dict[str, NDArray[Any]]:
    """Its arrays by name."""
    keys = ("tau", "r", "v_leak", "v_threshold", "v_reset")
    return {key: np.asarray(getattr(node, key)) for key in keys if getattr(node, key, None) is not None}


def changed(name: str, node: nir.NIRNode) -> ExchangeError:
    """The error for a node whose metadata and contents no longer agree."""
    return ExchangeError(f"{described(name, node)} was changed after its `spikeseg_lava` metadata was written")


def strictly_below(threshold: NDArray[np.floating]) -> NDArray[np.float32]:
    """theta' with `v > theta'` exactly where `v >= theta`, for float32 v."""
    return np.nextafter(threshold.astype(np.float32), np.float32(-np.inf))


def _bare_node(neuron: Neuron, shape: Shape, dt: float) -> nir.IF | nir.LIF:
    def full(values: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.broadcast_to(values.astype(np.float32)[:, None, None], shape).copy()

    zero, threshold = np.zeros(shape, np.float32), full(strictly_below(neuron.threshold))
    if neuron.leak_mode == "subtractive" or (neuron.beta == 1).all():
        return nir.IF(r=np.ones(shape, np.float32), v_threshold=threshold, v_reset=zero)
    if (neuron.beta == 1).any():
        raise ExchangeError("NIR has no layer in which some channels leak by a factor and some do not")
    tau = dt / (1 - neuron.beta)
    return nir.LIF(tau=full(tau), r=full(tau / dt), v_leak=zero, v_threshold=threshold, v_reset=zero)
