"""The documented layout of `.net` files, interpreted: what lava-dl's reader and Lava's stock parts make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.signal import convolve2d


def interpreted(path: Path, payload: NDArray[np.integer]) -> list[NDArray[np.bool_]]:
    """Spikes (T, ...) of every layer with neurons, W-H-C as Lava has them, without the delay of the synapses."""
    x: Any = payload.transpose(0, 3, 2, 1)
    spikes = []
    with h5py.File(path) as file:
        groups: Any = file["layer"]
        for index in range(len(groups)):
            group = groups[str(index)]
            kind = np.ravel(group["type"][()])[0].decode("ascii")
            if kind == "input":
                assert tuple(group["shape"][()][::-1]) == x.shape[1:]
            elif kind == "flatten":
                x = _flat(x)
            else:
                current = _conv(group, x) if kind == "conv" else _dense(group, x)
                bias = group["bias"][()].astype(np.int64) if "bias" in group else 0
                x = _stock_lif(group["neuron"], current, bias)
                spikes.append(x)
    return spikes


def _flat(x: NDArray[Any]) -> NDArray[Any]:
    """Lava's W-H-C maps as vectors in the order c, h, w."""
    return x.transpose(0, 3, 2, 1).reshape(len(x), -1) if x.ndim == 4 else x


def _dense(group: Any, x: NDArray[Any]) -> NDArray[np.int64]:
    weight = group["weight"][()].astype(np.int64).reshape(int(group["outFeatures"][()]), -1)
    return _flat(x).astype(np.int64) @ weight.T


def _conv(group: Any, x: NDArray[Any]) -> NDArray[np.int64]:
    """Lava's Conv: flipped weights (O, kx, ky, I / groups), true convolution on (W, H, C)."""
    weight = group["weight"][()]
    weight = weight.reshape(weight.shape[:4])[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    dx, dy = group["dilation"][()][::-1]
    spread = np.zeros((len(weight), (weight.shape[1] - 1) * dx + 1, (weight.shape[2] - 1) * dy + 1, weight.shape[3]))
    spread[:, ::dx, ::dy] = weight
    groups = int(group["groups"][()])
    outputs, inputs = len(weight) // groups, weight.shape[3]
    px, py = group["padding"][()][::-1]
    sx, sy = group["stride"][()][::-1]
    x = np.pad(x.astype(np.int64), ((0, 0), (px, px), (py, py), (0, 0)))
    out = [
        [
            sum(convolve2d(x[t, :, :, o // outputs * inputs + i], w[:, :, i], "valid") for i in range(inputs))
            for o, w in enumerate(spread)
        ]
        for t in range(len(x))
    ]
    result = np.array(out).astype(np.int64).transpose(0, 2, 3, 1)[:, ::sx, ::sy]
    assert result.shape[1:] == tuple(group["shape"][()][::-1])
    return result


def _stock_lif(neuron: Any, current: NDArray[np.int64], bias: Any) -> NDArray[np.bool_]:
    assert np.ravel(neuron["type"][()])[0] in (b"CUBA", b"LOIHI")
    du, dv, vth = neuron["iDecay"][()] - 1, neuron["vDecay"][()], int(neuron["vThMant"][()])
    u, v = np.zeros_like(current[0]), np.zeros_like(current[0])
    spikes = np.zeros(current.shape, bool)
    for t, a in enumerate(current):
        u = np.sign(u) * (np.abs(u) * (4096 - (du + 1)) >> 12) + (a << 6)
        assert np.abs(u).max() < 2**23
        v = np.clip(np.sign(v) * (np.abs(v) * (4096 - dv) >> 12) + u + (bias << 6), -(2**23) + 1, 2**23 - 1)
        spikes[t] = v > vth << 6
        v[spikes[t]] = 0
    return spikes
