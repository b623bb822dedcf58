"""Reading NIR graphs: every node against a direct computation, everything else refused by name."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_reading import from_nir
from torch.nn import functional

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.nir.read import ResetWarning
from spikeseg_lava.exchange.nir.read import from_nir as read_nir
from spikeseg_lava.exchange.nir.write import to_nir
from spikeseg_lava.network.floats import ConvLayer, PoolLayer
from torch_reference import run_reference

RNG = np.random.default_rng(7)


def chained(*nodes: nir.NIRNode, shape: tuple[int, ...] = (2, 8, 6)) -> nir.NIRGraph:
    """The nodes in a row, named n0, n1, ..."""
    named: dict[str, nir.NIRNode] = {"in": nir.Input({"input": np.array(shape)})}
    named |= {f"n{i}": node for i, node in enumerate(nodes)}
    named["out"] = nir.Output({"output": np.array([1])})
    names = list(named)
    return nir.NIRGraph(named, list(pairwise(names)), metadata={}, type_check=False)


def conv(weight: np.ndarray, **options: Any) -> nir.Conv2d:
    plain: dict[str, Any] = {
        "stride": (1, 1),
        "padding": (0, 0),
        "dilation": (1, 1),
        "groups": 1,
        "bias": np.zeros(len(weight)),
    }
    return nir.Conv2d(input_shape=None, weight=weight, **{**plain, **options})


def fire(shape: tuple[int, ...] = (1,), threshold: float = 1.0, r: float = 1.0) -> nir.IF:
    return nir.IF(r=np.full(shape, r, np.float32), v_threshold=np.full(shape, threshold, np.float32))


def leaky(tau: float, r: float = 1.0, threshold: float = 1.0, **other: Any) -> nir.LIF:
    one = np.ones(1, np.float32)
    plain = {"v_leak": 0 * one, "v_threshold": threshold * one, "v_reset": 0 * one}
    return nir.LIF(tau=tau * one, r=r * one, **{**plain, **other})


def whole(*shape: int) -> np.ndarray:
    """Small whole numbers: float32 sums of them are exact in any order."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def drive(layer: ConvLayer, frames: np.ndarray) -> np.ndarray:
    x, w = torch.from_numpy(frames), torch.from_numpy(layer.weight)
    return functional.conv2d(x, w, stride=layer.stride, padding=layer.padding).numpy()


@settings(deadline=None, max_examples=40)
@given(
    pool=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    step=st.integers(1, 2),
    padding=st.integers(0, 1),
    size=st.tuples(st.integers(6, 12), st.integers(6, 12)),
)
def test_a_sum_pool_before_a_convolution_is_one_convolution_or_refused(
    pool: Any, stride: Any, kernel: Any, step: int, padding: int, size: Any
) -> None:
    weight, frames = whole(3, 2, *kernel), whole(2, 2, *size)
    sums = nir.SumPool2d(kernel_size=np.array(pool), stride=np.array(stride), padding=np.array([0, 0]))
    graph = chained(sums, conv(weight, stride=(step, step), padding=(padding, padding)), fire(), shape=(2, *size))
    pooled = functional.avg_pool2d(torch.from_numpy(frames), pool, stride, divisor_override=1)
    if min(pooled.shape[2] + 2 * padding - kernel[0], pooled.shape[3] + 2 * padding - kernel[1]) < 0:
        return
    expected = functional.conv2d(pooled, torch.from_numpy(weight), stride=step, padding=padding).numpy()
    if padding and not all(p + (n - p) % s <= s for n, p, s in zip(size, pool, stride, strict=True)):
        with pytest.raises(ExchangeError, match=r"`n1` .Conv2d. pads"):
            from_nir(graph)
    else:
        np.testing.assert_array_equal(drive(from_nir(graph).convolutions[0], frames), expected)


def test_a_sum_pool_that_divides_its_input_is_never_refused() -> None:
    weight, frames = whole(3, 2, 3, 3), whole(4, 2, 8, 6)
    sums = nir.SumPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))
    network = from_nir(chained(sums, conv(weight, padding=(1, 1)), fire()))
    pooled = functional.avg_pool2d(torch.from_numpy(frames), 2, divisor_override=1)
    expected = functional.conv2d(pooled, torch.from_numpy(weight), padding=1).numpy()
    np.testing.assert_array_equal(drive(network.convolutions[0], frames), expected)
    assert network.provenance["nir_nodes"] == {"conv1": ["n0", "n1", "n2"]}


