"""Networks, models, clips, recordings and files that several test packages build: one builder for each kind."""

from __future__ import annotations

import gzip
import itertools
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.network.floats import ConvLayer, Layer, LeakMode, Neuron, Pair, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import (
    FixedPointConv,
    FixedPointLayer,
    FixedPointNeuron,
    InputCode,
    Plane,
    sum_planes,
)
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

STOCK_SIZE = (8, 11)
STOCK_BITS = 3
POOLED_SIZE = (6, 10)
POOLED_STEPS = 3


def planes_conv(
    name: str,
    weights: list[NDArray[np.integer]],
    threshold: int,
    leak: int,
    *,
    exponents: tuple[int, ...] = (0,),
    padding: Pair = (0, 0),
    stride: Pair = (1, 1),
    floor: bool = True,
    decay: int = 0,
    bias: int | list[int] = 0,
) -> FixedPointConv:
    """One plane for every array Int[O, I, kh, kw]; the float source is the same in the same units."""
    planes = tuple(Plane(w.astype(np.int8), e) for w, e in zip(weights, exponents, strict=True))
    outputs = weights[0].shape[0]
    mode: LeakMode = "multiplicative" if decay else "subtractive"
    theta, pull, lost = (np.full(outputs, value, np.int32) for value in (threshold, leak, decay))
    added = np.broadcast_to(bias, outputs).astype(np.int32)
    neuron = Neuron(
        theta.astype(np.float64), pull.astype(np.float64), 1 - lost / 4096, mode, floor, added.astype(np.float64)
    )
    source = ConvLayer(name, sum_planes(planes).astype(np.float32), neuron, stride, padding)
    return FixedPointConv(
        name, planes, FixedPointNeuron(theta, pull, lost, mode, floor, added), np.ones(outputs), source, stride, padding
    )


def stock_model(seed: int, *, floor: bool = True) -> FixedPointModel:
    """Within the limits of stock parts: two planes a layer, asymmetric kernels, strides, pads and signs mixed."""
    random = np.random.default_rng(seed)
    first = planes_conv(
        "conv1", [random.integers(-60, 60, (3, 2, 3, 5)) for _ in range(2)], int(random.integers(50, 3000)),
        int(random.integers(0, 1200)), exponents=(0, 2), padding=(1, 2), floor=floor,
    )  # fmt: skip
    second = planes_conv(
        "conv2", [random.integers(-30, 60, (4, 3, 3, 2)) for _ in range(2)], int(random.integers(20, 400)),
        int(random.integers(0, 150)), exponents=(1, 0), padding=(1, 0), stride=(1, 2), floor=floor,
    )  # fmt: skip
    layers = (first, PoolLayer("pool1", (2, 3), (2, 2)), second)
    return FixedPointModel(layers, InputCode(STOCK_BITS, 1.0), input_size=STOCK_SIZE)


def stock_frames(seed: int, steps: int = 7) -> NDArray[np.float32]:
    """Float32[T, 2, 8, 11] whole numbers that the payload of `stock_model` holds."""
    random = np.random.default_rng(seed + 1000)
    shape = (steps, 2, *STOCK_SIZE)
    return ((random.random(shape) < 0.3) * random.integers(0, 2**STOCK_BITS, shape)).astype(np.float32)


def pooled_model() -> FixedPointModel:
    """conv1 2 -> 3 maps (3x3, two planes), pool 2x2, conv2 3 -> 1 map (3x3), with provenance, on non-square frames."""
    random = np.random.default_rng(5)
    first = random.integers(-9, 10, (3, 2, 3, 3))
    layers = (
        planes_conv("conv1", [first, first], 20, 3, exponents=(0, 3), padding=(1, 1)),
        PoolLayer("pool1", (2, 2), (2, 2)),
        planes_conv("conv2", [random.integers(1, 10, (1, 3, 3, 3))], 20, 3, padding=(1, 1)),
    )
    provenance = {"network": {"file": "made <by> hand", "digest": "0" * 64}, "quantization": {"tried": [1] * 500}}
    return FixedPointModel(layers, InputCode(4, 15.0), "loihi2", POOLED_SIZE, POOLED_STEPS, provenance)


