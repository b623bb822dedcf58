"""lava-dl networks come in: a public trace of Loihi 2 layer by layer, files of the documented layout, and refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from netx_interpreter import interpreted
from numpy.typing import NDArray

import spikeseg_lava as sl
from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.netx.entries import is_netx
from spikeseg_lava.exchange.netx.read import CurrentWarning, from_netx
from spikeseg_lava.exchange.netx.write import write_netx
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import ReferenceEncoder, run_reference

STORED = ["input", "conv-0", "conv-1", "conv-2", "conv-3", "conv-4", "fc-0", "fc-1", "fc-2"]
INDEX = {name: index + (index > 5) for index, name in enumerate(STORED)}  # in the file a flatten stands before fc-0
INTERVAL = 16  # steps after which the stored run was cleared
PLACEHOLDER = 128  # what the stored voltage is at every spike


def stored(folder: Path, name: str) -> NDArray[Any]:
    """[T, C, H, W] of a stored array (W, H, C, T) or (C, T)."""
    array = np.load(folder / f"{name}.npy")
    return array.transpose(3, 2, 1, 0) if array.ndim == 4 else array.T[:, :, None, None]


def one_layer(folder: Path, name: str) -> FixedPointModel:
    first = INDEX[name] - (name == "fc-0")
    model = from_netx(folder / "network.net", num_layers=INDEX[name] + 1, skip_layers=first)
    assert [layer.name for layer in model.layers] == [name]
    return model


@pytest.mark.parametrize("name", STORED[1:])
def test_every_layer_equals_the_stored_run_spike_by_spike_and_voltage_by_voltage(shared: Path, name: str) -> None:
    """Layer k was cleared before step k of the file and saw the spikes of one step before, as NetX delays them."""
    folder, start = shared / "loihi2_pilotnet", STORED.index(name)
    model = one_layer(folder, name)
    below = stored(folder, STORED[start - 1])[start - 1 :][:INTERVAL].astype(np.float32)
    spikes = stored(folder, name)[start:][:INTERVAL]
    encoder, membranes = ReferenceEncoder(model, fire_once=False), []
    for frame, expected in zip(encoder.encode(below), spikes, strict=True):
        np.testing.assert_array_equal(encoder.step(frame)[name], expected)
        membranes.append(encoder.membranes()[name])
    engine = sl.run(model, below, backend="event", fire_once=False)
    np.testing.assert_array_equal(engine.spikes[name], np.argwhere(spikes))
    np.testing.assert_array_equal(engine.membranes[name], membranes[-1])
    assert spikes.sum() >= 3
    if name != "conv-0":  # no voltages are stored of it
        voltages = stored(folder, f"{name}-v")[start:][:INTERVAL]
        assert (voltages[spikes] == PLACEHOLDER).all()
        np.testing.assert_array_equal(np.array(membranes)[~spikes], voltages[~spikes])


def test_the_trace_is_as_large_as_the_page_says(shared: Path) -> None:
    folder = shared / "loihi2_pilotnet"
    spikes = [stored(folder, name)[k : k + INTERVAL] for k, name in enumerate(STORED) if k > 1]
    assert sum(int(x.sum()) for x in spikes) == 74_814
    assert sum(int((~x).sum()) for x in spikes) == 611_202


def test_an_input_layer_is_driven_by_pixels(shared: Path) -> None:
    """`image.npy` holds what drove each neuron, 80 x - 4 of a pixel x; the layer was cleared before step 17."""
    folder = shared / "loihi2_pilotnet"
    model = from_netx(folder / "network.net", num_layers=1, reset_interval=17)
    assert (model.input_size, model.timesteps) == ((66, 200), 16)
    image = np.load(folder / "image.npy").transpose(2, 1, 0)
    frames = np.repeat(((image + 4) / 80)[None], 24, axis=0).astype(np.float32)
    record = sl.run(model, frames, backend="event", fire_once=False)
    np.testing.assert_array_equal(record.spikes["input"], np.argwhere(stored(folder, "input")))


def test_the_whole_network_runs_on_every_executor(shared: Path) -> None:
    model = from_netx(shared / "loihi2_pilotnet" / "network.net", reset_interval=5)
    assert list(model.shapes().values())[-2:] == [(10, 1, 1), (1, 1, 1)]
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.random((1, 3, 66, 200)), 7, axis=0).astype(np.float32)
    oracle = run_reference(model, frames, fire_once=False)
    assert oracle.counts["conv-4"] > 500
    for backend in ("event", "lava-fused"):
        found = sl.run(model, frames, backend=backend, fire_once=False)
        assert sl.compare(oracle, found).identical


def test_what_was_read_can_be_written_and_read_again(shared: Path, tmp_path: Path) -> None:
    model = from_netx(shared / "loihi2_pilotnet" / "network.net", skip_layers=1, reset_interval=INTERVAL)
    model.save(tmp_path / "a.slm")
    write_netx(sl.load_model(tmp_path / "a.slm"), tmp_path / "a.net")
    again = from_netx(tmp_path / "a.net", reset_interval=INTERVAL)
    assert again.input == model.input
    for one, other in zip(model.convolutions, again.convolutions, strict=True):
        assert (one.name, one.stride, one.padding) == (other.name, other.stride, other.padding)
        np.testing.assert_array_equal(one.kernel, other.kernel)
        for field in ("threshold", "decay", "bias"):
            np.testing.assert_array_equal(getattr(one.neuron, field), getattr(other.neuron, field))


Layer = dict[str, Any]


def cuba(**changed: Any) -> Layer:
    return {"type": b"CUBA", "iDecay": 4096, "vDecay": 300, "vThMant": 90, "refDelay": 1, **changed}


def layers_of_a_net(seed: int) -> list[Layer]:
    """Input, a grouped convolution with strides, a dilated one, flatten and two full connections; 11 x 8 pixels."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[Any]:
        return 2.0 * rng.integers(-30, 50, shape)

    geometry = {"padding": [1, 0], "stride": [1, 2], "dilation": [1, 1], "groups": 2}
    wide = {"padding": [0, 0], "stride": [1, 1], "dilation": [2, 1], "groups": 1}
    return [
        {"type": np.array([b"input"]), "shape": [4, 11, 8]},
        {"type": b"conv", "shape": [6, 11, 3], "weight": weights(6, 2, 3, 4, 1), **geometry, "neuron": cuba(),
         "bias": np.array([30, -20, 0, 95, 4, -1.0])},
        {"type": b"conv", "shape": [3, 7, 2], "weight": weights(3, 6, 3, 2), **wide, "neuron": cuba(vDecay=0)},
        {"type": b"flatten", "shape": [1, 1, 42]},
        {"type": b"dense", "shape": [5, 1, 1], "outFeatures": 5, "weight": weights(5, 42), "neuron": cuba(),
         "bias": rng.integers(-40, 40, 5)},
        {"type": b"dense", "shape": [1, 1, 1], "outFeatures": 1, "weight": np.abs(weights(5)) + 20,
         "neuron": cuba(type=b"LOIHI")},
    ]  # fmt: skip


