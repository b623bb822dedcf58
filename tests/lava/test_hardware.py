"""The chip's graph is built, fed, read and aligned right, with a stand-in for the extension; without it, one line."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.models import planes_conv, pooled_model
from lava.magma.core.callback_fx import IterableCallBack
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io.encoder import Compression
from lava.utils import loihi
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.lava import loihi as loihi_run
from spikeseg_lava.lava.chip_graph import build_chip_graph, chip_synapse, message_bits, unproven_forms
from spikeseg_lava.lava.loihi import ChipRun, LoihiHost, choose_host, run_config, run_loihi2, run_loihi2_samples
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import KernelSynapse
from spikeseg_lava.stock.steps import KernelState

FRAMES = 3


@pytest.fixture
def model() -> FixedPointModel:
    weight = np.random.default_rng(8).integers(-40, 60, (2, 2, 3, 2)).astype(np.int8)
    theta, leak = np.full(2, 150, np.int32), np.full(2, 40, np.int32)
    source = ConvLayer("conv1", weight.astype(np.float32), Neuron(theta / 1.0, leak / 1.0, np.ones(2)), (1, 1), (1, 1))
    neuron = FixedPointNeuron(theta, leak, np.zeros(2, np.int32))
    layer = FixedPointConv("conv1", (Plane(weight, 0),), neuron, np.ones(2), source, (1, 1), (1, 1))
    return FixedPointModel((layer,), InputCode(3, 1.0), input_size=(4, 6))


@pytest.fixture
def frames() -> NDArray[np.float32]:
    random = np.random.default_rng(9)
    shape = (FRAMES, 2, 4, 6)
    return ((random.random(shape) < 0.5) * random.integers(0, 8, shape)).astype(np.float32)


def lowered(model: FixedPointModel, fire_once: bool) -> StockNetwork:
    return lower(model, method="windows", depth=2, frames=FRAMES, fire_once=fire_once)


def test_without_the_extension_one_line_says_what_is_missing(
    model: FixedPointModel, frames: NDArray[np.float32]
) -> None:
    for call in (run_loihi2, lambda *given: build_chip_graph(lowered(model, True), given[1])):
        with pytest.raises(BackendError, match="needs Intel's Lava extension") as caught:
            call(model, frames)
        assert "backend 'lava' simulates" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("fire_once", "late"), [(True, 2), (False, 1)])
def test_spikes_come_back_aligned_however_late_the_adapters_are(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32], fire_once: bool, late: int
) -> None:
    adapters.LATE = late
    network = lower(model, method="windows", frames=FRAMES, fire_once=fire_once)
    record = run_loihi2(network, frames, select_tag="fixed_pt")
    expected = run_engine(model, frames, fire_once)
    assert expected.counts["conv1"] > 15
    np.testing.assert_array_equal(record.spikes["conv1"], expected.spikes["conv1"])
    assert (record.meta["lag"], record.meta["agreement"]) == (late, 1.0)
    assert record.meta["backend"] == "loihi2"


def test_adapters_stand_between_host_and_chip(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32]
) -> None:
    network = lowered(model, True)
    graph = build_chip_graph(network, frames)
    entered = {"shape": (6, 4, 2), "bits": 16, "exp": 0, "compression": Compression.DENSE}
    assert [("in", entered), ("out", {"shape": (7, 4, 2), "bits": 0})] == adapters.CALLS
    assert set(graph.neurons) == {population.name for population in network.populations}
    assert graph.steps > network.chip_steps(FRAMES)
    sent = graph.inputs["input_shift0_delay0"].data.init
    np.testing.assert_array_equal(sent[..., :FRAMES], frames.transpose(3, 2, 1, 0))
    assert not sent[..., FRAMES:].any()


@pytest.mark.parametrize("method", ["windows", "mirror"])
def test_only_forms_that_public_code_shows_or_that_are_named_go_to_the_chip(
    adapters: Any, frames: NDArray[np.float32], method: Any
) -> None:
    network = lower(pooled_model(), method=method, frames=FRAMES)
    clip = np.zeros((FRAMES, 2, 6, 10), np.float32)
    graph = build_chip_graph(network, clip)
    named = unproven_forms(network)
    assert any("synapse groups" in form for form in named)
    adapters.refuse_what_public_code_does_not_show(graph, named)
    with pytest.raises(NotImplementedError, match="synapses, threshold"):
        adapters.refuse_what_public_code_does_not_show(graph, ())


def test_a_plain_network_takes_only_what_public_code_shows(adapters: Any) -> None:
    layer = planes_conv("conv1", [np.full((2, 2, 3, 3), 4)], 30, 0, floor=False)
    model = FixedPointModel((layer, PoolLayer("pool1", (2, 2), (2, 2))), InputCode(3, 1.0), input_size=(6, 8))
    network = lower(model, frames=FRAMES, fire_once=False)
    assert unproven_forms(network) == []
    adapters.refuse_what_public_code_does_not_show(build_chip_graph(network, np.zeros((FRAMES, 2, 6, 8))), ())


def test_a_pool_as_a_kernel_with_a_diagonal_adds_up_the_same(adapters: Any) -> None:
    weight = np.arange(1, 13).reshape(3, 1, 2, 2)
    grouped = KernelSynapse("pool", "a", "b", weight, groups=3)
    whole = chip_synapse(grouped)
    assert isinstance(whole, KernelSynapse)
    assert (whole.groups, whole.weight.shape) == (1, (3, 3, 2, 2))
    spikes = np.random.default_rng(2).random((5, 7, 3)) < 0.4
    ours, full = (
        KernelState(synapse, (3, 5, 7), (3, 4, 6)).deliver(spikes.astype(int)) for synapse in (grouped, whole)
    )
    np.testing.assert_array_equal(ours, full)


@pytest.mark.parametrize(("bits", "width"), [(0, 0), (1, 16), (16, 16), (17, 24), (25, 32)])
def test_messages_have_widths_that_public_code_shows(bits: int, width: int) -> None:
    assert message_bits(bits) == width


def test_only_layers_asked_for_come_back(adapters: Any, model: FixedPointModel, frames: NDArray[np.float32]) -> None:
    second = planes_conv("conv2", [np.full((1, 2, 1, 1), 9)], 5, 0)
    both = replace(model, layers=(*model.layers, second))
    network = lower(both, method="windows", frames=FRAMES)
    record = run_loihi2(network, frames, select_tag="fixed_pt", record=["conv2"], timeout=100)
    expected = run_engine(both, frames)
    assert list(record.spikes) == ["conv2"]
    np.testing.assert_array_equal(record.spikes["conv2"], expected.spikes["conv2"])
    for wish in ("record", "probes"):
        with pytest.raises(ArgumentError, match=f"`{wish}` names conv7, the layers are conv1, conv2"):
            run_loihi2(network, frames, select_tag="fixed_pt", **{wish: ["conv7"]})  # type: ignore[arg-type]


def test_many_samples_take_one_compilation_and_fire_what_each_fires_alone(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32]
) -> None:
    adapters.LATE = 1
    samples = [frames, frames[:2], frames[::-1]]
    network = lower(model, method="windows", frames=FRAMES)
    records = run_loihi2_samples(network, samples, select_tag="fixed_pt")
    assert len({id(record) for record in records}) == 3
    for sample, record in zip(samples, records, strict=True):
        np.testing.assert_array_equal(record.spikes["conv1"], run_engine(model, sample).spikes["conv1"])
    assert len([call for call in adapters.CALLS if call[0] == "in"]) == 2  # once, and once again for a lag of 1


def test_profilers_and_compiler_options_reach_lava() -> None:
    profiler = object()
    assert run_config(callback_fxs=[profiler]).callback_fxs == [profiler]


def test_membranes_of_chosen_layers_are_probed_beside_the_users_profilers(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profiler and a probe are callbacks of the run; a layer that is named twice is probed once."""
    given: list[Any] = []

    def spied(tag: Any, models: Any, callbacks: Any) -> Any:
        given.extend(callbacks)
        for callback in callbacks[1:]:
            callback.taken = True
        return run_config(tag, models, callbacks)

    monkeypatch.setattr(loihi_run, "run_config", spied)
    network, profiler = lowered(model, True), IterableCallBack()
    record = run_loihi2(
        network, frames, select_tag="fixed_pt", callback_fxs=[profiler], probes=["conv1", "conv1"], timeout=100
    )
    assert given[0] is profiler
    assert [probe.var.name for probe in given[1:]] == ["v"]
    assert given[1].var.process.name == network.outputs["conv1"].name
    np.testing.assert_array_equal(record.meta["probes"]["conv1"], [given[1].var.id] * 3)


