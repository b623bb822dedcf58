"""Spikes of NIR's exporting libraries beside ours: each runs a network of its own and writes it with its own exporter.

    python benchmarks/nir_libraries.py write norse FOLDER     # in an environment with that library
    python benchmarks/nir_libraries.py compare FOLDER         # in ours: reads every graph, runs it, counts differences

The libraries want releases of `nir` that exclude each other (sinabs 3.1: nir <= 1.0.4, spikingjelly 2.0: nir >= 1.0.7),
so no single environment holds all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

STEPS, CHANNELS, HEIGHT, WIDTH = 30, 2, 10, 12
Case = tuple[str, dict[str, Any], Any, Any]  # name, how `from_nir` must read it, the graph, spikes of each layer

HOW: dict[str, dict[str, Any]] = {
    "snntorch": {"dt": 1e-4},
    "norse": {"dt": 1e-6},
    "sinabs": {"dt": 1.0, "discretisation": "exponential", "fires_at_equality": True},
    "spikingjelly": {"dt": 1e-4, "fires_at_equality": True},
}


def frames() -> Any:
    """Float32[T, C, H, W], zeros and ones."""
    return (np.random.default_rng(1).random((STEPS, CHANNELS, HEIGHT, WIDTH)) < 0.3).astype(np.float32)


def layers(neuron: Callable[..., Any], mean: Any) -> list[Any]:
    """Convolution, neurons, window sums, flatten, full connection, neurons."""
    from torch import nn

    conv, dense = nn.Conv2d(CHANNELS, 4, 3, padding=1, bias=False), nn.Linear(4 * 5 * 6, 6, bias=False)
    dense.weight += 0.005  # enough spikes to compare
    conv.weight.mul_(32).round_().div_(32)  # sums that are exact, and reach thresholds exactly
    dense.weight.mul_(32).round_().div_(32)
    return [conv, neuron(0.375, (4, HEIGHT, WIDTH)), mean, nn.Flatten(), dense, neuron(0.25, (6,))]


def watched(neurons: Iterable[Any]) -> list[list[Any]]:
    """Lists that will hold what each module gives, call by call."""
    heard: list[list[Any]] = []
    for module in neurons:
        calls: list[Any] = []
        heard.append(calls)
        module.register_forward_hook(
            lambda _, __, out, calls=calls: calls.append(out[0] if isinstance(out, tuple) else out)
        )
    return heard


def snntorch_cases() -> Iterator[Case]:
    import snntorch as snn
    import torch
    from snntorch.export_nir import export_to_nir
    from torch import nn

    def leaky(threshold: float, shape: tuple[int, ...]) -> Any:
        values = [torch.full(shape, x) for x in (0.9, threshold)]
        return snn.Leaky(beta=values[0], threshold=values[1], reset_mechanism="zero", init_hidden=True)

    net = nn.Sequential(*layers(leaky, nn.AvgPool2d(2)))
    graph = export_to_nir(net, torch.from_numpy(frames()[:1]), ignore_dims=[0])
    neurons = [module for module in net if isinstance(module, snn.Leaky)]
    for neuron in neurons:
        neuron.reset_mem()
    heard = watched(neurons)
    for frame in frames():
        net(torch.from_numpy(frame[None]))
    yield "leaky", {"reset": "zero"}, graph, heard


def norse_cases() -> Iterator[Case]:
    import norse.torch as norse
    import torch
    from norse.torch.functional.iaf import IAFParameters
    from norse.torch.utils.export_nir import to_nir

    def box(threshold: float, shape: tuple[int, ...]) -> Any:
        return norse.LIFBoxCell(
            norse.LIFBoxParameters(torch.full(shape, 100.0), torch.zeros(shape), torch.full(shape, threshold / 4))
        )

    def iaf(threshold: float, shape: tuple[int, ...]) -> Any:
        return norse.IAFCell(IAFParameters(torch.full(shape, threshold), torch.zeros(shape)))

    def scalar(threshold: float, shape: tuple[int, ...]) -> Any:
        return norse.IAFCell(IAFParameters(torch.as_tensor(threshold)))

    for name, neuron in (("lifbox", box), ("iaf", iaf), ("iaf-scalar", scalar)):
        net = norse.SequentialState(*layers_without_pool(neuron))
        graph = to_nir(net, torch.from_numpy(frames()[:1]))
        state, heard = None, watched([net[1], net[3]])
        for frame in frames():
            _, state = net(torch.from_numpy(frame[None]), state)
        yield name, {"reset": "zero"}, graph, heard


def layers_without_pool(neuron: Callable[..., Any]) -> list[Any]:
    """norse's exporter knows neither pools nor flatten: a stride of two instead, on a map of one pixel at the end."""
    from torch import nn

    first = nn.Conv2d(CHANNELS, 4, 3, padding=1, stride=2)
    second = nn.Conv2d(4, 6, (5, 6))
    for module in (first, second):
        nn.init.zeros_(module.bias)
    second.weight += 0.01
    first.weight.mul_(32).round_().div_(32)
    second.weight.mul_(32).round_().div_(32)
    return [first, neuron(0.5, (4, 5, 6)), second, neuron(0.25, (6, 1, 1))]


