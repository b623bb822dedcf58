"""Reading a file from a stranger in a child process: what crashes, loops or eats memory there harms nobody here.

Libraries in C and Rust (HDF5, the decoders of camera files) crash or loop for ever on some damaged files. A child
process reads such a file and sends back numbers, texts and arrays, never pickled objects; if it dies or takes too
long, the caller gets one clear error. The child costs about a tenth of a second (docs/own-camera.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from spikeseg_lava import errors
from spikeseg_lava.errors import SpikeSegLavaError

SECONDS = 30.0  # for one item; a block of events takes milliseconds
START = 60.0  # seconds for Python and the libraries to be loaded; a tenth of a second where nothing else runs
MEMORY = 8 * 2**30  # bytes of address space of the child
PIPE = 2**20  # bytes the kernel keeps between the two; by default 64 KB, and the two wait for each other
ARRAY, BYTES = "__array__", "__bytes__"
CHILD = "import json, sys; ask = json.loads(sys.stdin.readline()); sys.path[:] = ask['path']; "
CHILD += "from spikeseg_lava.isolation import serve; serve(ask)"


def read_apart(
    reader: Callable[..., Iterator[Any]],
    *arguments: Any,
    error: type[SpikeSegLavaError],
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Generator[Any, None, None]:
    """The items of `reader(*arguments)`, run in a child process of its own; closing the generator ends the child.

    Args:
        reader: a generator function at the top level of a module of this package. Whatever that module imports, the
            child imports too: keep it light.
        arguments: paths, numbers, texts, None, and lists or dicts of them.
        error: what is raised where the child dies, takes too long or raises something unexpected.
        seconds: how long the child may take for one item.
        memory: bytes the child may allocate.

    Items may be made of None, numbers, texts, bytes, lists, dicts with text keys and arrays of plain numbers or texts.
    Errors of this package arrive as they were raised.
    """
    ask = {
        "path": [str(Path(__file__).resolve().parents[1]), *sys.path],
        "reader": [reader.__module__, reader.__qualname__],
        "arguments": [os.fspath(item) if isinstance(item, os.PathLike) else item for item in arguments],
        "limits": [seconds, memory],
    }
    with _child(ask) as (process, answers):
        patience = START
        while True:
            kind, value = _answer(process, answers, patience, error)
            patience = seconds
            if kind == "end":
                return
            if kind == "error":
                known = getattr(errors, value[0], None)
                raise known(value[1]) if known else error(f"{value[0]}: {value[1]}")
            if kind == "item":
                yield value


@contextlib.contextmanager
def _child(ask: dict[str, Any]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    receiving, sending = os.pipe()
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(sending, fcntl.F_SETPIPE_SZ, PIPE)
    command = [sys.executable, "-I", "-S", "-c", CHILD.replace("serve(ask)", f"serve(ask, {sending})")]
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a thread pool takes longer than most files
    with open(receiving, "rb") as answers:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[sending],
                env={**os.environ, **threads},
            )
        finally:
            os.close(sending)
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError), process.stdin as asking:
                asking.write(json.dumps(ask).encode() + b"\n")
            yield process, answers
        finally:
            process.kill()
            process.wait()


def _answer(
    process: subprocess.Popen[bytes], answers: IO[bytes], seconds: float, error: type[SpikeSegLavaError]
) -> tuple[str, Any]:
    if not select.select([answers], [], [], seconds)[0]:
        raise error(f"reading it took longer than {seconds:g} s: it is damaged, or made to keep the reader busy")
    try:
        kind, tree, sizes = json.loads(_exactly(answers, int.from_bytes(_exactly(answers, 8), "little")))
        return kind, _unpacked(tree, [_exactly(answers, size) for size in sizes])
    except EOFError:
        code = process.wait()
        if -code == signal.SIGALRM:
            raise error(f"reading it took longer than {seconds:g} s") from None
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise error(f"the library that reads it crashed ({how}): it is damaged") from None


def _exactly(answers: IO[bytes], size: int) -> bytearray:
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        count = answers.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
    return data


def serve(ask: dict[str, Any], sending: int) -> None:
    """The child's part: send every item of the reader, then the end or the error."""
    seconds, memory = ask["limits"]
    _limit(memory)
    with open(sending, "wb") as answers:
        try:
            _alarm(START)
            module, name = ask["reader"]
            reader = getattr(importlib.import_module(module), name)
            _send(answers, "start", None)
            _alarm(seconds)
            for item in reader(*ask["arguments"]):
                _alarm(0)  # while the caller is busy with the last item, the child waits as long as it takes
                _send(answers, "item", item)
                _alarm(seconds)
            _alarm(0)
            _send(answers, "end", None)
        except BaseException as error:  # a panic of a Rust library is no Exception
            _alarm(0)
            _send(answers, "error", [type(error).__name__, str(error) or "no details"])


