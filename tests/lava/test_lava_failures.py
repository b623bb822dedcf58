"""Whatever goes wrong in a graph ends in one error; nothing hangs, nothing is left behind, the interpreter exits."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from builders.models import two_plane_clip, two_plane_model
from lava.magma.core.run_conditions import RunSteps

from spikeseg_lava.errors import BackendError
from spikeseg_lava.lava.graph import build_graph, run_graph, run_lava
from spikeseg_lava.lava.runtime.runtime import supervised

HERE = Path(__file__).parent
PREPARE = """
import os, signal, sys, threading, time
sys.path.insert(0, {here!r})
import numpy as np
from builders.models import two_plane_clip, two_plane_model
from spikeseg_lava.lava import build_graph, supervised
from spikeseg_lava.lava.graph import run_graph

def endless(pause=0.01):
    while True:
        time.sleep(pause)
        yield np.zeros(0, np.int32), 1
"""


def in_new_interpreter(script: str, **options: object) -> subprocess.Popen[str]:
    """Run a script that prepares a graph, in a process group of its own."""
    code = PREPARE.format(here=str(HERE.parent)) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def ended(child: subprocess.Popen[str], seconds: float = 60) -> tuple[str, str]:
    """Output of the interpreter; fails if it does not exit, or leaves a process of its group behind."""
    try:
        output, errors = child.communicate(timeout=seconds)
    finally:
        left = group_members(child.pid)
        if left:
            os.killpg(child.pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}"
    return output, errors


def group_members(group: int) -> list[str]:
    """Command lines of a group's processes; those that are ending get a moment."""
    for _ in range(40):
        members = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            try:
                if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(str(process.info))
            except (psutil.Error, ProcessLookupError):
                continue
        if not members:
            return []
        time.sleep(0.1)
    return members


def test_an_exception_in_a_model_names_the_layer_and_shows_the_traceback() -> None:
    graph = build_graph(two_plane_model(), size=(11, 17), steps=[(np.array([10**6], np.int32), 1)])
    with pytest.raises(
        BackendError, match=r"Lava process `source` failed: ValueError: places must lie in 0\.\.373"
    ) as caught:
        run_graph(graph, 3, timeout=60)
    assert "Traceback (most recent call last)" in str(caught.value)
    assert "run_spk" in str(caught.value)


def test_a_payload_that_is_too_large_names_the_convolution() -> None:
    graph = build_graph(two_plane_model(), size=(11, 17), steps=[(np.array([0], np.int32), 64)])
    with pytest.raises(BackendError, match="`conv1` failed: ValueError: a value of 64 exceeds the payload, 63"):
        run_graph(graph, 3, timeout=60)


def test_a_generator_that_fails_is_reported() -> None:
    def broken():
        yield np.array([3], np.int32), 1
        raise OSError("the recording ends here")

    with pytest.raises(BackendError, match="`source` failed: OSError: the recording ends here"):
        run_graph(build_graph(two_plane_model(), size=(11, 17), steps=broken()), 3, timeout=60)


def test_a_killed_child_is_named() -> None:
    graph = build_graph(two_plane_model(), size=(11, 17))
    runtime = supervised(graph.source, graph.run_config, timeout=60)
    victim = next(child for child in runtime.children if child.name == "pool1")
    assert victim.process.pid is not None
    os.kill(victim.process.pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="`pool1` was killed by signal 9"):
        runtime.start(RunSteps(5))
    assert not runtime.children
    with pytest.raises(BackendError, match="has been stopped"):
        runtime.start(RunSteps(1))
    graph.close()


def test_a_graph_that_takes_too_long_is_ended() -> None:
    def slow():
        time.sleep(60)
        yield np.array([3], np.int32), 1

    start = time.monotonic()
    with pytest.raises(BackendError, match=r"did not run within 0\.5 s"):
        run_graph(build_graph(two_plane_model(), size=(11, 17), steps=slow()), 3, timeout=0.5)
    assert time.monotonic() - start < 30


