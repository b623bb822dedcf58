"""What the commands say about themselves, and how they take their options."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from spikeseg_lava import __version__, demo
from spikeseg_lava.cli import console
from spikeseg_lava.cli.app import COMMANDS
from spikeseg_lava.cli.bench import CONTENDERS as NAMES

EVERY = [command.__name__ for command in COMMANDS]


@pytest.mark.parametrize("name", EVERY)
def test_help_says_no_python_types_and_is_as_wide_as_the_terminal(cli, monkeypatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = cli(name, "-h")
    assert done.code == 0
    assert not re.search(r"<\w+|list\[|\bPath\b", done.out)
    assert max(map(len, done.out.splitlines())) <= 80


def test_version(cli) -> None:
    assert cli("--version").out == f"spikeseg-lava {__version__}\n"


def test_bench_names_its_contenders() -> None:
    from spikeseg_lava.bench.contenders import CONTENDERS

    assert [name for name in CONTENDERS if name not in NAMES] == []


@pytest.mark.parametrize("name", ["run", "verify", "detect", "evaluate"])
def test_commands_that_execute_share_backend_and_recording_options(cli, name: str) -> None:
    told = " ".join(cli(name, "--help").out.split())  # wherever its lines break
    assert "--backend" in told
    assert "[default: event]" in told
    assert all(option in told for option in ("--window", "--sensor-size", "--size", "--timesteps", "--dt"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("evaluate", "--synthetic", 1, "--radius", -1), "`--radius`"),
        (("run", demo.checkpoint_path(), demo.clip_path(), "--target", "loihi9"), "`--target`"),
        (("bench", "--only", "nothing"), "`--only`"),
        (("run", demo.checkpoint_path(), demo.events_path(), "--sensor-size", "wide"), "`--sensor-size`"),
        (("detect", demo.events_path(), "--window", 0), "`--window`"),
        (("inspect", demo.checkpoint_path(), "--dt", 1), "`--dt`"),
        (("verify", demo.checkpoint_path(), demo.clip_path(), "--window", 1), "`--window`"),
    ],
)
def test_messages_name_options(cli, words: tuple[object, ...], named: str) -> None:
    done = cli(*words)
    assert done.code == 2
    assert named in done.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("detect", "missing.txt", "--picture", "p.bmp"), "`--picture` must end in .png, .pdf or .svg"),
        (("detect", "missing.txt", "--animation", "p.avi"), "`--animation` must end in .gif or .mp4"),
        (("run", "missing.pt", "missing.txt", "--output", "no/r.npz"), "does not exist"),
        (("bench", "--plot", "p.txt"), "`--plot`"),
        (("convert", "missing.pt", "m.slm", "--trace", "t.txt"), "`--trace` must end in .csv"),
        (("evaluate", "missing", "--output", "t.xls"), "`--output` must end in .csv"),
    ],
)
def test_outputs_are_checked_before_any_input_is_read(cli, words: tuple[str, ...], named: str) -> None:
    done = cli(*words)
    assert done.code == 2
    assert named in done.err


def test_networks_and_clips_are_known_by_their_content(cli, tmp_path: Path) -> None:
    assert cli("convert", demo.checkpoint_path(), "m.slm").code == 0
    for source, name in ((demo.checkpoint_path(), "network.bin"), (tmp_path / "m.slm", "model.pt")):
        shutil.copy(source, tmp_path / name)
        done = cli("inspect", name)
        assert done.code == 0, done.err
        assert ("model for loihi2" in done.out) == (name == "model.pt")
    shutil.copy(demo.clip_path(), tmp_path / "clip.data")
    assert cli("run", "network.bin", "clip.data").code == 0


def test_window_takes_the_fullest_sample(cli) -> None:
    done = cli("run", demo.checkpoint_path(), demo.events_path(), "--backend", "torch", "--window", 0.4)
    assert done.code == 2
    told = cli("verify", demo.checkpoint_path(), demo.events_path(), "--window", 0.8, "--json")
    assert "sample: " in told.err


ROWS = [("conv1", 1234567890, "a word or two that may be wrapped", 0.123456)] * 2
COLUMNS = ("layer", "a long heading of numbers", "words", "more")


@pytest.mark.parametrize("width", [200, 80, 50, 40, 30])
def test_tables_fit_and_break_no_number(monkeypatch, capsys, width: int) -> None:
    monkeypatch.setattr(console.output, "width", width)
    console.say_table("title", COLUMNS, ROWS, drop=("more",))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-1])) <= max(width, 40)
    assert ("1,234,567,890" in out) or "a long heading" in out.splitlines()[-1]
    assert "…" not in out
    assert ("left out" in out) == (width < 46)
    assert out.count("0.123456") == (0 if width < 46 else 2)


def test_of_a_long_table_the_first_rows_are_shown(capsys) -> None:
    console.say_table("title", ("number",), [(k,) for k in range(2000, 2102)], more="--csv")
    out = capsys.readouterr().out
    assert "2,099" in out
    assert "2,100" not in out
    assert "shown: the first 100 of 102 rows (see --csv)" in out


@pytest.mark.parametrize("size", ["²x²", "1e3x5", "0x5", "-3x5", "5", "5x5x5"])
def test_a_size_that_is_none_is_named(cli, size: str) -> None:
    done = cli("run", demo.checkpoint_path(), demo.events_path(), "--size", size)
    assert done.code == 2
    assert "`--size` must be WIDTHxHEIGHT" in done.err
