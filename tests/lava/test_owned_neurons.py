"""A model as it is on neurons of the owner's own: the stand-in's spikes are the event engine's, however late it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.models import integer_conv, two_plane_clip, weights
from conftest import STAND_IN
from numpy.typing import NDArray
from test_user_scripts import finished

import spikeseg_lava.lava.processes as beside
from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, QuantizationError
from spikeseg_lava.lava.chip_graph import build_chip_graph
from spikeseg_lava.lava.loihi import run_loihi2
from spikeseg_lava.lava.processes import MultiplicativeLIF, SubtractiveLIF
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.lower import lower

NEURONS = {"subtractive": SubtractiveLIF, "multiplicative": MultiplicativeLIF}
LOSS = {"subtractive": {"leak": [30, 0]}, "multiplicative": {"decay": [600, 4]}}
NEURON_CORE = """
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.magma.core.run_configs import AbstractNcProcessModel
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from spikeseg_lava.lava.processes import SubtractiveLIF


@implements(proc=SubtractiveLIF, protocol=LoihiProtocol)
@requires(Loihi2NeuroCore)
class NcSubtractiveLIF(AbstractNcProcessModel, AbstractProcessModel):
    def allocate(self, net): ...
"""


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[type, type]]:
    """The owner's models, from a folder that was on the path of Python before our Processes were imported."""
    name = f"{beside.__name__}.ncmodels"
    monkeypatch.setattr(beside, "__path__", [*beside.__path__, str(STAND_IN / "spikeseg_lava" / "lava" / "processes")])
    models: Any = __import__(name, fromlist=["*"])
    yield {SubtractiveLIF: models.NcSubtractiveLIF, MultiplicativeLIF: models.NcMultiplicativeLIF}
    del sys.modules[name], beside.ncmodels  # type: ignore[attr-defined]


@pytest.fixture
def frames() -> NDArray[np.float32]:
    return np.minimum(two_plane_clip(steps=5, size=(6, 9), density=0.3), 7)


def model_with(leak_mode: str, floor: bool = True, reset_interval: int | None = None) -> FixedPointModel:
    """conv 3x2 of a plane of excitation and one of both signs - pool (1, 2) - conv 2x3; all values per channel."""
    settings: dict[str, Any] = {"leak_mode": leak_mode, "floor": floor, **LOSS[leak_mode]}
    conv1 = integer_conv(
        "conv1", [(weights(4, (2, 2, 3, 2), 0, 60), 2), (weights(5, (2, 2, 3, 2), -90, 60), 0)], [900, 700],
        padding=(1, 0), bias=[-20, 90], **settings,
    )  # fmt: skip
    conv2 = integer_conv(
        "conv2", [(weights(6, (2, 2, 2, 3), 1, 60), 1)], [90, 200], padding=(1, 0), bias=[3, 25],
        **settings,
    )  # fmt: skip
    layers = (conv1, PoolLayer("pool1", (1, 2), (1, 2)), conv2)
    return FixedPointModel(layers, InputCode(3, 1.0), input_size=(6, 9), reset_interval=reset_interval)


@pytest.mark.parametrize(
    ("leak_mode", "fire_once", "late"),
    [
        ("subtractive", True, 0),
        ("subtractive", False, 1),
        ("multiplicative", True, 1),
        ("multiplicative", False, 0),
    ],
)
def test_the_owners_neurons_fire_what_the_engines_fire(
    adapters: Any, owners: dict[type, type], frames: NDArray[np.float32], leak_mode: str, fire_once: bool, late: int
) -> None:
    adapters.LATE = late
    model, neuron = model_with(leak_mode), NEURONS[leak_mode]
    seen: list[dict[str, Any]] = []

    def owned(**keywords: Any) -> Any:
        seen.append(keywords)
        return neuron(**keywords)

    record = run_loihi2(model, frames, fire_once, neuron=owned, process_models=owners, select_tag="fixed_pt")
    expected = run_engine(model, frames, fire_once)
    assert min(expected.counts.values()) > 10
    assert {*record.spikes} == {"conv1", "pool1", "conv2"}
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(record.spikes[name], rows, name)
    assert (record.meta["lag"], record.meta["agreement"], record.meta["method"]) == (late, 1.0, "floored")
    assert all(keywords["fire_once"] is fire_once and keywords["floor"] for keywords in seen)


