"""The zip file of `torch.save`, read without torch: tensors, numbers, strings and containers of them, nothing else.

Importing torch takes seconds, reading a checkpoint milliseconds. This is as safe as `torch.load(weights_only=True)`:
the pickle in the file is never handed to an unpickler. Its opcodes are interpreted here, and only those that build
plain data; a name in it stays a string, and the five names that may be called stand for functions written below.
Whatever is not on the list raises NotPlainError, and torch decides about the file.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STORAGES = {
    "torch DoubleStorage": np.float64,
    "torch FloatStorage": np.float32,
    "torch HalfStorage": np.float16,
    "torch BFloat16Storage": np.uint16,
    "torch LongStorage": np.int64,
    "torch IntStorage": np.int32,
    "torch ShortStorage": np.int16,
    "torch CharStorage": np.int8,
    "torch ByteStorage": np.uint8,
    "torch BoolStorage": np.bool_,
}
KEYS = (str, int, float, bool, type(None))
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}


class NotPlainError(Exception):
    """The file is no zip of `torch.save`, is damaged, or holds more than plain data."""


class Name(NamedTuple):
    """A global the pickle mentions, as "module name"; never imported."""

    path: str


def read_plain(content: bytes) -> Any:
    """What `torch.save` wrote; a tensor as an array of its type, bfloat16 as float32.

    Raises:
        NotPlainError: anything but that; ask torch.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _Machine(_Storages(archive)).run()
    except NotPlainError:
        raise
    except Exception as error:  # a damaged archive or pickle can raise nearly everything
        raise NotPlainError(f"{type(error).__name__}: {error}") from error


class _Storages:
    """The entries of the archive: `<folder>/data.pkl`, `<folder>/data/<key>` and a few facts."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        names = archive.namelist()
        self.archive = archive
        self.read: dict[str, NDArray[Any]] = {}  # a storage may be shared by any number of tensors
        self.folder = names[0].partition("/")[0] if names else ""
        if len(set(names)) < len(names) or any(name.partition("/")[0] != self.folder for name in names):
            raise NotPlainError("entries of one name, or in several folders")
        if f"{self.folder}/constants.pkl" in names:
            raise NotPlainError("a TorchScript archive")
        if f"{self.folder}/byteorder" in names and self.entry("byteorder") != b"little":
            raise NotPlainError("another order of bytes")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise NotPlainError("compressed entries, which torch.save does not write")

    def entry(self, name: str) -> bytes:
        return self.archive.read(f"{self.folder}/{name}")

    def storage(self, identity: Any) -> NDArray[Any]:
        """The numbers behind ('storage', type, key, device, count)."""
        kind, type_name, key, _, count = identity
        if kind != "storage" or not isinstance(type_name, Name) or not isinstance(key, str):
            raise NotPlainError(f"a persistent object {kind!r}")
        if key not in self.read:
            bits = np.frombuffer(self.entry(f"data/{key}"), STORAGES[type_name.path])
            self.read[key] = _widened(bits) if type_name.path == "torch BFloat16Storage" else bits
        if len(self.read[key]) != count:
            raise NotPlainError(f"a storage of {len(self.read[key])} numbers that says {count}")
        return self.read[key]


def _widened(bits: NDArray[Any]) -> NDArray[np.float32]:
    """The float32 whose upper half a bfloat16 is."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _tensor(
    storage: Any, offset: Any, size: Any, stride: Any, _grad: Any = False, _hooks: Any = None, _more: Any = None
) -> NDArray[Any]:
    """The view of a storage that a tensor is; it must lie within the storage and have no more elements."""
    if not isinstance(storage, np.ndarray) or len(size) != len(stride) or any(n < 0 for n in (offset, *size, *stride)):
        raise NotPlainError("a tensor with an impossible shape")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if prod(size) > len(storage) or (prod(size) and last >= len(storage)):
        raise NotPlainError("a tensor larger than its storage")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides, writeable=False)


def _parameter(data: Any, _grad: Any = True, _hooks: Any = None) -> Any:
    return data


def _text(value: Any) -> str:
    return str.__new__(str, value)


CALLS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": dict,
    "torch Size": tuple,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch.torch_version TorchVersion": _text,
}


class _Machine:
    """The stack, the marks and the memory that a pickle's opcodes work on."""

    def __init__(self, storages: _Storages) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}

    def run(self) -> Any:
        for opcode, argument, _ in pickletools.genops(self.storages.entry("data.pkl")):
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise NotPlainError("a pickle without an end")

    def _step(self, name: str, argument: Any) -> None:
        if name in LITERALS:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name not in STEPS:
            raise NotPlainError(f"opcode {name}")
        else:
            STEPS[name](self, argument)

    def since_mark(self) -> list[Any]:
        """The values above the last mark, taken off the stack."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def put(self, value: Any) -> None:
        self.stack.append(value)

    def call(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or name.path not in CALLS or not isinstance(arguments, tuple):
            raise NotPlainError(f"a call of {name}")
        self.put(CALLS[name.path](*arguments))

    def set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, KEYS):
                raise NotPlainError(f"a key of type {type(key).__name__}")
            _checked(target, dict)[key] = value

    def build(self) -> None:
        """Attributes of a dictionary (`_metadata` of a state dict) are nothing that is needed."""
        self.stack.pop()
        _checked(self.stack[-1], dict)

    def tuple_of(self, count: int) -> None:
        values = tuple(self.stack[len(self.stack) - count :])
        if len(values) != count:
            raise NotPlainError("a tuple of too few")
        del self.stack[len(self.stack) - count :]
        self.put(values)


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise NotPlainError(f"a {type(value).__name__} where a {kind.__name__} was expected")
    return value


STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda _, __: None,
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "EMPTY_DICT": lambda m, _: m.put({}),
    "EMPTY_LIST": lambda m, _: m.put([]),
    "EMPTY_TUPLE": lambda m, _: m.put(()),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "TUPLE": lambda m, _: m.put(tuple(m.since_mark())),
    "APPEND": lambda m, _: _checked(m.stack[-2], list).append(m.stack.pop()),
    "APPENDS": lambda m, _: _checked(m.stack[m.marks[-1] - 1], list).extend(m.since_mark()),
    "SETITEM": lambda m, _: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    "SETITEMS": lambda m, _: m.set_items(m.since_mark()),
    "BINPUT": lambda m, at: m.memory.__setitem__(at, m.stack[-1]),
    "LONG_BINPUT": lambda m, at: m.memory.__setitem__(at, m.stack[-1]),
    "BINGET": lambda m, at: m.put(m.memory[at]),
    "LONG_BINGET": lambda m, at: m.put(m.memory[at]),
    "GLOBAL": lambda m, path: m.put(Name(path)),
    "REDUCE": lambda m, _: m.call(),
    "NEWOBJ": lambda m, _: m.call(),
    "BUILD": lambda m, _: m.build(),
    "BINPERSID": lambda m, _: m.put(m.storages.storage(m.stack.pop())),
}
