"""What our Processes take, and what they refuse in the parent, by name: arguments, values no model holds, loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders.models import two_plane_model
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core.model.py.ports import AbstractPyIOPort, PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.process import LogConfig
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.lif.process import LIF

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.lava import processes
from spikeseg_lava.lava.processes import (
    IF,
    EventSource,
    MultiplicativeLIF,
    OrPool,
    PlaneConv,
    SpikeSEGEncoder,
    SpikeSink,
    SpikingConv,
    SubtractiveLIF,
)
from spikeseg_lava.network.floats import SpikingNetwork

FIXED, FLOAT = Loihi2SimCfg(select_tag="fixed_pt"), Loihi2SimCfg(select_tag="floating_pt")
WEIGHT = np.ones((2, 3, 3, 1), np.int64)
SHAPE = (5, 4, 1)
WRONG: Any = "3"
FRACTION: Any = (2, 2.5)


def convolution(**changes: Any) -> SpikingConv:
    return SpikingConv(**{"weight": WEIGHT, "input_shape": SHAPE, "threshold": 3, "name": "conv", **changes})


def encoder(model: Any, **options: Any) -> SpikeSEGEncoder:
    return SpikeSEGEncoder(model=model, size=(11, 17), name="encoder", **options)


def float_network() -> Any:
    layers: Any = tuple(getattr(layer, "source", layer) for layer in two_plane_model().layers)
    return SpikingNetwork(layers)


MAKERS = {
    "IF": lambda **more: IF(shape=3, threshold=4, **more),
    "SubtractiveLIF": lambda **more: SubtractiveLIF(shape=3, threshold=4, leak=1, **more),
    "MultiplicativeLIF": lambda **more: MultiplicativeLIF(shape=3, threshold=4, decay=1, **more),
    "PlaneConv": lambda **more: PlaneConv(weight=WEIGHT, input_shape=SHAPE, **more),
    "SpikingConv": lambda **more: SpikingConv(weight=WEIGHT, input_shape=SHAPE, threshold=4, **more),
    "OrPool": lambda **more: OrPool(input_shape=SHAPE, kernel=2, **more),
    "EventSource": lambda **more: EventSource(shape=SHAPE, steps=[], **more),
    "SpikeSink": lambda **more: SpikeSink(shape=SHAPE, **more),
    "SpikeSEGEncoder": lambda **more: SpikeSEGEncoder(model=two_plane_model(), size=(11, 17), **more),
}


def models_of(process: Any) -> list[Any]:
    """As Lava's search finds them, in its order."""
    return ProcGroupDiGraphs._find_proc_models(process)


def test_every_process_is_in_the_public_list() -> None:
    assert set(dir(processes)) == set(MAKERS)


@pytest.mark.parametrize("name", MAKERS)
def test_name_log_config_and_further_keywords_reach_the_models(name: str) -> None:
    log = LogConfig(file="other.log")
    process = MAKERS[name](name="mine", log_config=log, colour="blue")
    assert (process.name, process._log_config, process.proc_params["colour"]) == ("mine", log, "blue")
    assert process.proc_params["name"] == "mine"


@pytest.mark.parametrize("name", MAKERS)
def test_without_a_tag_the_floating_point_model_comes_first(name: str) -> None:
    process = MAKERS[name]()
    chosen = Loihi2SimCfg().select(process, models_of(process))
    assert "floating_pt" in chosen.tags