def test_dilation_groups_and_an_asymmetric_kernel() -> None:
    weight, frames = whole(4, 1, 3, 2), whole(2, 2, 8, 6)
    layer = from_nir(chained(conv(weight, dilation=(2, 3), groups=2, padding=(1, 2), stride=(2, 1)), fire()))
    expected = functional.conv2d(
        torch.from_numpy(frames), torch.from_numpy(weight), stride=(2, 1), padding=(1, 2), dilation=(2, 3), groups=2
    )
    np.testing.assert_array_equal(drive(layer.convolutions[0], frames), expected.numpy())


def test_flatten_and_a_full_connection_cover_the_map_in_the_order_c_h_w() -> None:
    matrix, frames = whole(5, 2 * 8 * 6), whole(3, 2, 8, 6)
    flat = nir.Flatten(input_type={"input": np.array([2, 8, 6])}, start_dim=0)
    network = from_nir(chained(flat, nir.Linear(weight=matrix), fire((5,))))
    np.testing.assert_array_equal(drive(network.convolutions[0], frames)[:, :, 0, 0], frames.reshape(3, -1) @ matrix.T)
    assert network.shapes() == {"conv1": (5, 1, 1)}


def test_a_mean_over_windows_is_the_sum_divided() -> None:
    mean = nir.AvgPool2d(kernel_size=np.array([2, 4]), stride=np.array([2, 2]), padding=np.array([0, 0]))
    layer = from_nir(chained(mean, fire())).convolutions[0]
    frames = whole(2, 2, 8, 6)
    np.testing.assert_array_equal(
        drive(layer, frames), functional.avg_pool2d(torch.from_numpy(frames), (2, 4), 2).numpy()
    )


def test_a_threshold_behind_summed_spikes_is_the_or_pool() -> None:
    sums = nir.SumPool2d(kernel_size=np.array([2, 3]), stride=np.array([2, 1]), padding=np.array([0, 0]))
    network = from_nir(chained(fire(), sums, nir.Threshold(np.full(1, 0.5)), conv(whole(3, 2, 2, 2)), fire()))
    assert network.layers[1] == PoolLayer("pool1", (2, 3), (2, 1))
    assert list(network.shapes()) == ["conv1", "pool1", "conv2"]


def test_strictly_above_and_at_equality() -> None:
    frames = np.ones((1, 1, 1, 1), np.float32)
    graph = chained(fire(threshold=1.0), shape=(1,))
    assert run_reference(from_nir(graph), frames).counts == {"conv1": 0}
    assert run_reference(from_nir(graph, fires_at_equality=True), frames).counts == {"conv1": 1}


def test_a_negative_bias_of_an_if_neuron_is_a_subtractive_leak() -> None:
    weight, bias = whole(2, 2, 1, 1), np.array([-0.5, 0.0])
    neuron = from_nir(chained(conv(weight, bias=bias), fire(r=2.0))).convolutions[0].neuron
    assert neuron.leak.tolist() == [1.0, 0.0]
    assert (neuron.leak_mode, neuron.floor) == ("subtractive", False)


@pytest.mark.parametrize(
    ("rule", "beta", "gain"), [("euler", 0.75, 0.25 * 3), ("exponential", np.exp(-0.25), (1 - np.exp(-0.25)) * 3)]
)
def test_the_step_of_a_leaky_neuron(rule: Any, beta: float, gain: float) -> None:
    layer = from_nir(chained(leaky(tau=0.4, r=3.0), shape=(1,)), dt=0.1, discretisation=rule).convolutions[0]
    assert layer.neuron.beta[0] == pytest.approx(beta)
    assert layer.weight.item() == pytest.approx(gain)


def test_r_written_as_tau_over_dt_leaves_the_weights_alone() -> None:
    tau = np.float32(1e-4) / (1 - np.float32(0.9))
    layer = from_nir(chained(leaky(tau=float(tau), r=float(tau / np.float32(1e-4))), shape=(1,)), dt=1e-4).convolutions[
        0
    ]
    assert layer.weight.item() == 1.0
    assert np.float32(layer.neuron.beta[0]) == np.float32(0.9)


