"""Where the pools come from: the caller, the configuration, the state buffers, or 2 and 2."""

from __future__ import annotations

import logging

import pytest
from builders.checkpoints import Save, two_layers, used_at

from spikeseg_lava.errors import ArgumentError, CheckpointError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint


def configured(model: object, state: object = None) -> dict[str, object]:
    return {"model_state_dict": state or two_layers(), "config": {"model": model}}


@pytest.mark.parametrize(
    ("model", "kernel", "stride"),
    [
        ({"pool1_kernel": 7, "pool1_stride": 6}, (7, 7), (6, 6)),
        ({"pool1_kernel": [3, 2], "pool1_stride": (2, 4)}, (3, 2), (2, 4)),
        ({"pool1_kernel": 3}, (3, 3), (3, 3)),
        ({}, (2, 2), (2, 2)),
    ],
)
def test_configured_pool(saved: Save, model: object, kernel: tuple[int, int], stride: tuple[int, int]):
    network = load_checkpoint(saved(configured(model)))
    pool = network.layers[1]
    assert (pool.name, pool.kernel, pool.stride) == ("pool1", kernel, stride)  # pyright: ignore[reportAttributeAccessIssue]
    assert network.provenance["pools"] == ["config" if model else "default"]


@pytest.mark.parametrize(
    ("pools", "kernel", "stride"),
    [([(7, 6)], (7, 7), (6, 6)), ([3], (3, 3), (3, 3)), ([((1, 2), (3, 4))], (1, 2), (3, 4))],
)
def test_argument_goes_before_the_configuration(saved: Save, pools, kernel, stride):
    path = saved(configured({"pool1_kernel": 2, "pool1_stride": 2}, used_at((40, 41), (20, 20))))
    network = load_checkpoint(path, pools=pools)
    pool = network.layers[1]
    assert (pool.kernel, pool.stride) == (kernel, stride)  # pyright: ignore[reportAttributeAccessIssue]
    assert network.provenance["pools"] == ["argument"]


@pytest.mark.parametrize(
    ("sizes", "kernel", "stride"),
    [(((40, 41), (20, 20)), (2, 2), (2, 2)), (((128, 31), (21, 5)), (7, 7), (6, 6))],
)
def test_state_buffers_tell_which_known_pool_it_was(saved: Save, sizes, kernel, stride):
    network = load_checkpoint(saved(used_at(*sizes)))
    pool = network.layers[1]
    assert (pool.kernel, pool.stride) == (kernel, stride)  # pyright: ignore[reportAttributeAccessIssue]
    assert network.provenance["pools"] == ["state buffers"]
    assert network.shapes()["conv2"][1:] == sizes[1]


def test_state_buffers_that_fit_no_known_pool_ask_for_the_argument(saved: Save):
    path = saved(used_at((40, 41), (13, 13)))
    with pytest.raises(CheckpointError, match=r"`pool1` is not in .* goes from 40x41 to 13x13 .* pass `pools="):
        load_checkpoint(path)
    assert load_checkpoint(path, pools=[3]).shapes()["conv2"] == (4, 13, 13)


def test_configuration_that_contradicts_the_state_buffers_is_said(saved: Save, caplog: pytest.LogCaptureFixture):
    path = saved(configured({"pool1_kernel": 7, "pool1_stride": 6}, used_at((40, 41), (20, 20))))
    assert load_checkpoint(path).layers[1].stride == (6, 6)
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (
            logging.WARNING,
            "`pool1`: config.model says kernel (7, 7) stride (6, 6), the state buffers show 40x41 to 20x20; "
            "the former is used",
        )
    ]


@pytest.mark.parametrize("pools", [[], [2, 2], 2, [0], [(2, 2, 2)], ["2"], [(2, -1)], [True], [None], [2.0]])
def test_impossible_argument(saved: Save, pools):
    with pytest.raises(ArgumentError, match="`pools` must"):
        load_checkpoint(saved(two_layers()), pools=pools)


@pytest.mark.parametrize("value", [0, -2, "2", 1.5, [1, 2, 3], True])
def test_impossible_configuration(saved: Save, value):
    with pytest.raises(CheckpointError, match=r"`config\.model` gives pool1 kernel"):
        load_checkpoint(saved(configured({"pool1_kernel": value, "pool1_stride": 2})))


@pytest.mark.parametrize("key", ["input_height", "n_timesteps"])
@pytest.mark.parametrize("value", [0, "ten", 1.5, True])
def test_impossible_sizes(saved: Save, key: str, value):
    data = {"input_height": 32, "input_width": 32, key: value}
    with pytest.raises(CheckpointError, match=f"`config.data.{key}` is "):
        load_checkpoint(saved({"model_state_dict": two_layers(), "config": {"data": data}}))
