"""The `.net` file read back by an interpreter of its documented layout: the same spikes as the integer oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from builders.models import integer_conv
from hypothesis import given, settings
from hypothesis import strategies as st
from netx_interpreter import interpreted
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.netx.layers import netx_layers
from spikeseg_lava.exchange.netx.read import from_netx
from spikeseg_lava.exchange.netx.write import write_netx
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import run_reference


def layer(name: str, weight: Any, theta: int, exponent: int = 0, decay: int = 0, **geometry: Any) -> FixedPointConv:
    return integer_conv(name, [(weight, exponent)], theta, decay=decay, floor=False, **geometry)


def model(seed: int = 0, thresholds: tuple[int, int, int] = (301, 150, 90), exponent: int = 0) -> FixedPointModel:
    """conv (stride, asymmetric kernel) - conv - full connection - full connection, on 9 x 7 frames."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.integer]:
        return rng.integers(-60, 101, shape)

    layers = (
        layer("conv1", weights(3, 2, 3, 2), thresholds[0], exponent, stride=(1, 2), padding=(1, 0)),
        layer("conv2", weights(4, 3, 2, 3), thresholds[1]),
        layer("conv3", weights(5, 4, 8, 1), thresholds[2]),
        layer("conv4", np.abs(weights(2, 5, 1, 1)), thresholds[2]),
    )
    return FixedPointModel(layers, InputCode(2, 3.0), input_size=(9, 7), timesteps=20)


def frames(seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed + 50).integers(0, 4, (20, 2, 9, 7)) / 3).astype(np.float32)


def same_spikes(fixed: FixedPointModel, path: Path, clip: NDArray[np.float32]) -> dict[str, int]:
    """Compare every layer; the numbers of spikes that were compared."""
    oracle = run_reference(fixed, clip, fire_once=False)
    theirs = interpreted(path, fixed.input.encode(clip))
    for conv, spikes in zip(fixed.convolutions, theirs, strict=True):
        maps = spikes[:, None, None, :] if spikes.ndim == 2 else spikes
        np.testing.assert_array_equal(np.argwhere(maps.transpose(0, 3, 2, 1)), oracle.spikes[conv.name])
    return oracle.counts


def test_the_file_gives_the_spikes_of_the_oracle(tmp_path: Path) -> None:
    write_netx(model(), tmp_path / "a.net")
    counts = same_spikes(model(), tmp_path / "a.net", frames())
    assert min(counts.values()) > 10


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000), exponent=st.integers(0, 3), theta=st.integers(100, 2000))
def test_any_threshold_and_exponent(tmp_path_factory: Any, seed: int, exponent: int, theta: int) -> None:
    path = tmp_path_factory.mktemp("netx") / "a.net"
    fixed = model(seed, (theta, 150, 90), exponent)
    write_netx(fixed, path)
    assert same_spikes(fixed, path, frames(seed))["conv1"] > 0


def test_a_full_connection_may_come_first(tmp_path: Path) -> None:
    weight = np.random.default_rng(8).integers(-20, 40, (4, 2, 9, 7))
    one = replace(model(), layers=(layer("conv1", weight, 3000), layer("conv2", np.full((2, 4, 1, 1), 3), 10)))
    write_netx(one, tmp_path / "a.net")
    assert same_spikes(one, tmp_path / "a.net", frames())["conv2"] > 5


def test_a_decay_is_exact_where_the_units_agree(tmp_path: Path) -> None:
    weight = np.random.default_rng(2).integers(-60, 64, (3, 2, 3, 3)) * 2
    one = replace(model(), layers=(layer("conv1", weight, (500 << 6) + 1, 6, decay=700),))
    write_netx(one, tmp_path / "a.net")
    assert same_spikes(one, tmp_path / "a.net", frames())["conv1"] > 50
    assert netx_layers(one)[0].decay == 700