@pytest.mark.parametrize("name", MAKERS)
def test_ports_are_of_the_kinds_that_adapters_of_the_chip_accept(name: str) -> None:
    kinds = []
    for model in models_of(MAKERS[name]()):
        declared = [getattr(model, attribute) for attribute in dir(model)]
        ports = [x.cls for x in declared if isinstance(x, LavaPyType) and issubclass(x.cls, AbstractPyIOPort)]
        kinds += ports
    assert all(kind in (PyInPort.VEC_DENSE, PyOutPort.VEC_DENSE) for kind in kinds)
    assert kinds


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: IF(shape=2, threshold=1.5, name="n"), "`threshold` of Process `n` must hold integers .* got 1.5"),
        (
            lambda: IF(shape=2, threshold=2**32 + 5, name="n"),
            "`threshold` of Process .* must lie in .* got 4294967301",
        ),
        (lambda: IF(shape=2, threshold=5, v=2**23), "`v` of Process .* must lie in -8388608..8388607"),
        (lambda: IF(shape=2, threshold=5, v=0.5), "`v` of Process .* must hold integers"),
        (lambda: IF(shape=2, threshold=5, bias=[0, 0.25]), "`bias` of Process .* must hold integers .* got 0.25"),
        (lambda: SubtractiveLIF(shape=2, threshold=5, leak=0.9), "`leak` of Process .* must hold integers .* got 0.9"),
        (lambda: MultiplicativeLIF(shape=2, threshold=5, decay=0.1), "`decay` of Process .* integers .* got 0.1"),
        (lambda: PlaneConv(weight=WEIGHT * 0.6, input_shape=SHAPE), "`weight` of Process .* integers .* got 0.6"),
        (lambda: PlaneConv(weight=WEIGHT * 2**40, input_shape=SHAPE), "`weight` of Process .* must lie in"),
        (lambda: PlaneConv(weight=WEIGHT * 2**30, input_shape=SHAPE, weight_exp=31), "`weight` of .* are too large"),
        (lambda: PlaneConv(weight=WEIGHT, input_shape=SHAPE, weight_exp=32), "`weight_exp` of Process .* 0..31"),
        (lambda: convolution(weight=WEIGHT * 9.5), "`weight` of Process `conv` must hold integers .* got 9.5"),
        (lambda: convolution(threshold=0), "`threshold` of Process `conv` must lie in 1.."),
        (lambda: convolution(threshold=1.5), "`threshold` of Process `conv` must hold integers"),
        (lambda: encoder(float_network()), "`model` of Process `encoder` is a float network"),
        (lambda: encoder(two_plane_model(), v={"conv1": 0.5}), "`conv1_v` of Process `encoder` must hold integers"),
    ],
)
def test_what_fixed_point_models_cannot_hold_is_refused_when_the_graph_is_compiled(make: Any, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        make().compile(FIXED)


@pytest.mark.parametrize(
    "make",
    [
        lambda: IF(shape=2, threshold=5.0),
        lambda: MultiplicativeLIF(shape=2, threshold=5, decay=4096, v=-(2**23)),
        lambda: convolution(weight=WEIGHT * 2.0, leak=3.0),
    ],
)
def test_whole_numbers_written_as_floats_are_integers(make: Any) -> None:
    make().compile(FIXED)


def test_what_floating_point_models_cannot_hold_is_refused_too() -> None:
    for tag in (FLOAT, Loihi2SimCfg()):
        with pytest.raises(ArgumentError, match=r"`decay` of Process `n` must lie in 0\.\.1 in a floating-point model"):
            MultiplicativeLIF(shape=2, threshold=5, decay=410, name="n").compile(tag)
    encoder(two_plane_model()).compile(FLOAT)  # computes a network of integers in integers, whatever the tag


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: IF(shape=WRONG, threshold=1), ArgumentTypeError, "`shape` must be an integer or a tuple"),
        (lambda: IF(shape=0, threshold=1), ArgumentError, "`shape` must hold one or more positive integers, got 0"),
        (lambda: IF(shape=FRACTION, threshold=1), ArgumentError, "`shape` must hold .* got"),
        (lambda: IF(shape=2), ArgumentError, "give either `threshold` or Lava's name for it, `vth`"),
        (lambda: IF(shape=2, threshold=1, vth=1), ArgumentError, "give either `threshold` or"),
        (lambda: IF(shape=2, vth=1, v=[1, 2, 3]), ArgumentError, r"`v` must be one number or an array of shape \(2,\)"),
        (lambda: IF(shape=2, vth=1, reset_interval=0), ArgumentError, "`reset_interval`"),
        (lambda: IF(shape=2, vth=1, reset_offset=WRONG), ArgumentTypeError, "`reset_offset` must be an integer"),
        (lambda: IF(shape=2, vth=1, bias=[1, 2, 3]), ArgumentError, "`bias` must be one number or 2, one per channel"),
        (lambda: convolution(decay=5), ArgumentError, "`decay` does nothing with `leak_mode` 'subtractive'"),
        (lambda: convolution(leak=5, leak_mode="multiplicative"), ArgumentError, "`leak` does nothing with"),
        (
            lambda: encoder(two_plane_model(), v={"conv9": 0}),
            ArgumentError,
            "`v` names conv9, the convolutions are conv1",
        ),
        (lambda: encoder("model.slm"), ArgumentTypeError, "`model` must be a FixedPointModel or a SpikingNetwork"),
    ],
)
def test_arguments_are_refused_by_name(make: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        make()


def test_shapes_names_and_parameters_are_as_in_lavas_lif() -> None:
    neurons = SubtractiveLIF(shape=4, vth=7, leak=2, bias=[1, 2, 3, 4], v=3, name="LIF")
    assert (neurons.a_in.shape, neurons.v.shape, neurons.name) == ((4,), (4,), "LIF")
    assert neurons.vth is neurons.threshold
    np.testing.assert_array_equal(np.asarray(neurons.v.init), [3, 3, 3, 3])
    assert neurons.membrane.tolist() == [3, 3, 3, 3]
    given = {name: neurons.proc_params[name] for name in ("shape", "floor", "fire_once", "reset_interval")}
    assert given == {"shape": (4,), "floor": True, "fire_once": False, "reset_interval": None}
    assert [neurons.proc_params[name].tolist() for name in ("threshold", "leak", "bias")] == [[7], [2], [1, 2, 3, 4]]
    assert IF(shape=(3, 2), threshold=[1, 2]).s_out.shape == (3, 2)


def loop(*parts: Any) -> Any:
    """Connect each to the next one, and the last to the first; returns the first."""
    for part, following in zip(parts, [*parts[1:], parts[0]], strict=True):
        out = getattr(part, "s_out", None) or part.a_out
        entry = getattr(following, "a_in", None) or following.s_in
        out.connect(entry)
    return parts[0]


def test_a_loop_within_the_step_is_named_instead_of_hanging() -> None:
    square = {"weight": np.ones((1, 3, 3, 1), np.int64), "input_shape": SHAPE, "padding": 1}
    told = r"`(a|b)` -> `(a|b)` -> `\1` is a loop .* put a Process with a step of delay into it"
    with pytest.raises(ArgumentError, match=told):
        loop(PlaneConv(**square, name="a"), IF(shape=SHAPE, threshold=2, name="b")).compile(FIXED)
    with pytest.raises(ArgumentError, match="is a loop"):
        loop(SpikingConv(**square, threshold=3), OrPool(input_shape=SHAPE, kernel=1)).compile(FIXED)
    with pytest.raises(ArgumentError, match="is a loop"):
        loop(IF(shape=4, vth=2), LIF(shape=(4,))).compile(FIXED)
    loop(IF(shape=4, vth=2), Dense(weights=np.eye(4, dtype=int))).compile(FIXED)


def test_a_parameter_without_effect_cannot_be_set() -> None:
    with pytest.raises(ArgumentError, match="`decay` of `conv` cannot be set: it does nothing with `leak_mode`"):
        convolution().decay.set(5)