def pooled_run() -> tuple[NDArray[np.float32], SpikeRecord]:
    """Frames Float[3, 2, 6, 10] with 3 events that reach `pooled_model`, and spikes of every layer, made by hand."""
    frames = np.zeros((POOLED_STEPS, 2, *POOLED_SIZE), np.float32)
    frames[0, 0, 0, 0], frames[1, 1, 3, 4], frames[2, 0, 5, 4] = 1, 0.5, 0.1
    frames[2, 0, 0, 5] = 0.01  # rounds to a payload of 0
    rows = {
        "conv1": [(0, 0, 0, 0), (1, 2, 3, 9), (2, 2, 3, 9)],
        "pool1": [(0, 0, 0, 0), (1, 2, 1, 4), (2, 2, 1, 4)],
        "conv2": [(1, 0, 1, 4)],
    }
    spikes = {name: rows_in_order(np.array(values)) for name, values in rows.items()}
    return frames, SpikeRecord(spikes, meta={"steps": POOLED_STEPS, "fire_once": False})


def encoder_of_ones() -> SpikingNetwork:
    """The layers of the trained network, all weights 1, 128 x 128 x 2."""
    layers: list[Layer] = []
    for k, (o, i, width) in enumerate([(4, 2, 5), (36, 4, 5), (1, 36, 7)], 1):
        one, weight = np.ones(o), np.ones((o, i, width, width), np.float32)
        layers.append(ConvLayer(f"conv{k}", weight, Neuron(one, 0 * one, one), padding=(width // 2, width // 2)))
        layers.append(PoolLayer(f"pool{k}", (2, 2), (2, 2)))
    return SpikingNetwork(tuple(layers[:-1]), (128, 128), 10)


def evt2_bytes(events: Any, header: str = "% evt 2.0\n% geometry 40x30\n% end\n") -> bytes:
    """Prophesee EVT 2: a clock word whenever the upper bits of the time change, then a word an event."""
    words, high = [], -1
    for x, y, t, p in zip(events.x, events.y, events.t, events.p, strict=True):
        if int(t) >> 6 != high:
            high = int(t) >> 6
            words.append(8 << 28 | high & 0xFFFFFFF)
        words.append(int(p) << 28 | (int(t) & 63) << 22 | int(x) << 11 | int(y))
    return header.encode("latin-1") + np.array(words, "<u4").tobytes()


def evt21_bytes(events: Any, legacy: bool = False, header: str = "% evt 2.1\n% geometry 40x30\n% end\n") -> bytes:
    """EVT 2.1: as EVT 2, with a mask of one pixel; `legacy` has the half with the type first."""
    heads = np.frombuffer(evt2_bytes(events, ""), "<u4")
    masks = np.where(heads >> 28 == 8, 0, 1).astype("<u4")
    pairs = (heads, masks) if legacy else (masks, heads)
    return header.encode() + np.stack(pairs, axis=1).tobytes()


def evt3_bytes(events: Any, header: str = "% evt 3.0\n% geometry 40x30\n% end\n") -> bytes:
    """EVT 3: high and low time, row, then column and polarity of every event."""
    words = []
    for x, y, t, p in zip(events.x, events.y, events.t, events.p, strict=True):
        words += [0x8000 | int(t) >> 12 & 0xFFF, 0x6000 | int(t) & 0xFFF, int(y), 0x2000 | int(p) << 11 | int(x)]
    return header.encode("latin-1") + np.array(words, "<u2").tobytes()


def dat_bytes(events: Any, kind: int = 12, header: str = "% Version 2\n% Height 30\n% Width 40\n") -> bytes:
    """Prophesee DAT: time, then x, y and polarity in one word."""
    place = np.asarray(events.x) | np.asarray(events.y) << 14 | np.asarray(events.p) << 28
    return header.encode() + bytes([kind, 8]) + np.stack([events.t, place], axis=1).astype("<u4").tobytes()


def nmnist_bytes(events: Any) -> bytes:
    """N-MNIST: x, y, polarity and 23 bits of time."""
    t = np.asarray(events.t)
    columns = [events.x, events.y, np.asarray(events.p) << 7 | t >> 16, t >> 8 & 255, t & 255]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()


def aedat2_bytes(events: Any) -> bytes:
    """AEDAT 2 of a DAVIS240, whose x is counted from the right and y from below."""
    address = (179 - np.asarray(events.y)) << 22 | (239 - np.asarray(events.x)) << 12 | np.asarray(events.p) << 11
    header = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    return header + np.stack([address, events.t], axis=1).astype(">u4").tobytes()


def aedat31_bytes(events: Any, packet: int = 100) -> bytes:
    """AEDAT 3.1: packets of polarity events."""
    word = np.asarray(events.x) << 17 | np.asarray(events.y) << 2 | np.asarray(events.p) << 1 | 1
    rows = np.stack([word, events.t], axis=1).astype("<u4")
    data = b"#!AER-DAT3.1\r\nFormat: RAW\r\n#!END-HEADER\r\n".replace(b"Format", b"#Format")
    for first in range(0, len(rows), packet):
        part = rows[first : first + packet]
        head = np.array([8, 4, 0, len(part), len(part), len(part)], "<i4").tobytes()
        data += np.array([1, 0], "<i2").tobytes() + head + part.tobytes()
    return data


def text_bytes(events: Any, header: str = "", delimiter: str = " ") -> bytes:
    """t, x, y, p in microseconds, a line an event."""
    rows = zip(events.t, events.x, events.y, events.p, strict=True)
    return (header + "".join(delimiter.join(map(str, row)) + "\n" for row in rows)).encode()


def write_hdf5(path: Path, events: Any, group: str = "events") -> None:
    """A group with a dataset a column."""
    import h5py

    with h5py.File(path, "w") as file:
        for name in "xytp":
            file.create_dataset(f"{group}/{name}", data=getattr(events, name), chunks=(100,), compression="gzip")
        file.attrs["geometry"] = "40x30"


def write_matlab(path: Path, events: Any, compressed: bool = False) -> None:
    """The struct TD of MATLAB v5, pixels counted from 1."""
    from scipy.io import savemat

    td = {"x": events.x + 1, "y": events.y + 1, "ts": events.t, "p": events.p}
    savemat(path, {"TD": {name: np.asarray(value)[:, None] for name, value in td.items()}}, do_compression=compressed)


def write_matlab73(path: Path, events: Any) -> None:
    """The struct TD of MATLAB v7.3: HDF5, columns of doubles as rows."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in {"x": events.x + 1, "y": events.y + 1, "ts": events.t, "p": events.p}.items():
            file[f"TD/{name}"] = np.atleast_2d(value).astype(np.float64)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def write_by_faery(path: Path, events: Any) -> None:
    """`.aedat4` or `.es` by the library that reads them, in packets of 100 events."""
    from faery import EVENTS_DTYPE, file_encoder

    rows = np.zeros(len(events.t), EVENTS_DTYPE)
    rows["t"], rows["x"], rows["y"], rows["on"] = events.t, events.x, events.y, events.p
    packets = (rows[k : k + 100].copy() for k in range(0, len(rows), 100))
    file_encoder.events_to_file(packets, path, (40, 30), None, zero_t0=path.suffix != ".es")


def write_table(path: Path, events: Any) -> None:
    """A structured array, or for `.npz` an array a column."""
    columns = {name: np.asarray(getattr(events, name)) for name in "txyp"}
    if path.suffix == ".npz":
        np.savez(path, t=columns["t"], x=columns["x"], y=columns["y"], p=columns["p"])
        return
    table = np.zeros(len(events.t), [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
    for name, column in columns.items():
        table[name] = column
    np.save(path, table)


def write_zipped_text(path: Path, events: Any) -> None:
    """As e2vid has it: one text in an archive, its first line width and height."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.txt", text_bytes(events, "40 30\n"))


def small_events(count: int = 300, seed: int = 7) -> SimpleNamespace:
    """Columns x, y, t (microseconds, sorted), p of events that touch every border of a 30x40 sensor, and its size."""
    random = np.random.default_rng(seed)
    x, y = random.integers(0, 40, count), random.integers(0, 30, count)
    x[:2], y[:2] = (0, 39), (0, 29)
    t = np.sort(random.integers(1_000, 90_000, count))
    return SimpleNamespace(x=x, y=y, t=t, p=random.integers(0, 2, count), size=(30, 40))


def _bytes(make: Callable[[Any], bytes]) -> Callable[[Path, Any], None]:
    def write(path: Path, events: Any) -> None:
        path.write_bytes(make(events))

    return write


# Every format that is read, as a small file: name -> what writes events into it.
RECORDING_FILES: Mapping[str, Callable[[Path, Any], None]] = {
    "evt2.raw": _bytes(evt2_bytes),
    "evt21.raw": _bytes(evt21_bytes),
    "evt21legacy.raw": _bytes(lambda events: evt21_bytes(events, legacy=True)),
    "evt3.raw": _bytes(evt3_bytes),
    "cd.dat": _bytes(dat_bytes),
    "nmnist.bin": _bytes(nmnist_bytes),
    "jaer.aedat": _bytes(aedat2_bytes),
    "caer.aedat": _bytes(aedat31_bytes),
    "plain.txt": _bytes(text_bytes),
    "named.csv": _bytes(lambda events: text_bytes(events, "time (us),x,y,polarity\n", ",")),
    "packed.gz": _bytes(lambda events: gzip.compress(text_bytes(events), mtime=0)),
    "e2vid.zip": write_zipped_text,
    "table.npy": write_table,
    "columns.npz": write_table,
    "v5.mat": write_matlab,
    "v7.mat": lambda path, events: write_matlab(path, events, compressed=True),
    "v73.mat": write_matlab73,
    "group.h5": write_hdf5,
    "dv.aedat4": write_by_faery,
    "stream.es": write_by_faery,
}


def layer(
    weight: Any,
    threshold: Any = 10,
    leak: Any = 0,
    *,
    name: str = "conv1",
    exponents: tuple[int, ...] = (0,),
    decay: int = 0,
    floor: bool = True,
    stride: Pair = (1, 1),
) -> FixedPointConv:
    """A convolution with the same `weight` Int8[O, I, kh, kw] in every plane, same padding."""
    weight = np.asarray(weight, np.int8)
    channels, ones = len(weight), np.ones(len(weight), np.int32)
    mode: LeakMode = "multiplicative" if decay else "subtractive"
    neuron = FixedPointNeuron(ones * threshold, ones * leak, ones * decay, mode, floor)
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    floats = Neuron(np.ones(channels), np.zeros(channels), np.ones(channels))
    source = ConvLayer(name, weight.astype(np.float32), floats, stride, padding)
    planes = tuple(Plane(weight, exponent) for exponent in exponents)
    return FixedPointConv(name, planes, neuron, np.ones(channels), source, stride, padding)


def model(*layers: FixedPointLayer, bits: int = 1, size: Pair = (8, 8), target: str = "loihi2") -> FixedPointModel:
    return FixedPointModel(layers, InputCode(bits, 1.0), target, size, timesteps=10)


def ones(*shape: int) -> NDArray[np.int8]:
    return np.ones(shape, np.int8)


def limited(target: Any, **values: int) -> Any:
    """The target with other limits."""
    return replace(target, **{name: replace(getattr(target, name), value=value) for name, value in values.items()})


def neuron(channels: int, threshold: Any, leak: Any = 0.0, beta: Any = None, floor: bool = True) -> Neuron:
    """Subtractive unless `beta` is given; numbers are spread over the channels."""
    thresholds, leaks, betas = (
        np.broadcast_to(np.asarray(v, float), (channels,)).copy() for v in (threshold, leak, beta or 1.0)
    )
    return Neuron(thresholds, leaks, betas, "subtractive" if beta is None else "multiplicative", floor)


def one_layer(weights: Any, threshold: Any, leak: Any = 0.0, **options: Any) -> SpikingNetwork:
    """A 1x1 convolution of `weights` [O, I] on an image of 1x1 pixel, 10 steps."""
    weight = np.asarray(weights, np.float32)[:, :, None, None]
    layer = ConvLayer("conv1", weight, neuron(len(weight), threshold, leak, **options))
    return SpikingNetwork((layer,), (1, 1), 10)


def random_network(
    seed: int, *, leak_mode: str = "subtractive", floor: bool = True, signed: bool = True
) -> SpikingNetwork:
    """Two asymmetric convolutions with a pool between, 2 -> 3 -> 2 channels, 9x7 pixels, 12 steps."""
    rng = np.random.default_rng(seed)

    def conv(name: str, shape: tuple[int, ...], drive: float) -> ConvLayer:
        weight = rng.uniform(-0.4 if signed else 0.0, 1, shape).astype(np.float32)
        theta = drive * rng.uniform(0.8, 1.2, shape[0])
        multiplicative = leak_mode == "multiplicative"
        made = neuron(shape[0], theta, 0 if multiplicative else 0.1 * theta, 0.9 if multiplicative else None, floor)
        return ConvLayer(name, weight, made, padding=(shape[2] // 2, shape[3] // 2))

    layers = (conv("conv1", (3, 2, 3, 5), 2.0), PoolLayer("pool1", (2, 2), (2, 2)), conv("conv2", (2, 3, 3, 3), 1.5))
    return SpikingNetwork(layers, (9, 7), 12, {"seed": seed})


def random_clip(seed: int, binary: bool = False, steps: int = 12) -> np.ndarray:
    """Sparse frames Float32[T, 2, 9, 7], graded in 0..1 or 0/1."""
    rng = np.random.default_rng(seed)
    there = rng.random((steps, 2, 9, 7)) < 0.3
    return (there if binary else there * rng.integers(1, 14, there.shape) / 13).astype(np.float32)


@st.composite
def networks(draw: st.DrawFn) -> SpikingNetwork:
    """Networks of one or two convolutions with weights, thresholds and leaks over many orders of magnitude."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(2, 3)))]
    layers = tuple(_layer(draw, rng, f"conv{i + 1}", o, c) for i, (c, o) in enumerate(itertools.pairwise(channels)))
    return SpikingNetwork(layers, (6, 5), draw(st.integers(1, 20)))


def _layer(draw: st.DrawFn, rng: np.random.Generator, name: str, outputs: int, inputs: int) -> ConvLayer:
    size = 10.0 ** draw(st.integers(-4, 1))
    lowest = draw(st.sampled_from([-1.0, -0.2, 0.0]))
    weight = (size * rng.uniform(lowest, 1, (outputs, inputs, 3, 3))).astype(np.float32)
    theta = size * 10.0 ** draw(st.floats(-1, 1)) * rng.uniform(0.5, 2, outputs)
    floor, multiplicative = draw(st.booleans()), draw(st.booleans())
    if multiplicative:
        return ConvLayer(name, weight, neuron(outputs, theta, 0, draw(st.floats(0.05, 0.99)), floor), padding=(1, 1))
    leak = theta * draw(st.sampled_from([0.0, 0.1, 0.9]))
    return ConvLayer(name, weight, neuron(outputs, theta, leak, None, floor), padding=(1, 1))


def assert_same_events(recording: Recording, events: SimpleNamespace) -> None:
    """The recording holds exactly the columns of `events`."""
    assert recording.size == events.size
    for name in "xytp":
        np.testing.assert_array_equal(getattr(recording, name), getattr(events, name), err_msg=name)


def stream_recording(count: int = 3000, size=(24, 32), length: int = 1_000_000, seed: int = 0) -> Recording:
    """Random events that cluster, on a sensor of `size` (height, width), corners included."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(size[1] / 2, 4, count), 0, size[1] - 1).astype(np.int32)
    y = np.clip(rng.normal(size[0] / 2, 4, count), 0, size[0] - 1).astype(np.int32)
    x[:2], y[:2] = [0, size[1] - 1], [0, size[0] - 1]
    t = np.sort(rng.integers(1000, 1000 + length, count))
    p = rng.integers(0, 2, count).astype(np.uint8)
    p[:2] = [0, 1]
    return Recording(x, y, t, p, size)


def stream_model(seed: int = 0, bits: int = 8) -> FixedPointModel:
    """conv1, pool1 and conv2 with random weights, for two polarities."""
    rng = np.random.default_rng(seed)
    conv1 = _conv("conv1", rng.integers(-20, 60, (3, 2, 3, 5)), 9000, 800, (1, 2))
    conv2 = _conv("conv2", rng.integers(-20, 60, (2, 3, 3, 3)), 90, 3, (1, 1))
    return FixedPointModel((conv1, PoolLayer("pool1", (2, 2), (2, 2)), conv2), InputCode(bits, 2.0**bits - 1))


def _conv(name: str, weight: np.ndarray, threshold: int, leak: int, padding) -> FixedPointConv:
    ones = np.ones(len(weight))
    source = ConvLayer(name, weight.astype(np.float32), Neuron(ones, ones, ones), padding=padding)
    above, lost, kept = (np.full(len(weight), value, np.int32) for value in (threshold, leak, 0))
    return FixedPointConv(
        name, (Plane(weight.astype(np.int8), 0),), FixedPointNeuron(above, lost, kept), ones, source, padding=padding
    )


SENSOR = (20, 32)
STEP = 100_000


def a_recording(count: int = 400) -> Recording:
    rng = np.random.default_rng(1)
    t = np.sort(rng.integers(0, 10 * STEP, count)) + 5_000
    x, y = rng.integers(0, SENSOR[1], count), rng.integers(0, SENSOR[0], count)
    p = rng.integers(0, 2, count).astype(np.uint8)
    return Recording(x.astype(np.int32), y.astype(np.int32), t.astype(np.int64), p, SENSOR)


def an_object(number: int, steps: Sequence[int] = range(2, 7), y: int = 8) -> DetectedObject:
    return DetectedObject(number, tuple(_sighting(step, 2 * step + 4, y) for step in steps))


def _sighting(step: int, x: int, y: int) -> Sighting:
    start = 5_000 + step * STEP
    return Sighting(start, start + STEP, 0, (x - 2, y - 2, x + 2, y + 2), (float(x), float(y)), 3)


def detected(*objects: DetectedObject, saliency: bool = True) -> Detected:
    pixels = np.random.default_rng(2).random((16, 16)).astype(np.float32) if saliency else None
    return Detected(list(objects), SENSOR, 5_000, 5_000 + 10 * STEP, 1, pixels, 20, 3)