def test_options_of_the_compiler_reach_it(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    compile_graph = AbstractProcess.compile
    monkeypatch.setattr(
        AbstractProcess, "compile", lambda self, cfg, options=None: (seen.append(options), compile_graph(self, cfg))[1]
    )
    record = run_loihi2(lowered(model, True), frames, select_tag="fixed_pt", compile_config={"partitioning": "by hand"})
    assert seen == [{"partitioning": "by hand"}]
    assert record.meta["agreement"] == 1.0


def test_the_graph_can_be_pickled_before_and_after_compilation(
    adapters: Any, model: FixedPointModel, frames: NDArray[np.float32]
) -> None:
    """Lava saves Processes and executables, so that a graph compiled elsewhere can be brought to the host."""
    graph = build_chip_graph(lowered(model, True), frames)
    again = pickle.loads(pickle.dumps(graph))
    assert list(again.neurons) == list(graph.neurons)
    for name, process in again.neurons.items():
        assert (process.name, int(process.vth.init)) == (name, int(graph.neurons[name].vth.init))
    first = next(iter(graph.inputs.values()))
    assert len(pickle.dumps(first.compile(run_config("fixed_pt")))) > 10_000


def test_a_run_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    with pytest.raises(BackendError, match=r"did not finish within `timeout` 0\.05 s"):
        ChipRun(timeout=0.05)._start(SimpleNamespace(run=lambda **given: released.wait(5)), None, None)  # type: ignore[arg-type]
    released.set()


def test_only_layers_asked_for_are_read(adapters: Any, model: FixedPointModel, frames: NDArray[np.float32]) -> None:
    with pytest.raises(ArgumentError, match="`record` names conv7, the layers are conv1"):
        build_chip_graph(lowered(model, True), frames, record=["conv7"])


def test_run_configuration_is_the_chips() -> None:
    assert isinstance(run_config(), Loihi2HwCfg)
    assert run_config("fixed_pt").select_tag == "fixed_pt"


@pytest.mark.parametrize(
    ("host", "call"),
    [
        (LoihiHost(partition="oheogulch", generation="N3C1"), ("slurm", "oheogulch", None, "N3C1")),
        (LoihiHost(board="ncl-og-01"), ("slurm", None, "ncl-og-01", "N3B3")),
        (LoihiHost(address="10.0.0.7"), ("ethernet", "10.0.0.7", "nxcore/bin/nx_driver_server", "N3B3")),
        (LoihiHost(address="10.0.0.7", binary="/opt/nx"), ("ethernet", "10.0.0.7", "/opt/nx", "N3B3")),
    ],
)
def test_host_is_chosen_through_lava(monkeypatch: pytest.MonkeyPatch, host: LoihiHost, call: tuple) -> None:
    seen: list[tuple] = []

    def slurm(partition: Any = None, board: Any = None, loihi_gen: Any = None) -> None:
        seen.append(("slurm", partition, board, loihi_gen.value))

    def ethernet(address: str, binary: str = "nxcore/bin/nx_driver_server", loihi_gen: Any = None) -> None:
        seen.append(("ethernet", address, binary, loihi_gen.value))

    monkeypatch.setattr(loihi, "use_slurm_host", slurm)
    monkeypatch.setattr(loihi, "use_ethernet_host", ethernet)
    choose_host(host)
    assert seen == [call]


def test_environment_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NXSDKHOST", "HOST_BINARY", "PARTITION", "BOARD", "LOIHI_GEN"):
        monkeypatch.delenv(name, raising=False)
    assert LoihiHost.from_environment() == LoihiHost()
    monkeypatch.setenv("PARTITION", "kp_build")
    assert LoihiHost.from_environment() == LoihiHost(partition="kp_build")
    monkeypatch.setenv("NXSDKHOST", "10.0.0.7")
    monkeypatch.setenv("LOIHI_GEN", "N3C1")
    assert LoihiHost.from_environment() == LoihiHost(address="10.0.0.7", generation="N3C1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"generation": "N9"}, "`generation` must be one of"),
        ({"address": "10.0.0.7", "board": "x"}, "give one"),
        ({"partition": "a", "board": "b"}, "give one"),
    ],
)
def test_contradicting_hosts_are_refused(arguments: dict, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        LoihiHost(**arguments)


def test_a_host_that_cannot_be_used_is_told_as_a_backend_error() -> None:
    with pytest.raises(BackendError, match="cannot use its host"):
        choose_host(LoihiHost())
