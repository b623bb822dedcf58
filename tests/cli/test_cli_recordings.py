"""Every way of the command line reads the same recordings, with the same options and messages."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest
from builders.recording_files import RECORDING_FILES, evt3_bytes, text_bytes, write_hdf5
from builders.recordings import small_events

from spikeseg_lava.cli.networks import shipped_network
from spikeseg_lava.spikes.spike_file import SpikeFile

SIZE = ("--size", "40x30", "--sensor-size", "40x30")


@pytest.fixture(scope="module")
def events() -> SimpleNamespace:
    return small_events()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of the shipped network, quantized once."""
    from spikeseg_lava import load_checkpoint, quantize

    path = tmp_path_factory.mktemp("model") / "net.slm"
    quantize(load_checkpoint(shipped_network())).save(path)
    return path


def window_counts(cli: Any, network: Path, path: Path, *words: str) -> tuple[int, Any]:
    """Samples of `run --window 0.02` over the recording, from the spike file, and how it ended."""
    done = cli("run", network, path, "--window", "0.02", "--output", "out", *SIZE, *words)
    if done.code:
        return 0, done
    with SpikeFile(f"out/{path.name}.spikes.h5") as file:
        return file.samples, done


@pytest.mark.parametrize("name", ["evt3.raw", "columns.npz", "group.h5", "dv.aedat4"])
def test_one_sample_and_windows_accept_the_same_files(
    cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace, name: str
) -> None:
    RECORDING_FILES[name](tmp_path / name, events)
    single = cli("run", network, tmp_path / name, "--json", *SIZE)
    assert (single.code, "warning" in single.err) == (0, False)
    assert window_counts(cli, network, tmp_path / name)[0] == 4  # of 89 ms; the last window is filled by less than half


def test_a_partial_last_window_is_kept_on_request(
    cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace
) -> None:
    RECORDING_FILES["evt3.raw"](tmp_path / "evt3.raw", events)
    assert window_counts(cli, network, tmp_path / "evt3.raw", "--keep-partial")[0] == 5


def test_windows_refuse_a_sensor_too_small_as_one_sample_does(
    cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace
) -> None:
    RECORDING_FILES["evt3.raw"](tmp_path / "evt3.raw", events)
    small = ("run", network, tmp_path / "evt3.raw", "--sensor-size", "9x9")
    for done in (cli(*small), cli(*small, "--window", "0.02")):
        assert done.code != 0
        assert "`--sensor-size` 9x9 (width x height) leaves out" in done.err + done.out


@pytest.mark.parametrize("way", [(), ("--window", "0.02", "--output", "out")])
def test_messages_are_the_same_in_every_way(cli: Any, network: Path, tmp_path: Path, way: tuple[str, ...]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, length in (("x", 10), ("y", 50), ("t", 50), ("p", 50)):
            file[name] = [1] * length
    done = cli("run", network, tmp_path / "a.h5", *way, *SIZE)
    assert done.code != 0
    assert "the columns differ in length ({'/t': 50, '/x': 10, '/y': 50, '/p': 50})" in done.out + done.err


def test_the_options_reach_every_way(cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace) -> None:
    write_hdf5(tmp_path / "a.h5", events, "left")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for name in "xytp":
            file[f"right/{name}"] = [1, 2, 3]
    part = ("--group", "left", "--time-unit", "us", "--start", "0.03", "--duration", "0.04")
    assert window_counts(cli, network, tmp_path / "a.h5", *part)[0] == 2
    for words in (("run",), ("verify",), ("detect",)):
        done = cli(*words, network, tmp_path / "a.h5", *SIZE, *part[2:])
        assert done.code != 0
        assert "choose one with `--group`" in done.err
        assert "choose one" not in cli(*words, network, tmp_path / "a.h5", *SIZE, *part).err


def test_noise_is_left_out_and_counted(cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace) -> None:
    (tmp_path / "a.raw").write_bytes(evt3_bytes(events))
    done = cli("run", network, tmp_path / "a.raw", "--denoise", "--json", *SIZE)
    assert done.code == 0
    assert "events without company dropped" in done.err
    assert json.loads(done.out)["meta"]["backend"] == "event"


def test_text_from_a_pipe_is_run(cli: Any, network: Path, tmp_path: Path, events: SimpleNamespace) -> None:
    os.mkfifo(tmp_path / "live.txt")
    writer = threading.Thread(target=lambda: (tmp_path / "live.txt").write_bytes(text_bytes(events)))
    writer.start()
    assert cli("run", network, tmp_path / "live.txt", "--json", *SIZE).code == 0
    writer.join()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--time-unit", "h"), "`--time-unit` must be s, ms, us or ns"),
        (("--start", "-1"), "`--start` must be a positive number of seconds"),
        (("--duration", "0"), "`--duration` must be a positive number of seconds"),
    ],
)
def test_options_that_cannot_be_are_named(cli: Any, network: Path, words: tuple[str, ...], told: str) -> None:
    done = cli("run", network, "a.raw", *words)
    assert done.code == 2
    assert told in done.err
