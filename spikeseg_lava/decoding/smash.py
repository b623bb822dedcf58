"""SMASH: instances that went through the same features at the same place are one object.

    SMASH(i, j) = Jaccard(hash_i, hash_j) * IoU(box_i, box_j)

Every instance joins its best partner above `tau`, the first of equals; objects are what is connected by that.
Source: Kirkland et al. 2022. Scores are float32, as in the original program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.instance import Instance
from spikeseg_lava.errors import ArgumentError

BLOCK = 1024  # instances scored against all others at once


def group(instances: Sequence[Instance], tau: float = 0.1) -> NDArray[np.int32]:
    """Int32[N]: the object each instance belongs to, counted from 0 in order of appearance; -1 for empty masks.

    A hash holds the step of its own spike only, so instances of different steps share nothing and never join.

    Raises:
        ArgumentError: `tau` is negative or not finite.
    """
    if not 0 <= tau < math.inf:
        raise ArgumentError(f"`tau` must be zero or more, and finite, got {tau}")
    labels = np.full(len(instances), -1, np.int32)
    found = [i for i, instance in enumerate(instances) if not instance.empty]
    partners = np.arange(len(found))
    steps = np.array([instances[i].t for i in found])
    for step in np.unique(steps):
        members = np.flatnonzero(steps == step)
        partners[members] = members[_best_partners([instances[found[i]] for i in members], tau)]
    labels[np.array(found, np.int64)] = _connected(partners)
    return labels


def _best_partners(instances: Sequence[Instance], tau: float) -> NDArray[np.int64]:
    """Int64[N]: index of each instance's best partner, its own where none scores above `tau`."""
    features = np.stack([instance.features for instance in instances]).astype(np.float32)
    boxes = np.array([instance.box for instance in instances], np.int64)
    best = np.arange(len(instances))
    for first in range(0, len(instances), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(instances)))
        scores = (_jaccard(features[rows], features) * _box_iou(boxes[rows], boxes)).astype(np.float32)
        scores[rows - first, rows] = 0
        partner = scores.argmax(axis=1)
        joins = scores[rows - first, partner] > np.float32(tau)
        best[rows[joins]] = partner[joins]
    return best


def _jaccard(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    shared = a @ b.T
    either = a.sum(axis=1)[:, None] + b.sum(axis=1) - shared
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0).astype(np.float64)


def _box_iou(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Float64[N, M] of boxes (x0, y0, x1, y1), both ends included."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    shared = np.maximum(high - low + 1, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1) for boxes in (a, b)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def _connected(partners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the connected component of each node, in order of appearance; node i is linked to `partners[i]`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(partners)
    if not count:
        return partners
    links = coo_array((np.ones(count, bool), (np.arange(count), partners)), shape=(count, count))
    component = connected_components(links, directed=False)[1]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