def test_twenty_runs_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    made: set[str] = set()
    create = SharedMemory.__init__

    def noted(self: SharedMemory, *arguments: Any, **options: Any) -> None:
        create(self, *arguments, **options)
        made.add(self.name)

    monkeypatch.setattr(SharedMemory, "__init__", noted)
    model, frames = two_plane_model(), two_plane_clip()
    expected = run_lava(model, frames, timeout=60)
    own = psutil.Process()
    before = own.num_fds(), len(own.children())
    threads = threading.active_count()
    for repeat in range(20):
        found = run_lava(model, frames, fused=repeat % 2 > 0, timeout=60)
    assert (own.num_fds(), len(own.children())) == before
    assert threading.active_count() <= threads + 1  # the thread of the last run may still be ending
    assert not made  # all memory between the processes is without a name, so it goes with those who hold it
    np.testing.assert_array_equal(found.spikes["conv2"], expected.spikes["conv2"])


def test_finished_graphs_are_forgotten() -> None:
    before = graphs_in_memory()
    for _ in range(2):
        run_lava(two_plane_model(), two_plane_clip(), timeout=60)
    for _ in range(100):  # the thread that listened for the runtime service holds the last one until it ends
        if graphs_in_memory() <= before:
            break
        time.sleep(0.1)
    assert graphs_in_memory() <= before


def graphs_in_memory() -> int:
    """Number of sources and runtimes that somebody still holds."""
    gc.collect()
    return sum(type(x).__name__ in ("EventSource", "SupervisedRuntime") for x in gc.get_objects())


def test_a_daemonic_process_may_run_a_graph() -> None:
    fork = multiprocessing.get_context("fork")
    results, sender = fork.Pipe(duplex=False)

    def work() -> None:
        sender.send(run_lava(two_plane_model(), two_plane_clip(), timeout=60).counts["conv2"])

    child = fork.Process(target=work, daemon=True)
    child.start()
    assert results.poll(60)
    assert results.recv() > 0
    child.join()


def test_the_interpreter_exits_after_a_failure() -> None:
    child = in_new_interpreter("""
        graph = build_graph(two_plane_model(), size=(11, 17), steps=[(np.array([10**6], np.int32), 1)])
        run_graph(graph, 3)
    """)
    _, errors = ended(child)
    assert child.returncode == 1
    assert "BackendError: Lava process `source` failed: ValueError: places must lie in 0..373" in errors


@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_ends_the_graph_and_the_interpreter(whole_group: bool) -> None:
    child = in_new_interpreter("""
        graph = build_graph(two_plane_model(), size=(11, 17), steps=endless())
        runtime = supervised(graph.source, graph.run_config)
        from lava.magma.core.run_conditions import RunSteps
        runtime.start(RunSteps(2))
        print("running", flush=True)
        runtime.start(RunSteps(10**6))
    """)
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n"
    time.sleep(0.3)
    if whole_group:
        os.killpg(child.pid, signal.SIGINT)
    else:
        os.kill(child.pid, signal.SIGINT)
    _, errors = ended(child)
    assert child.returncode != 0
    assert errors.count("Traceback") == 1
    assert "KeyboardInterrupt" in errors


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("fork", [1, 3])
def test_a_signal_while_the_graph_starts_is_not_lost(fork: int, name: str) -> None:
    child = in_new_interpreter(f"""
        forks = []
        def interrupt():
            forks.append(1)
            if len(forks) == {fork}:
                os.killpg(os.getpid(), signal.{name})
                time.sleep(0.05)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.register_at_fork(after_in_parent=interrupt)
        graph = build_graph(two_plane_model(), size=(11, 17), steps=endless())
        try:
            supervised(graph.source, graph.run_config)
        except KeyboardInterrupt:
            print("interrupted after", len(forks))
    """)
    output, errors = ended(child)
    assert (child.returncode, output) == (0, f"interrupted after {fork}\n")
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_children_die_with_a_parent_that_is_killed() -> None:
    child = in_new_interpreter("""
        graph = build_graph(two_plane_model(), size=(11, 17), steps=endless())
        runtime = supervised(graph.source, graph.run_config)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended(child)
    assert child.returncode == -signal.SIGKILL


def test_an_interpreter_that_forgets_to_stop_exits_all_the_same() -> None:
    child = in_new_interpreter("""
        graph = build_graph(two_plane_model(), size=(11, 17), steps=endless())
        runtime = supervised(graph.source, graph.run_config)
    """)
    ended(child)
    assert child.returncode == 0