def _limit(memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the child
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _alarm(seconds: float) -> None:
    """End this process in `seconds`, even in the middle of native code and when the parent is gone; 0: not any more."""
    with contextlib.suppress(AttributeError):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _send(answers: IO[bytes], kind: str, value: Any) -> None:
    buffers: list[Any] = []
    tree = _packed(value, buffers)
    head = json.dumps([kind, tree, [len(data) for data in buffers]]).encode()
    answers.write(len(head).to_bytes(8, "little") + head)
    for data in buffers:
        answers.write(data)
    answers.flush()


def _packed(value: Any, buffers: list[Any]) -> Any:
    """`value` as JSON, with arrays and bytes moved to `buffers`."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufcSU":
            raise TypeError(f"an array of {value.dtype} cannot leave the child process")
        buffers.append(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return {ARRAY: [value.dtype.str, list(value.shape), len(buffers) - 1]}
    if isinstance(value, bytes):
        buffers.append(value)
        return {BYTES: len(buffers) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: _packed(item, buffers) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item, buffers) for item in value]
    return value


def _unpacked(tree: Any, buffers: list[bytearray]) -> Any:
    if isinstance(tree, list):
        return [_unpacked(item, buffers) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {ARRAY}:
        dtype, shape, place = tree[ARRAY]
        return np.frombuffer(buffers[place], np.dtype(dtype)).reshape(shape)
    if tree.keys() == {BYTES}:
        return bytes(buffers[tree[BYTES]])
    return {name: _unpacked(item, buffers) for name, item in tree.items()}


MOST_BYTES, MOST_ITEMS, MOST_DEPTH = 2**30, 2**16, 16  # of a tree


def hdf5_tree(path: str, name: str) -> Iterator[Any]:
    """The group `name` of an HDF5 file as nested dicts of arrays, bytes and lists; a reader for `read_apart`.

    Links to other files and data outside the file are refused: they could show any file of this machine. So is what
    would take more memory than any network, as a dataset can claim terabytes of its fill value.
    """
    import h5py

    with h5py.File(path, "r") as file:
        if not isinstance(file.get(name), h5py.Group):
            raise errors.ExchangeError(f"it holds no group `{name}`")
        yield _hdf5_group(file[name], [MOST_BYTES, MOST_ITEMS], 0)


def _hdf5_group(group: Any, left: list[int], depth: int) -> dict[str, Any]:
    import h5py

    if depth > MOST_DEPTH:
        raise errors.ExchangeError(f"its groups are nested deeper than {MOST_DEPTH}")
    tree: dict[str, Any] = {}
    for key in group:
        left[1] -= 1
        if left[1] < 0 or not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise errors.ExchangeError(f"`{key}` is a link, or the last of more than {MOST_ITEMS} entries")
        item = group[key]
        tree[key] = _hdf5_group(item, left, depth + 1) if isinstance(item, h5py.Group) else _hdf5_value(item, left)
    return tree


def _hdf5_value(dataset: Any, left: list[int]) -> Any:
    if dataset.external or dataset.is_virtual:
        raise errors.ExchangeError(f"`{dataset.name}` is stored in another file")
    left[0] -= dataset.nbytes
    if left[0] < 0:
        raise errors.ExchangeError(f"`{dataset.name}` of shape {dataset.shape} makes it larger than {MOST_BYTES} bytes")
    value = dataset[()]
    if isinstance(value, bytes):
        return bytes(value)
    return value.tolist() if value.dtype.kind == "O" else np.asarray(value)  # several texts come as objects
