"""Steps take as long as their busiest core: counted by hand, and against Intel's published run of PilotNet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from builders.networks import float_conv
from numpy.typing import NDArray

from spikeseg_lava.chip.costs import LOIHI2 as COSTS
from spikeseg_lava.chip.costs import costs_of, estimate_energy
from spikeseg_lava.chip.groups import ChipNetwork, NeuronGroup, SynapseGroup, layer_group
from spikeseg_lava.chip.step_time import (
    BARRIER,
    core_operations,
    frame_times,
    group_load,
    network_times,
    spread,
    step_times,
)
from spikeseg_lava.chip.step_time import LOIHI2 as SPEEDS
from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.chip.tiling import cut, place
from spikeseg_lava.network.floats import ConvLayer, PoolLayer, Shape
from spikeseg_lava.spikes.record import rows_in_order

LOIHI2 = get_target("loihi2")
PHASES = (107.1, 125.0, 181.0, 201.3)  # us a step, measured
MEAN = 152.85


@pytest.mark.parametrize("kind", ["kernel", "pool", "point"])
def test_operations_of_every_core_are_those_of_a_dense_count(kind: str) -> None:
    """Ones for weights and for the neurons of one core, nothing elsewhere: the sum of a convolution counts."""
    random = np.random.default_rng(1)
    spikes = (random.random((2, 3, 7, 9)) < 0.3).astype(float)
    rows = rows_in_order(np.argwhere(spikes).astype(np.int32))
    if kind == "kernel":
        group = layer_group(float_conv("a", np.ones((4, 3, 3, 2)), stride=(2, 1), padding=(1, 0)), (3, 7, 9))
    elif kind == "pool":
        group = layer_group(PoolLayer("a", (2, 3), (2, 2)), (3, 7, 9))
    else:
        group = NeuronGroup("a", (3, 7, 9), (SynapseGroup("input", (3, 7, 9), (1, 1), sharing="point"),), "a")
    tiling = cut(group, (2, 2, 3), LOIHI2)
    found = core_operations(group.synapses[0], tiling, rows, 2)
    synapses, (channels, *_) = group.synapses[0], group.shape
    kernel = np.zeros((channels, 3, *synapses.window))
    kernel[:] = 1 if kind == "kernel" else np.eye(3)[:, :, None, None]
    sums = torch.nn.functional.conv2d(
        torch.as_tensor(spikes), torch.as_tensor(kernel), stride=synapses.stride, padding=synapses.padding
    ).numpy()
    for core in np.ndindex(*tiling.grid):
        held = tuple(slice(tiling.edges(k)[core[k]], tiling.edges(k)[core[k] + 1]) for k in range(3))
        np.testing.assert_array_equal(found[(slice(None), *core)], sums[(slice(None), *held)].sum(axis=(1, 2, 3)))
    assert found.sum() > 0


def test_a_step_waits_for_operations_updates_or_the_barrier() -> None:
    """1,000 operations are 750 ns; 100 neurons 265 ns; an empty step of 10 neurons is the barrier's 200 ns."""
    group = layer_group(float_conv("a", np.ones((10, 1, 10, 10))), (1, 10, 10))
    tiling = cut(group, (10, 1, 1), LOIHI2)
    every = np.array([[1, 0, y, x] for y in range(10) for x in range(10)])
    busy = group_load(group, tiling, {"input": every}, 3)
    assert (busy.operations.tolist(), busy.total.tolist()) == ([0, 1000, 0], [0, 1000, 0])
    times = step_times([busy], SPEEDS, 3)
    assert times.microseconds.tolist() == pytest.approx([0.2, 0.75, 0.2])
    assert times.limits == (BARRIER, "synaptic operations of a", BARRIER)
    larger = NeuronGroup("b", (100, 1, 1), (), "b")
    wide = step_times([busy, group_load(larger, cut(larger, (100, 1, 1), LOIHI2), {}, 3)], SPEEDS, 3)
    assert wide.microseconds.tolist() == pytest.approx([0.265, 0.75, 0.265])
    assert wide.limits[0] == "neuron updates of b"
    assert frame_times(wide, 2, 1).tolist() == pytest.approx([1.015])