def write_layers(path: Path, layers: list[Layer]) -> Path:
    def write(group: Any, entry: Layer) -> None:
        for key, value in entry.items():
            if isinstance(value, dict):
                write(group.create_group(key), value)
            else:
                group[key] = value

    with h5py.File(path, "w") as file:
        for index, entry in enumerate(layers):
            write(file.create_group(f"layer/{index}"), entry)
    return path


@pytest.mark.parametrize("seed", range(4))
def test_groups_strides_dilation_flatten_and_biases_mean_what_lava_dl_means(tmp_path: Path, seed: int) -> None:
    path = write_layers(tmp_path / "made.net", layers_of_a_net(seed))
    model = from_netx(path)
    assert list(model.shapes()) == ["conv-0", "conv-1", "fc-0", "fc-1"]
    frames = (np.random.default_rng(seed).random((12, 4, 11, 8)) < 0.3).astype(np.float32)
    oracle = run_reference(model, frames, fire_once=False)
    assert min(oracle.counts.values()) > 0
    for name, spikes in zip(model.shapes(), interpreted(path, frames.astype(np.int64)), strict=True):
        maps = spikes[:, None, None, :] if spikes.ndim == 2 else spikes
        np.testing.assert_array_equal(np.argwhere(maps.transpose(0, 3, 2, 1)), oracle.spikes[name], err_msg=name)


def change(index: int, **values: Any) -> Callable[[list[Layer]], None]:
    def apply(layers: list[Layer]) -> None:
        layers[index].update(values)

    return apply


def drop(index: int) -> Callable[[list[Layer]], None]:
    return lambda layers: layers.__delitem__(index)


def again(index: int, **values: Any) -> Callable[[list[Layer]], None]:
    return lambda layers: layers.append({**layers[index], **values})


