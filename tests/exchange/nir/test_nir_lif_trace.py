"""The LIF neuron of the NIR paper on our integers, beside the traces of Lava on the CPU and of a Loihi 2 chip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nir_reading import from_nir
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import ReferenceEncoder, run_reference

SPIKES = [461, 511, 711, 761]
LATENCY = 1  # steps: Lava's Dense sends what it summed in the step before


@pytest.fixture(scope="module")
def network(shared: Path) -> SpikingNetwork:
    return from_nir(shared / "nir" / "lif_norse.nir", dt=1e-4)


def _trace(shared: Path, name: str) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """Input frames (T, 1, 1, 1), voltages (T,) and spikes (T,) of a trace of the paper."""
    rows = np.loadtxt(shared / "nir" / name, delimiter=",")
    return rows[:, 0].astype(np.float32)[:, None, None, None], rows[:, 1].astype(np.int64), rows[:, 2] > 0


def _as_the_paper_did(network: SpikingNetwork) -> FixedPointModel:
    """The integers of the paper's run: weights in 256ths, decay and threshold cut off, not rounded.

    Lava adds `a << 6` to V and fires at `V > vth << 6`; our threshold is the first value above.
    """
    layer = network.convolutions[0]
    ratio, gain = 1 - layer.neuron.beta[0], float(layer.weight[0, 0, 0, 0])
    plane = Plane(np.full((1, 1, 1, 1), int(gain * 256), np.int8), 6)
    theta = (int(float(np.float32(0.1)) * 131071) >> 9 << 6) + 1
    neuron = FixedPointNeuron(
        np.array([theta], np.int32), np.zeros(1, np.int32), np.array([int(ratio * 4095)], np.int32),
        "multiplicative", floor=False,
    )  # fmt: skip
    scale = np.array([int(gain * 256) * 64 / gain])
    return FixedPointModel((FixedPointConv(layer.name, (plane,), neuron, scale, layer),), InputCode(1, 1.0))


def _voltages(model: FixedPointModel, frames: NDArray[np.float32]) -> NDArray[np.int64]:
    encoder = ReferenceEncoder(model, fire_once=False)
    trace = np.zeros(len(frames), np.int64)
    for t, x in enumerate(encoder.encode(frames)):
        encoder.step(x)
        trace[t] = encoder.membranes()["conv1"].item()
    return trace


def test_the_graph_reads_as_euler_with_the_step_of_the_paper(network: SpikingNetwork) -> None:
    layer = network.convolutions[0]
    assert layer.neuron.beta == pytest.approx(1 - 1e-4 / 0.0025, abs=1e-7)
    assert layer.weight.item() == pytest.approx(0.04, abs=1e-7)
    assert layer.neuron.leak_mode == "multiplicative"
    assert not layer.neuron.floor


def test_floats_equal_the_norse_trace(network: SpikingNetwork, shared: Path) -> None:
    frames, _, _ = _trace(shared, "lif_norse.csv")
    rows = np.loadtxt(shared / "nir" / "lif_norse.csv", delimiter=",")
    encoder = ReferenceEncoder(network, fire_once=False)
    voltages, spikes = [], []
    for x in encoder.encode(frames):
        spikes.append(encoder.step(x)["conv1"].item())
        voltages.append(encoder.membranes()["conv1"].item())
    np.testing.assert_array_equal(spikes, rows[:, 2])
    np.testing.assert_allclose(voltages, rows[:, 1], atol=1e-6)


def test_every_voltage_equals_lava_on_the_cpu(network: SpikingNetwork, shared: Path) -> None:
    frames, voltages, spikes = _trace(shared, "lif_lava_cpu_fixed.csv")
    model = _as_the_paper_did(network)
    ours = _voltages(model, frames)
    np.testing.assert_array_equal(ours[:-LATENCY], voltages[LATENCY:])
    assert len(np.unique(voltages)) > 100
    times = run_reference(model, frames, fire_once=False).spikes["conv1"][:, 0]
    assert (times + LATENCY).tolist() == np.flatnonzero(spikes).tolist() == SPIKES


def test_every_voltage_equals_the_chip_but_at_the_spikes(network: SpikingNetwork, shared: Path) -> None:
    frames, voltages, spikes = _trace(shared, "lif_lava_loihi_fixed.csv")
    ours = _voltages(_as_the_paper_did(network), frames)
    unequal = np.flatnonzero(ours[:-LATENCY] != voltages[LATENCY:]) + LATENCY
    assert unequal.tolist() == np.flatnonzero(spikes).tolist() == SPIKES
    assert set(voltages[spikes].tolist()) == {128}, "the chip shows a placeholder where it spikes"


def test_the_event_engine_gives_the_spikes_of_the_chip(network: SpikingNetwork, shared: Path) -> None:
    frames, _, spikes = _trace(shared, "lif_lava_loihi_fixed.csv")
    record = run_engine(_as_the_paper_did(network), frames, fire_once=False)
    assert (record.spikes["conv1"][:, 0] + LATENCY).tolist() == np.flatnonzero(spikes).tolist()


def test_our_own_quantization_gives_the_spikes_of_the_chip(network: SpikingNetwork, shared: Path) -> None:
    from spikeseg_lava.quantization.quantize import quantize

    frames, _, spikes = _trace(shared, "lif_lava_loihi_fixed.csv")
    model = quantize(network, calibration=frames, input_bits=1)
    record = run_reference(model, frames, fire_once=False)
    assert (record.spikes["conv1"][:, 0] + LATENCY).tolist() == np.flatnonzero(spikes).tolist()


def test_another_decay_does_not_give_the_voltages_of_the_chip(network: SpikingNetwork, shared: Path) -> None:
    frames, voltages, _ = _trace(shared, "lif_lava_loihi_fixed.csv")
    model = _as_the_paper_did(network)
    model.convolutions[0].neuron.decay[:] += 1
    ours = _voltages(model, frames)
    assert (ours[:-LATENCY] != voltages[LATENCY:]).sum() > 100
