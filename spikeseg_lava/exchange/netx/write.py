"""Export to lava-dl's `.net` (HDF5), the format its NetX reader builds a Lava network from; see `docs/netx.md`.

What can be expressed, and how the integers change, is said in `netx_layers`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np

from spikeseg_lava.exchange.netx.layers import FORGET, NetxLayer, netx_layers
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel


def write_netx(model: FixedPointModel, path: str | os.PathLike[str], size: Pair | None = None) -> None:
    """Write `model` as a NetX file for frames of `size` (height, width; default: the model's own).

    Load it with `netx.hdf5.Network(net_config=path, input_message_bits=...)`, and `reset_interval=` where the model has
    one, which the file cannot say, and send payloads to `net.inp`: W-H-C, or
    flat in the order c, h, w where the first layer is a full connection.

    Raises:
        ExchangeError: all layers that NetX cannot express, each with its reason.
    """
    import h5py

    layers = netx_layers(model, size)
    content = BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["spikeseg_lava"] = json.dumps({"input_bits": model.input.bits, "input_scale": model.input.scale})
        for index, entry in enumerate(_entries(layers)):
            _write(file.create_group(f"layer/{index}"), entry)
        file["simulation/Ts"], file["simulation/tSample"] = 1, model.timesteps or 0
    with writing(path) as target:
        target.write(content.getvalue())


def _entries(layers: list[NetxLayer]) -> Iterator[dict[str, Any]]:
    # Without neurons of its own the input is a mere shape: the reader keeps `input_message_bits` for the first layer.
    yield {"type": "input", "shape": layers[0].input_shape}
    flat = layers[0].dense
    for layer in layers:
        if layer.dense and not flat:
            yield {"type": "flatten", "shape": (int(np.prod(layer.input_shape)), 1, 1)}
        flat = layer.dense
        yield _dense(layer) if layer.dense else _conv(layer)


def _dense(layer: NetxLayer) -> dict[str, Any]:
    weight = layer.weight.reshape(len(layer.weight), -1)
    sizes = {"inFeatures": weight.shape[1], "outFeatures": len(weight), "weight": weight.astype(np.int32)}
    return {
        "type": "dense",
        "name": layer.name,
        "shape": layer.shape,
        **sizes,
        **_bias_of(layer),
        "neuron": _neuron_of(layer),
    }


def _conv(layer: NetxLayer) -> dict[str, Any]:
    outputs, inputs, *kernel = layer.weight.shape
    return {
        "type": "conv",
        "name": layer.name,
        "shape": layer.shape,
        "inChannels": inputs,
        "outChannels": outputs,
        "kernelSize": kernel,
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": (1, 1),
        "groups": 1,
        "weight": layer.weight.astype(np.int32),
        **_bias_of(layer),
        "neuron": _neuron_of(layer),
    }


def _bias_of(layer: NetxLayer) -> dict[str, Any]:
    return {"bias": layer.bias.astype(np.int32)} if layer.bias.any() else {}


def _neuron_of(layer: NetxLayer) -> dict[str, Any]:
    return _neuron(layer.threshold, layer.decay)


def _neuron(threshold: int, decay: int) -> dict[str, Any]:
    return {"type": "CUBA", "iDecay": FORGET, "vDecay": decay, "vThMant": threshold, "refDelay": 1}


def _write(group: Any, entry: dict[str, Any]) -> None:
    for key, value in entry.items():
        if key == "name":
            group.attrs["name"] = value
        elif isinstance(value, dict):
            _write(group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=np.array([value.encode("ascii")]))
        else:
            group.create_dataset(key, data=np.asarray(value))
