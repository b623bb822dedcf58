"""Networks, models, clips, recordings and files that several test packages build: one builder for each kind."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Layer, LeakMode, Neuron, Pair, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane, sum_planes
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
    provenance = {"network": {"file": "made <by> hand", "digest": "0" * 64}, "quantisation": {"tried": [1] * 500}}
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