@pytest.mark.parametrize("leak_mode", ["subtractive", "multiplicative"])
@pytest.mark.parametrize(("floor", "interval", "late"), [(False, None, 1), (True, 2, 0), (False, 3, 2)])
def test_neurons_without_a_floor_and_reset_intervals_are_the_engines(
    adapters: Any, owners: dict[type, type], leak_mode: str, floor: bool, interval: int | None, late: int
) -> None:
    """Seven frames, so that state is cleared several times, and once between two frames of the other layer."""
    adapters.LATE = late
    model = model_with(leak_mode, floor, interval)
    clip = np.minimum(two_plane_clip(steps=7, size=(6, 9), density=0.3), 7)
    seen: list[dict[str, Any]] = []

    def owned(**keywords: Any) -> Any:
        seen.append(keywords)
        return NEURONS[leak_mode](**keywords)

    record = run_loihi2(model, clip, False, neuron=owned, process_models=owners, select_tag="fixed_pt")
    expected = run_engine(model, clip, fire_once=False)
    plain = run_engine(model_with(leak_mode), clip, fire_once=False)
    assert min(expected.counts.values()) > 10
    assert any(not np.array_equal(expected.spikes[name], plain.spikes[name]) for name in expected.spikes)
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(record.spikes[name], rows, name)
    assert (record.meta["lag"], record.meta["agreement"]) == (late, 1.0)
    assert all(keywords["floor"] is floor for keywords in seen)
    assert all(keywords.get("reset_interval", 0) >= (interval or 2**15) for keywords in seen)


def test_the_first_frame_starts_neurons_that_drift_without_input(adapters: Any, frames: NDArray[np.float32]) -> None:
    seen: dict[str, dict[str, Any]] = {}

    def owned(**keywords: Any) -> Any:
        seen[keywords["name"]] = keywords
        return SubtractiveLIF(**keywords)

    graph = build_chip_graph(model_with("subtractive"), frames, neuron=owned, fire_once=False)
    conv1 = seen["conv1"]
    assert conv1["shape"] == graph.neurons["conv1"].v.shape == (8, 6, 2)
    assert [conv1[name].tolist() for name in ("threshold", "leak", "bias")] == [[900, 700], [30, 0], [-20, 90]]
    assert "decay" not in conv1
    assert conv1["reset_offset"] < seen["conv2"]["reset_offset"]  # of two layers, the second one's input comes later
    assert {name for name in graph.synapses if name.startswith("conv")} == {
        "conv1_plane0_plus_0", "conv1_plane1_plus_0", "conv1_plane1_minus_0", "conv2_plane0_plus_0",
        "conv2_plane0_plus_1",
    }  # fmt: skip


def test_only_a_model_takes_the_owners_neuron(adapters: Any, frames: NDArray[np.float32]) -> None:
    model = model_with("subtractive")
    with pytest.raises(ArgumentError, match="pass `neuron=` with the Process you own"):
        build_chip_graph(model, frames)
    unbiased = FixedPointModel(
        (integer_conv("conv1", [(weights(4, (2, 2, 3, 2), 0, 60), 0)], 500, 20, padding=(1, 0)),), InputCode(3, 1.0)
    )
    with pytest.raises(ArgumentError, match="a stock network has neurons: pass the model"):
        build_chip_graph(lower(unbiased, method="windows", frames=5, size=(6, 9)), frames, neuron=SubtractiveLIF)


def test_a_layer_that_no_synapse_can_bring_is_named(adapters: Any, frames: NDArray[np.float32]) -> None:
    deep = integer_conv("deep", [(weights(6, (2, 2, 2, 3)), 14)], 90, 3, padding=None)
    model = FixedPointModel((*model_with("subtractive").layers[:1], deep), InputCode(3, 1.0), input_size=(6, 9))
    with pytest.raises(QuantizationError, match="`deep` needs 16384 synapses for an exponent of 14"):
        build_chip_graph(model, frames, neuron=SubtractiveLIF)


def test_lava_finds_the_owners_models_in_a_folder_on_the_path() -> None:
    finished("owner.py", "ucoded", path=STAND_IN)


def test_lava_prefers_the_owners_model_for_neuron_cores(tmp_path: Path) -> None:
    folder = tmp_path / "spikeseg_lava" / "lava" / "processes"
    folder.mkdir(parents=True)
    (folder / "ncmodels.py").write_text(NEURON_CORE)
    finished("owner.py", "neuron core", path=tmp_path)
