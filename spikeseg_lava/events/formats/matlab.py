"""`.mat`: the struct `TD` (x, y, ts in microseconds, p; pixels from 1) and, where labelled, `Obj` (x, y, ts, id).

v7.3 is HDF5. v5 is read here, with every length checked against what is there: scipy's reader in C crashes on some
damaged files, and takes longer to load than a child process may. The layout of the structs is that of EBSSA (Afshar
et al., IEEE Sensors Journal 20, 2020) and of the Matlab_AER_vision_functions; that of the file is MathWorks'
"MAT-File Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import named_columns
from spikeseg_lava.events.formats.hdf5 import MATLAB_STRUCTS, mat_labels, read_mat73
from spikeseg_lava.events.raw_events import RawEvents

HEADER = 128
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CELL, STRUCT, OBJECT, CHAR, SPARSE = 1, 2, 3, 4, 5
FIRST_NUMERIC, LAST_NUMERIC = 6, 15
LARGEST_VARIABLE = 2**31  # bytes, a limit of the format
DEEPEST = 8  # levels of structs

Value = NDArray[np.generic] | dict[str, "Value"] | None  # a matrix of numbers, a struct, or anything else


def read_mat(path: Path) -> Iterator[RawEvents]:
    """Events and labels of a MATLAB file, v5 or v7.3."""
    with path.open("rb") as file:
        head = file.read(HEADER + 512 + 8)
    if head[:8] == HDF5_SIGNATURE or head[512:520] == HDF5_SIGNATURE:
        yield from read_mat73(path)
        return
    variables = mat5_variables(path.read_bytes())
    if "TD" not in variables:
        raise RecordingError("it holds no struct `TD` with x, y, ts, p")
    events = variables["TD"] if isinstance(variables["TD"], dict) else {}
    names = named_columns(events)
    if names is None:
        raise RecordingError(f"`TD` has the fields {', '.join(events) or '(none)'}, expected x, y, ts, p")
    columns = {column: _column(f"TD.{names[column]}", events[names[column]]) for column in "txyp"}
    objects = variables.get("Obj")
    labels = mat_labels({k: _column(f"Obj.{k}", v) for k, v in objects.items()}) if isinstance(objects, dict) else None
    yield RawEvents.of(columns, first_pixel=1, time_unit="us", labels=labels)


def _column(name: str, value: Value) -> NDArray[np.generic]:
    if not isinstance(value, np.ndarray):
        raise RecordingError(f"`{name}` is no matrix of numbers")
    return value.ravel()


def mat5_variables(data: bytes) -> Mapping[str, Value]:
    """The variables `TD` and `Obj` of a file of MATLAB version 5 to 7.2."""
    mark = data[HEADER - 2 : HEADER]
    if mark not in (b"IM", b"MI"):
        raise RecordingError("it is truncated or no MATLAB file of version 5 or later (`save -v7` writes one)")
    elements = Elements(memoryview(data)[HEADER:], "<" if mark == b"IM" else ">")
    variables: dict[str, Value] = {}
    while elements:
        kind, content = elements.next()
        if kind == COMPRESSED:
            content = _inflated(content, elements.order)
        if content is not None and kind in (MATRIX, COMPRESSED):
            name, value = matrix(Elements(content, elements.order), wanted=MATLAB_STRUCTS)
            variables[name] = value
    return variables


@dataclass
class Elements:
    """Data elements that follow one another: each a tag (type, length), its content, and padding to 8 bytes."""

    data: memoryview
    order: str

    def __bool__(self) -> bool:
        return len(self.data) >= 8

    def next(self) -> tuple[int, memoryview]:
        """Type and content of the next element; RecordingError where it is cut off."""
        if not self:
            raise RecordingError("it is truncated or damaged (a data element is missing)")
        kind, length = (int(n) for n in np.frombuffer(self.data[:8], f"{self.order}u4"))
        if kind >> 16:  # a small element: length and type in one word, the content in the other
            kind, length, start, stop = kind & 0xFFFF, kind >> 16, 4, 8
        else:
            start, stop = 8, 8 + length + (-length % 8 if kind != COMPRESSED else 0)
        if start + length > min(stop, len(self.data)):
            raise RecordingError(
                f"it is truncated or damaged (an element of {length} bytes, {len(self.data)} are left)"
            )
        content, self.data = self.data[start : start + length], self.data[stop:]
        return kind, content

    def numbers(self) -> NDArray[np.generic]:
        """The next element as an array of numbers."""
        kind, content = self.next()
        if kind not in NUMBERS or len(content) % np.dtype(NUMBERS[kind]).itemsize:
            raise RecordingError(f"it is damaged (numbers of type {kind}, {len(content)} bytes)")
        return np.frombuffer(content, f"{self.order}{NUMBERS[kind]}")

    def text(self) -> bytes:
        """The next element as text."""
        return bytes(self.next()[1])


def _inflated(content: memoryview, order: str) -> memoryview | None:
    """The matrix in a compressed element, or None where its name is none of those wanted."""
    try:
        inflater = zlib.decompressobj()
        head = inflater.decompress(content, 8)
        kind, length = (int(n) for n in np.frombuffer(head, f"{order}u4"))
        if kind != MATRIX or length > LARGEST_VARIABLE:
            raise RecordingError(f"it is damaged (a compressed element of type {kind}, {length} bytes)")
        head = inflater.decompress(inflater.unconsumed_tail, min(length, 256))
        if not any(name.encode() in head for name in MATLAB_STRUCTS):
            return None
        rest = inflater.decompress(inflater.unconsumed_tail, length - len(head)) if length > len(head) else b""
        return memoryview(head + rest)
    except (zlib.error, ValueError) as error:
        raise RecordingError(f"it is truncated or damaged ({error})") from error


def matrix(elements: Elements, wanted: tuple[str, ...] = (), deep: int = 0) -> tuple[str, Value]:
    """Name and value of a matrix; None for one that is not `wanted`, or that holds neither numbers nor fields."""
    if not elements:
        return "", None  # an empty matrix may have no content at all
    flags = elements.numbers()
    shape = elements.numbers().astype(np.int64)
    name = elements.text().decode("latin-1")
    kind = int(flags[0]) & 0xFF if len(flags) else 0
    if (wanted and name not in wanted) or deep > DEEPEST:
        return name, None
    count = int(np.prod(np.maximum(shape, 0), dtype=object))
    if kind == STRUCT:
        return name, _struct(elements, count, deep)
    if not FIRST_NUMERIC <= kind <= LAST_NUMERIC:
        return name, None
    values = elements.numbers() if count or elements else np.zeros(0)
    if len(values) != count:
        raise RecordingError(f"it is damaged (`{name}` of {count} numbers holds {len(values)})")
    return name, values


def _struct(elements: Elements, count: int, deep: int) -> dict[str, Value]:
    width = elements.numbers()
    names = elements.text()
    if not len(width) or width[0] < 1 or len(names) % int(width[0]):
        raise RecordingError("it is damaged (the field names of a struct)")
    step = int(width[0])
    fields = [names[k : k + step].split(b"\0")[0].decode("latin-1") for k in range(0, len(names), step)]
    found: dict[str, list[Value]] = {name: [] for name in fields}
    for _ in range(count if fields else 0):  # a struct array holds its fields element by element
        for name in fields:
            kind, content = elements.next()
            if kind != MATRIX:
                raise RecordingError(f"it is damaged (a field of type {kind})")
            found[name].append(matrix(Elements(content, elements.order), deep=deep + 1)[1])
    return {name: _joined(values) for name, values in found.items()}


def _joined(values: list[Value]) -> Value:
    numbers = [value.ravel() for value in values if isinstance(value, np.ndarray)]
    return (
        np.concatenate(numbers) if len(numbers) == len(values) and numbers else (values[0] if values else np.zeros(0))
    )