def test_the_layout(tmp_path: Path) -> None:
    write_netx(model(), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        groups: Any = file["layer"]
        kinds = [groups[str(i)]["type"][0].decode() for i in range(len(groups))]
        assert kinds == ["input", "conv", "conv", "flatten", "dense", "dense"]
        assert sorted(groups["0"]) == ["shape", "type"], "with neurons the reader would forget graded input"
        assert groups["0"]["shape"][()].tolist() == [2, 9, 7]
        assert groups["1"]["stride"][()].tolist() == [1, 2]
        assert groups["4"]["weight"].shape == (5, 4 * 8 * 1)
        assert groups["1"].attrs["name"] == "conv1"
        weight = groups["1"]["weight"][()]
    assert (weight == 2 * model().convolutions[0].kernel).all(), "odd weights of both signs are doubled"


def _with(index: int, **neuron: Any) -> FixedPointModel:
    layers = list(model().convolutions)
    layers[index] = replace(layers[index], neuron=replace(layers[index].neuron, **neuron))
    return replace(model(), layers=tuple(layers))


def _with_layer(new: Any) -> FixedPointModel:
    return replace(model(), layers=(new, *model().layers[1:]))


def refused_models() -> dict[str, FixedPointModel]:
    plain, weights = model(), model().convolutions[0].planes[0].weight
    wide = replace(plain.convolutions[0], planes=(Plane(weights, 0), Plane(weights, 8)))
    return {
        r"`conv1`: the stock LIF has no floor": _with(0, floor=True),
        r"`conv2`: a leak or a bias lets V drift": _with(1, leak=np.full(4, 3, np.int32)),
        r"`conv3`: a population has one threshold": _with(2, threshold=np.arange(5, dtype=np.int32) + 90),
        r"`pool1`: its reader has no pooling": replace(
            plain, layers=(plain.layers[0], PoolLayer("pool1", (1, 1), (1, 1)), *plain.layers[1:])
        ),
        r"`conv1`: weights of .* do not fit": _with_layer(wide),
        r"`conv4`: threshold .* is beyond 17 bits": _with(3, threshold=np.full(2, 2**22, np.int32)),
        r"`conv1`: with a decay its weights": _with(0, decay=np.full(3, 100, np.int32), leak_mode="multiplicative"),
        r"`conv4`: the weights of a neuron add up": replace(
            plain,
            layers=(*plain.layers[:3], layer("conv4", np.full((2, 1200, 1, 1), 127), 90)),
        ),
    }


@pytest.mark.parametrize("reason", refused_models())
def test_what_netx_cannot_express_is_refused_by_name(reason: str) -> None:
    fixed = refused_models()[reason]
    if "add up" in reason:
        fixed = replace(fixed, layers=fixed.layers[3:], input_size=(1, 1))
    with pytest.raises(ExchangeError, match=reason):
        netx_layers(fixed)


def test_all_reasons_come_together() -> None:
    both = replace(_with(0, floor=True), layers=(*_with(0, floor=True).layers[:1], *_with(1, floor=True).layers[1:]))
    with pytest.raises(ExchangeError, match=r"`conv1`: .*; `conv2`: "):
        netx_layers(both)


def test_a_size_is_needed() -> None:
    with pytest.raises(ArgumentError, match=r"`size`"):
        netx_layers(replace(model(), input_size=None))


def test_the_network_of_the_nir_paper_goes_on_to_netx(shared: Path, tmp_path: Path) -> None:
    from spikeseg_lava.exchange.nir.read import from_nir
    from spikeseg_lava.quantization.quantize import quantize

    network = from_nir(shared / "nir" / "cnn_sinabs.nir", reset="zero")
    fixed = quantize(network, planes=1, input_bits=1)
    write_netx(fixed, tmp_path / "cnn.net")
    clip = (np.random.default_rng(3).random((5, 2, 34, 34)) < 0.2).astype(np.float32)
    assert same_spikes(fixed, tmp_path / "cnn.net", clip)["conv2"] > 100


def test_a_convolution_behind_a_full_connection_is_refused(shared: Path) -> None:
    """`cases/recordings/conv_after_dense.net` is what was written of such a model; lava-dl's reader raises on it."""
    rng = np.random.default_rng(3)
    layers = (
        layer("conv1", rng.integers(-60, 60, (3, 2, 3, 3)), 90, stride=(3, 3)),
        layer("conv2", rng.integers(-60, 60, (3, 3, 3, 3)), 90, padding=(1, 1)),
    )
    with pytest.raises(ExchangeError, match="`conv2`: its reader opens no convolution behind a full connection"):
        netx_layers(replace(model(), layers=layers, input_size=(3, 3)))
    with pytest.raises(ExchangeError, match=r"`conv2` .*: a convolution behind a dense layer"):
        from_netx(shared / "cases" / "recordings" / "conv_after_dense.net")


def test_biases_are_written_where_a_reset_interval_clears_what_they_did_too_early(tmp_path: Path) -> None:
    biased = replace(_with(0, bias=np.array([40, -7, 12], np.int32)), reset_interval=30)
    write_netx(biased, tmp_path / "a.net")
    assert same_spikes(biased, tmp_path / "a.net", frames())["conv1"] > 50
    with pytest.raises(ExchangeError, match="unless the model has a reset interval"):
        write_netx(replace(biased, reset_interval=None), tmp_path / "a.net")