def test_the_busiest_group_is_spread_over_cores_that_are_left() -> None:
    group = layer_group(float_conv("a", np.ones((8, 1, 5, 5)), padding=(2, 2)), (1, 16, 16))
    rows = np.array([[t, 0, y, x] for t in range(2) for y in range(16) for x in range(16)])
    network = ChipNetwork((group,), "", spikes={"input": rows}, steps=2)
    small = replace(LOIHI2, mapped_cores=replace(LOIHI2.mapped_cores, value=4))
    times = network_times(network, place(network.groups, small), small)
    assert times is not None
    after = spread(times, network, small, 1)
    assert (times.cores, after.cores) == (1, 4)
    assert after.mean < 0.3 * times.mean
    assert sum(int(load.total.sum()) for load in after.loads) == sum(int(load.total.sum()) for load in times.loads)


def pilotnet(path: Path, steps: int) -> ChipNetwork:
    """The network of lava-dl without input: its biases alone drive it. Integers of its CUBA neurons, step by step."""
    shape, below, groups, rows = (3, 66, 200), "input", [], {}
    spikes = np.zeros((steps, *shape))
    with h5py.File(path) as file:
        layers: list[Any] = [file["layer"][str(k)] for k in range(len(file["layer"]))]  # type: ignore[index]
        groups.append(layer_group(float_conv("input", np.ones((3, 1, 1, 1))), (1, *shape[1:]), "image"))
        for index, entry in enumerate(layers[1:], 1):
            if "weight" not in entry:
                continue
            layer = _layer(f"layer{index}", entry, shape)
            group = layer_group(layer, shape, below)
            spikes = _run(layer, entry, spikes)
            groups.append(group)
            rows[layer.name] = np.argwhere(spikes)
            shape, below = group.shape, layer.name
    nothing = np.zeros((0, 4), np.int64)
    return ChipNetwork(tuple(groups), "", spikes={"image": nothing, "input": nothing, **rows}, steps=steps)


def _layer(name: str, entry: Any, shape: Shape) -> ConvLayer:
    weight = entry["weight"][()]
    if "stride" not in entry:
        return float_conv(name, weight.reshape(-1, *shape))
    stride, padding = (tuple(int(x) for x in entry[key][()]) for key in ("stride", "padding"))
    return float_conv(name, weight, stride=stride, padding=padding)


def _run(layer: ConvLayer, entry: Any, spikes: NDArray[Any]) -> NDArray[Any]:
    weight, bias = torch.as_tensor(layer.weight).double(), np.rint(entry["bias"][()]).astype(int)
    threshold, decay = int(entry["neuron/vThMant"][()]) << 6, int(entry["neuron/vDecay"][()])
    membrane, fired = 0, []
    for now in spikes:
        sums = torch.nn.functional.conv2d(torch.as_tensor(now), weight, stride=layer.stride, padding=layer.padding)
        drive = (np.rint(sums.numpy()).astype(int) + bias[:, None, None]) << 6
        membrane = np.sign(membrane) * ((np.abs(membrane) * (4096 - decay)) >> 12) + drive
        fired.append(membrane > threshold)
        membrane = np.where(fired[-1], 0, membrane)
    return np.array(fired, float)


def test_pilotnet_takes_the_published_time_and_energy(shared: Path) -> None:
    network = pilotnet(shared / "loihi2_pilotnet" / "network.net", 8)
    placed = place(network.groups, LOIHI2)
    times = network_times(network, placed, LOIHI2)
    assert times is not None
    assert times.cores == 74
    assert set(times.limits) == {"synaptic operations of layer3"}
    phases = times.microseconds[4:]
    assert sorted(phases) == pytest.approx(PHASES, rel=0.03)
    assert phases.mean() == pytest.approx(MEAN, rel=0.02)
    busiest = next(load for load in times.loads if load.group.name == "layer3")
    assert sorted(busiest.operations[4:]) == [145_152, 169_344, 241_920, 266_112]
    energy = estimate_energy(times, network.spikes or {}, LOIHI2, 1)
    assert energy.total.low / network.steps == pytest.approx(68.3, rel=0.01)
    assert energy.static == pytest.approx(0.232 * times.microseconds.sum())


def test_every_constant_of_time_and_energy_names_its_source() -> None:
    energies = [end for cost in (COSTS.operation, COSTS.update, COSTS.spike) for end in (cost.low, cost.high)]
    for fact in (SPEEDS.operation_ns, SPEEDS.update_ns, SPEEDS.barrier_ns, COSTS.calibration, *energies):
        assert len(fact.source) > 20
        assert fact.standing in ("published", "measured", "fitted", "inferred")
        assert "Table 1" not in fact.source
    assert costs_of(get_target("loihi1")).static_watts is None