REFUSED = {
    "`n0` (CubaLIF).*second state": (nir.CubaLIF(*[np.ones(1)] * 4, v_threshold=np.ones(1)),),
    "`n0` (Scale)": (nir.Scale(np.ones(1)), fire()),
    "`n0` (Delay)": (nir.Delay(np.ones(1)), fire()),
    "`n0` (LIF).*`dt` is needed": (leaky(0.1),),
    "`n0` (LIF).*`v_leak`": (leaky(0.1, v_leak=np.ones(1)),),
    "`n0` (IF).*`v_reset`": (nir.IF(r=np.ones(1), v_threshold=np.ones(1), v_reset=-np.ones(1)),),
    "`n0` (IF).*`v_threshold`": (fire(threshold=0.0),),
    "`n0` (IF).*differs within a channel": (
        nir.IF(r=np.ones((2, 8, 6)), v_threshold=1 + np.arange(96.0).reshape(2, 8, 6)),
    ),
    "`n0` (LIF).*it is an IF neuron": (leaky(np.inf),),
    "`n1` (LIF).*`dt`": (conv(whole(2, 2, 1, 1), bias=-np.ones(2)), leaky(0.1)),
    "`n0` (Threshold)": (nir.Threshold(np.ones(1)),),
    "`n0` has no spiking neuron": (conv(whole(2, 2, 1, 1)),),
    "`n0` (Conv2d) expects 3 channels": (conv(whole(2, 3, 1, 1)), fire()),
    "`n0` (Conv2d) pads 'same'": (conv(whole(2, 2, 2, 2), padding="same"), fire()),
    "`n0` (Affine) has weights": (nir.Affine(whole(2, 5), np.zeros(2)), fire()),
    "`n1` (Conv2d) follows a biased": (conv(whole(2, 2, 1, 1), bias=-np.ones(2)), conv(whole(2, 2, 1, 1)), fire()),
    "no spiking neuron": (),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_the_contract_cannot_express_is_refused_by_name(message: str) -> None:
    pattern = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ExchangeError, match=pattern):
        from_nir(chained(*REFUSED[message]))


def test_a_bias_is_added_every_step_times_what_scales_the_input() -> None:
    bias = np.array([-1.0, 2.0])
    leaking = from_nir(chained(conv(whole(2, 2, 1, 1), bias=bias), leaky(0.1, r=3.0)), dt=0.02).convolutions[0].neuron
    assert leaking.bias.tolist() == pytest.approx([-0.6, 1.2])
    plain = from_nir(chained(conv(whole(2, 2, 1, 1), bias=bias), fire())).convolutions[0].neuron
    assert (plain.leak.tolist(), plain.bias.tolist()) == ([1, 0], [0, 2])
    weight = whole(2, 2, 1, 1)
    unscaled = from_nir(chained(conv(weight), leaky(0.1, r=3.0)), dt=0.02, norm_input=False).convolutions[0]
    np.testing.assert_array_equal(unscaled.weight, 3 * weight.astype(np.float32))


def test_what_a_spike_does_to_the_membrane_must_be_said() -> None:
    graph = chained(conv(whole(2, 2, 1, 1)), fire())
    with pytest.warns(ResetWarning, match="`n1`: NIR does not say how a spike resets"):
        read_nir(graph)
    with pytest.raises(ExchangeError, match="subtract their threshold"):
        read_nir(graph, reset="subtract")
    with pytest.raises(ArgumentError, match="`reset` must be"):
        read_nir(graph, reset="none")  # type: ignore[arg-type]
    ours = read_nir(graph, reset="zero")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_nir(to_nir(ours, size=(8, 6)))  # our own export says it


def test_a_step_longer_than_the_time_constant_is_refused() -> None:
    with pytest.raises(ExchangeError, match=r"expected at least `dt`"):
        from_nir(chained(leaky(0.1)), dt=0.2)


@pytest.mark.parametrize("extra", [("n1", "n0"), ("n0", "out"), ("n1", "in")])
def test_loops_and_branches_are_refused(extra: tuple[str, str]) -> None:
    graph = chained(conv(whole(2, 2, 1, 1)), fire())
    graph.edges.append(extra)
    with pytest.raises(ExchangeError, match=r"recurrent|not one chain|no plain chain"):
        from_nir(graph)


def test_a_graph_inside_the_graph_is_refused() -> None:
    inner = chained(fire(), shape=(2, 8, 6))
    with pytest.raises(ExchangeError, match=r"`n0` .NIRGraph. is a graph of its own"):
        from_nir(chained(inner))


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="is no file"):
        from_nir(tmp_path / "missing.nir")
    (tmp_path / "text.nir").write_text("no graph")
    with pytest.raises(ExchangeError, match="is not a NIR graph"):
        from_nir(tmp_path / "text.nir")


@pytest.mark.parametrize("options", [{"dt": 0.0}, {"discretisation": "heun"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"`dt`|`discretisation`"):
        from_nir(chained(fire()), **options)