REFUSED: dict[str, Callable[[list[Layer]], None]] = {
    r"`conv-1` \(layer/2\): its current keeps 3072 / 4096": change(2, neuron=cuba(iDecay=1024)),
    r"`conv-0` .*: neurons of type `SDNN`": change(1, neuron={"type": b"SDNN", "vThMant": 3}),
    r"`fc-0` .*: its synapses have delays": change(4, delay=np.array([0, 2])),
    r"`fc-0` .*: it is recurrent": change(4, weight_rec=np.zeros((5, 5))),
    r"`fc-0` .*: its weights are complex": change(4, weight={"real": np.zeros((5, 42)), "imag": np.zeros((5, 42))}),
    r"`pool` \(layer/2\): layers of type `pool`": change(2, type=b"pool"),
    r"`dense_rec` \(layer/4\): layers of type `dense_rec`": change(4, type=b"dense_rec"),
    r"`conv-0` .*: `weight` must hold whole numbers": change(1, weight=np.full((6, 2, 3, 4), 0.5)),
    r"`conv-1` .*: weights of -300 to 0 do not fit": change(2, weight=np.full((3, 6, 3, 2), -300)),
    r"`conv-1` .*: weights of -256 to 0 do not fit": change(2, weight=np.full((3, 6, 3, 2), -256)),
    r"`conv-0` .*: weights of -3 to 129 .* even ones only": change(1, weight=np.resize([-3, 129], (6, 2, 3, 4))),
    r"`conv-0` .*: weights of -2 to 255 do not fit": change(1, weight=np.resize([-2, 255], (6, 2, 3, 4))),
    r"`fc-1` .*: it has no neurons .an affine readout.*`num_layers`": lambda layers: layers[5].pop("neuron"),
    r"`conv-1` .*, or a weight exponent, cannot": change(2, neuron=cuba(wgtExp=2)),
    r"`conv-1` .*: `vDecay` holds 3 numbers": change(2, neuron=cuba(vDecay=np.array([0, 5, 9]))),
    r"`conv-0` .*: neurons of type `ALIF`": change(1, neuron=cuba(type=b"ALIF")),
    r"`conv-0` .*: neurons of type `RF_IZ`": change(1, neuron={"type": b"RF_IZ", "vThMant": 3}),
    r"`conv-1` .*: `stride` is \[\]": lambda layers: layers[2].pop("stride"),
    **{rf"`{kind}` \(layer/2\): layers of type `{kind}`": change(2, type=kind.encode())
       for kind in ("average", "concat", "unpool", "convT", "dense_comp")},
    r"`conv-1` .*: a refractory delay": change(2, neuron=cuba(refDelay=3)),
    r"`conv-1` .*: `vDecay` 9000": change(2, neuron=cuba(vDecay=9000)),
    r"`conv-1` .*: `vThMant` holds 0 numbers": change(2, neuron={"type": b"CUBA", "iDecay": 4096, "vDecay": 0}),
    r"`conv-0` .*: `bias` holds 3 values": change(1, bias=np.zeros(3)),
    r"`conv-0` .*: biases of 9000": change(1, bias=np.full(6, 9000)),
    r"`conv-1` .*: `shape` says \(3, 9, 9\)": change(2, shape=[3, 9, 9]),
    r"`conv-1` .* does not fit the map \(6, 11, 3\)": change(2, weight=np.ones((3, 4, 3, 2))),
    r"`fc-0` .*: a dense layer on the map": drop(3),
    r"`conv-2` .*: a convolution behind a dense": again(1, weight=np.ones((6, 1, 1, 1))),
    r"`fc-0` .*: its weights take 41 inputs": change(4, weight=np.ones((5, 41))),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_contract_cannot_say_is_refused_by_layer_name(tmp_path: Path, reason: str) -> None:
    layers = layers_of_a_net(0)
    REFUSED[reason](layers)
    with pytest.raises(ExchangeError, match=reason):
        from_netx(write_layers(tmp_path / "made.net", layers))


def test_odd_weights_of_both_signs_are_exact_up_to_seven_bits(tmp_path: Path) -> None:
    layers = layers_of_a_net(0)
    layers[1]["weight"] = np.resize([-128, 127, 3], (6, 2, 3, 4))
    kernel = from_netx(write_layers(tmp_path / "made.net", layers)).convolutions[0].kernel
    assert (int(kernel.min()), int(kernel.max())) == (-128 << 6, 127 << 6)


def test_a_current_that_could_wrap_around_is_warned_about_by_layer_name(tmp_path: Path) -> None:
    wide = {"type": b"dense", "shape": [2, 1, 1], "outFeatures": 2, "neuron": cuba()}
    for size, warned in ((516, 0), (517, 1)):  # 516 times 254 is 2^17 - 8
        path = write_layers(tmp_path / f"{size}.net", [{**wide, "weight": np.full((2, size), 254)}])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = from_netx(path)
        assert [x.category for x in caught] == [CurrentWarning] * warned
        assert all("`fc-0`: inputs can add up to 131318, and beyond 131071" in str(x.message) for x in caught)
        assert model.shapes() == {"fc-0": (2, 1, 1)}


def test_what_is_skipped_need_not_be_expressible(tmp_path: Path) -> None:
    layers = layers_of_a_net(0)
    layers[1]["neuron"] = cuba(iDecay=1024)
    path = write_layers(tmp_path / "made.net", layers)
    model = from_netx(path, skip_layers=2, num_layers=3)
    assert (model.shapes(), model.input.bits) == ({"conv-1": (3, 7, 2)}, 1)


@pytest.mark.parametrize(("num_layers", "skip_layers"), [(0, 0), (2, 2), (None, 6), (None, -1)])
def test_layers_that_are_not_there_are_refused(tmp_path: Path, num_layers: int | None, skip_layers: int) -> None:
    path = write_layers(tmp_path / "made.net", layers_of_a_net(0))
    with pytest.raises(ArgumentError, match="`skip_layers`"):
        from_netx(path, num_layers, skip_layers)


def test_a_file_without_an_input_layer_needs_a_size(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "made.net", layers_of_a_net(0)[1:])
    with pytest.raises(ExchangeError, match="pass `size="):
        from_netx(path)
    assert from_netx(path, size=(11, 8), input_message_bits=6).input.bits == 6


def test_other_files_are_none(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "a.net").write_bytes(b"\x89HDF\r\n\x1a\nnothing more")
    for path in (tmp_path / "a.net", shared / "nir" / "cnn_sinabs.nir", tmp_path / "missing.net"):
        assert not is_netx(path)
        with pytest.raises(ExchangeError):
            from_netx(path)


def test_commands_take_a_net_whatever_it_is_called(cli: Any, tmp_path: Path) -> None:
    path = write_layers(tmp_path / "made.h5", layers_of_a_net(1))
    frames = (np.random.default_rng(1).random((6, 4, 11, 8)) < 0.3).astype(np.float32)
    np.savez(tmp_path / "clip.npz", frames=frames)
    shown = cli("inspect", path)
    assert (shown.code, "conv-1" in shown.out) == (0, True)
    assert "bias" in shown.out
    for words, once in ((("--refire",), False), ((), False), (("--fire-once",), True)):
        assert cli("run", path, "clip.npz", *words, "--output", "a.npz").code == 0
        record = sl.SpikeRecord.load(tmp_path / "a.npz")
        assert sl.compare(run_reference(from_netx(path), frames, once), record).identical
    assert cli("convert", path, "made.slm").code == 0
    assert sl.load_model(tmp_path / "made.slm").shapes() == from_netx(path).shapes()
    assert cli("convert", path, "made.slm", "--planes", "1").code != 0
    assert cli("verify", path, "clip.npz", "--backend", "event").code == 0
    assert cli("report", path, "clip.npz").code == 0


def test_commands_clear_the_state_as_often_as_they_are_told(cli: Any, tmp_path: Path) -> None:
    path = write_layers(tmp_path / "made.net", layers_of_a_net(1))
    frames = (np.random.default_rng(1).random((9, 4, 11, 8)) < 0.3).astype(np.float32)
    np.savez(tmp_path / "clip.npz", frames=frames)
    expected = run_reference(from_netx(path, reset_interval=2), frames, False)
    assert not sl.compare(run_reference(from_netx(path), frames, False), expected).identical
    cleared = ("--reset-interval", 2)
    assert cli("run", path, "clip.npz", *cleared, "--output", "a.npz").code == 0
    assert sl.compare(expected, sl.SpikeRecord.load(tmp_path / "a.npz")).identical
    assert "cleared every 2 steps" in cli("inspect", path, *cleared).out
    assert cli("verify", path, "clip.npz", *cleared, "--backend", "lava-fused").code == 0
    assert cli("report", path, "clip.npz", *cleared).code == 0
    cli("convert", path, "made.slm")
    assert "`--reset-interval` is for lava-dl networks" in cli("inspect", "made.slm", *cleared).err
