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

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.instance import Instance, Instances
from spikeseg_lava.engine.kernels.vectors import count_bits
from spikeseg_lava.errors import ArgumentError


def group(instances: Sequence[Instance], tau: float = 0.1) -> NDArray[np.int32]:
    """Int32[N]: the object each instance belongs to, counted from 0 in order of appearance; -1 for empty masks.

    A hash holds the step of its own spike only, so instances of different steps share nothing and never join.

    Raises:
        ArgumentError: `tau` is negative or not finite.
    """
    if not 0 <= tau < math.inf:
        raise ArgumentError(f"`tau` must be zero or more, and finite, got {tau}")
    steps, boxes, features = _columns(instances)
    labels, found = np.full(len(steps), -1, np.int32), np.flatnonzero(boxes[:, 0] >= 0)
    order = found[np.lexsort((boxes[found, 0], steps[found]))]
    partners = best_partners(order, steps, boxes, packed(features), tau)
    labels[found] = components(partners)[found]
    return renumbered(labels)


def _columns(instances: Sequence[Instance]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Steps Int32[N], boxes Int32[N, 4], features Bool[N, F]."""
    if isinstance(instances, Instances):
        return np.ascontiguousarray(instances.spikes[:, 0]), instances.boxes, instances.features
    steps = np.array([instance.t for instance in instances], np.int32)
    boxes = np.array([instance.box for instance in instances], np.int32).reshape(-1, 4)
    features = np.array([instance.features for instance in instances], bool)
    return steps, boxes, features if len(steps) else np.zeros((0, 0), bool)


def packed(features: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """UInt64[N, words]: a bit a feature."""
    padded = np.zeros((len(features), -(-features.shape[1] // 64) * 64), bool)
    padded[:, : features.shape[1]] = features
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


@compiled
def best_partners(order, steps, boxes, features, tau):
    """Int64[N]: index of each instance's best partner, its own where none scores above `tau`.

    `order` lists the instances by step and then by the left side of their boxes: only boxes that share a column are
    compared.
    """
    partners, best = np.arange(len(steps)), np.zeros(len(steps), np.float32)
    for a in range(len(order)):
        i = order[a]
        for b in range(a + 1, len(order)):
            j = order[b]
            if steps[j] != steps[i] or boxes[j, 0] > boxes[i, 2]:
                break
            score = similarity(boxes[i], boxes[j], features[i], features[j])
            if score > np.float32(tau):
                offer(i, j, score, best, partners)
                offer(j, i, score, best, partners)
    return partners


@compiled
def similarity(box, other, features, others):
    """SMASH score of two instances, Float32."""
    rows = np.int64(min(box[3], other[3]) - max(box[1], other[1]) + 1)
    columns = np.int64(min(box[2], other[2]) - max(box[0], other[0]) + 1)
    if rows <= 0 or columns <= 0:
        return np.float32(0)
    shared = either = 0
    for word in range(features.size):
        shared += np.int64(count_bits(features[word] & others[word]))
        either += np.int64(count_bits(features[word] | others[word]))
    if not either:
        return np.float32(0)
    jaccard = np.float64(np.float32(shared) / np.float32(either))
    areas = area(box) + area(other) - rows * columns
    return np.float32(jaccard * (rows * columns / areas))


@compiled
def area(box):
    """Pixels of a box, both ends included."""
    return np.int64(box[2] - box[0] + 1) * np.int64(box[3] - box[1] + 1)


@compiled
def offer(i, j, score, best, partners):
    """Make `j` the partner of `i` where it scores higher, or equally and comes first."""
    if score > best[i] or (score == best[i] and j < partners[i]):
        best[i], partners[i] = score, j


@compiled
def components(partners):
    """Int64[N]: the lowest index each node is connected with; node i is linked to `partners[i]`."""
    root = np.arange(partners.size)
    for i in range(partners.size):
        a, b = i, partners[i]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        root[max(a, b)] = min(a, b)
    for i in range(partners.size):
        root[i] = root[root[i]]  # roots come first, so one look-up is enough
    return root


def renumbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels counted from 0 in order of appearance, -1 kept."""
    firsts = np.unique(labels)
    firsts = firsts[firsts >= 0]
    return np.where(labels >= 0, np.searchsorted(firsts, labels), -1).astype(np.int32)
