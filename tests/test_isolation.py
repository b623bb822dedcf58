"""A child process reads what may crash: its items arrive whole, its death, idling and errors as one clear error."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from spikeseg_lava.errors import ModelFileError, RecordingError
from spikeseg_lava.isolation import read_apart

ARRAYS = [np.arange(6, dtype="<u2").reshape(2, 3), np.array([["a", "bc"]]), np.zeros((0, 4)), np.array(1.5)]


def every_kind(*arguments: Any) -> Iterator[Any]:
    yield list(arguments)
    yield {"n": np.int64(2**62), "f": 0.1, "t": "é\x1b", "b": b"\0\xff", "none": None, "deep": [{"a": [True, ()]}]}
    yield from ARRAYS


def crash() -> Iterator[int]:
    yield 1
    ctypes.string_at(0)


def loop() -> Iterator[int]:
    yield 1
    while True:
        pass


def eat_memory() -> Iterator[np.ndarray]:
    yield np.ones(2**31)


def name_and_loop() -> Iterator[int]:
    yield os.getpid()
    while True:
        pass


def refuse() -> Iterator[int]:
    yield 1
    raise RecordingError("column `x` is missing")


def fail() -> Iterator[int]:
    yield {}["gone"]


def leave() -> Iterator[int]:
    yield os.getpid()
    os._exit(3)


def endless() -> Iterator[int]:
    while True:
        yield os.getpid()


def test_items_of_every_kind_arrive_as_they_were(tmp_path) -> None:
    given, tree, *arrays = read_apart(every_kind, tmp_path, 2, None, error=RecordingError)
    assert given == [str(tmp_path), 2, None]
    assert tree == {"n": 2**62, "f": 0.1, "t": "é\x1b", "b": b"\0\xff", "none": None, "deep": [{"a": [True, []]}]}
    for array, expected in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected, strict=True)
        array[...] = array  # the caller may write into it


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (crash, "crashed .SIGSEGV."),
        (leave, "crashed .exit code 3."),
        (loop, "longer than 2 s"),
        (fail, "KeyError: 'gone'"),
        (eat_memory, "MemoryError"),
    ],
)
def test_what_goes_wrong_in_the_child_is_the_error_asked_for(reader, told) -> None:
    with pytest.raises(ModelFileError, match=told):
        list(read_apart(reader, error=ModelFileError, seconds=2, memory=2**33))


def test_errors_of_the_package_arrive_as_they_were_raised() -> None:
    items = read_apart(refuse, error=ModelFileError)
    assert next(items) == 1
    with pytest.raises(RecordingError, match=r"^column `x` is missing$"):
        next(items)


def test_a_caller_that_stops_early_leaves_no_child() -> None:
    items = read_apart(endless, error=RecordingError)
    child = next(items)
    assert psutil.pid_exists(child)
    items.close()
    assert not psutil.pid_exists(child)


def test_a_slow_caller_is_no_slow_child() -> None:
    items = read_apart(endless, error=RecordingError, seconds=1)
    next(items)
    time.sleep(1.5)
    assert next(items) == next(items)
    items.close()


def test_a_child_whose_parent_was_killed_ends_by_itself() -> None:
    program = "from test_isolation import name_and_loop, read_apart, RecordingError; import sys, time\n"
    program += "items = read_apart(name_and_loop, error=RecordingError, seconds=4); print(next(items), flush=True)\n"
    program += "time.sleep(600)"
    paths = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(child).wait(timeout=100)
    assert not psutil.pid_exists(child)