def sinabs_cases() -> Iterator[Case]:
    import sinabs.activation as sina
    import sinabs.layers as sl
    import torch
    from sinabs.nir import to_nir
    from torch import nn

    def made(kind: Any, **extra: Any) -> Callable[..., Any]:
        def neuron(threshold: float, shape: tuple[int, ...]) -> Any:
            return kind(
                spike_threshold=torch.tensor(threshold),
                batch_size=1,
                spike_fn=sina.SingleSpike,
                reset_fn=sina.MembraneReset(),
                **extra,
            )

        return neuron

    cases: list[tuple[str, Any, dict[str, Any]]] = [
        ("iaf", made(sl.IAFSqueeze), {}),
        ("lif", made(sl.LIFSqueeze, tau_mem=8.0, norm_input=True), {}),
        ("lif-raw", made(sl.LIFSqueeze, tau_mem=8.0, norm_input=False), {"norm_input": False}),
    ]
    for name, neuron, extra in cases:

        def small(threshold: float, shape: tuple[int, ...], neuron: Any = neuron, name: str = name) -> Any:
            return neuron(threshold / 6 if name == "lif" else threshold, shape)

        net = nn.Sequential(*layers(small, sl.SumPool2d(2)))
        data = torch.from_numpy(frames())
        graph = to_nir(net, data[:1])
        for module in net:
            if hasattr(module, "reset_states"):
                module.reset_states()
        heard = watched([net[1], net[5]])
        net(data)
        yield name, {"reset": "zero", **extra}, graph, heard


def spikingjelly_cases() -> Iterator[Case]:
    import torch
    from spikingjelly.activation_based import functional
    from spikingjelly.activation_based import neuron as sj
    from spikingjelly.activation_based.nir_exchange.to_nir import export_to_nir
    from torch import nn

    def make(kind: Any, factor: float = 1.0, **extra: Any) -> Callable[..., Any]:
        return lambda threshold, shape: kind(v_threshold=threshold * factor, v_reset=0.0, **extra)

    for name, cells in (
        ("if", make(sj.IFNode)),
        ("lif", make(sj.LIFNode, 0.25, tau=2.5, decay_input=True)),
        ("lif-raw", make(sj.LIFNode, tau=2.5, decay_input=False)),
        ("plif", make(sj.ParametricLIFNode, 0.25, init_tau=3.0)),
    ):
        net = nn.Sequential(*layers(cells, nn.AvgPool2d(2)))
        graph = export_to_nir(net, torch.from_numpy(frames()[:1]))
        functional.reset_net(net)
        heard = watched([net[1], net[5]])
        for frame in frames():
            net(torch.from_numpy(frame[None]))
        yield name, {"reset": "zero"}, graph, heard


CASES = {"snntorch": snntorch_cases, "norse": norse_cases, "sinabs": sinabs_cases, "spikingjelly": spikingjelly_cases}


def with_sizes(graph: Any) -> Any:
    """What norse and sinabs leave open, so that `nir.write` fails: the sizes of maps before Conv2d and Flatten."""
    follower, shape = dict(graph.edges), (CHANNELS, HEIGHT, WIDTH)
    name = next(name for name, node in graph.nodes.items() if type(node).__name__ == "Input")
    while name in follower:
        node = graph.nodes[name]
        kind = type(node).__name__
        if kind == "Conv2d":
            node.input_shape = shape[1:] if node.input_shape is None else node.input_shape
            (_, _, *kernel) = node.weight.shape
            sizes = zip(shape[1:], kernel, node.stride, node.padding, strict=True)
            shape = (len(node.weight), *((n + 2 * p - k) // s + 1 for n, k, s, p in sizes))
        elif kind == "SumPool2d":
            shape = (shape[0], *(n // k for n, k in zip(shape[1:], node.kernel_size, strict=True)))
        elif kind == "Flatten" and node.input_type["input"] is None:
            node.input_type = {"input": np.array(shape)}
        name = follower[name]
    return graph


def write(library: str, folder: Path) -> None:
    import nir
    import torch

    torch.manual_seed(5)
    with torch.no_grad():
        for name, options, graph, spikes in CASES[library]():
            uncompressed = {"compression": None} if "compression" in signature(nir.write).parameters else {}  # scalars
            nir.write(folder / f"{library}-{name}.nir", with_sizes(graph), **uncompressed)
            arrays = [np.concatenate([np.asarray(x).reshape(-1, *x.shape[-3:]) for x in calls]) for calls in spikes]
            layers = {f"conv{i + 1}": array.reshape(STEPS, -1) for i, array in enumerate(arrays)}
            np.savez(folder / f"{library}-{name}.npz", options=repr({**HOW[library], **options}), **layers)
            print(f"{library}-{name}: {[int(x.sum()) for x in layers.values()]} spikes")


def compare(folder: Path) -> None:
    import ast

    import spikeseg_lava as sl
    from spikeseg_lava.exchange.nir import from_nir

    for path in sorted(folder.glob("*.nir")):
        stored = np.load(path.with_suffix(".npz"))
        options = ast.literal_eval(str(stored["options"]))
        try:
            network = from_nir(path, **options)
        except Exception as error:
            print(f"{path.stem}: {type(error).__name__}: {error}")
            continue
        record = sl.run(network, frames(), backend="torch", fire_once=False)
        for layer, shape in network.shapes().items():
            ours = np.zeros((STEPS, *shape), bool)
            ours[tuple(record.spikes[layer].T)] = True
            theirs = stored[layer].reshape(ours.shape) > 0
            print(
                f"{path.stem} {layer}: {theirs.sum()} spikes there, {ours.sum()} here, {(ours != theirs).sum()} differ"
            )


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], Path(sys.argv[3]))
    else:
        compare(Path(sys.argv[2]))
