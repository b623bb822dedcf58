"""The commands on the shipped network: the demo, and one clear line for whatever is wrong."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava import demo

HEAVY = ("torch", "lava", "matplotlib", "numba", "scipy", "h5py", "joblib")


def test_the_demo_passes_and_draws(cli) -> None:
    done = cli("demo", "--output", "found.png")
    assert done.code == 0, done.err
    assert "verdict: pass" in done.out
    assert Path("found.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["convert", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['spikeseg-lava', *{words!r}]\n"
        "from spikeseg_lava.cli import main\n"
        "try: main()\n"
        f"finally: print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "Usage: spikeseg-lava" in done.stdout
    assert done.stdout.rstrip().endswith("LOADED []")


def one_line(error: str) -> str:
    """The error, which must be one line and no traceback."""
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    return lines[0]


@pytest.fixture
def wrong(tmp_path: Path) -> dict[str, Path]:
    """Files that are not what they seem."""
    files = {name: tmp_path / name for name in ("empty.pt", "text.pt", "cut.pt", "cut.npz", "picture.npz", "cut.slm")}
    files["empty.pt"].write_bytes(b"")
    files["text.pt"].write_text("not a checkpoint")
    files["cut.pt"].write_bytes(demo.checkpoint_path().read_bytes()[:2000])
    files["cut.npz"].write_bytes(demo.clip_path().read_bytes()[:2000])
    with zipfile.ZipFile(files["picture.npz"], "w") as archive:
        archive.writestr("cat.png", b"\x89PNG")
    files["cut.slm"].write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    return files


@pytest.mark.parametrize("name", ["empty.pt", "text.pt", "cut.pt", "cut.slm", "missing.pt"])
def test_wrong_networks_end_in_one_line(cli, wrong: dict[str, Path], name: str) -> None:
    done = cli("run", wrong.get(name, name), demo.clip_path())
    assert done.code == 2
    assert name in one_line(done.err)


@pytest.mark.parametrize("name", ["cut.npz", "picture.npz", "missing.npz", "missing.txt", "clip.bmp"])
def test_wrong_inputs_end_in_one_line(cli, wrong: dict[str, Path], name: str) -> None:
    done = cli("run", demo.checkpoint_path(), wrong.get(name, name))
    assert done.code == 2
    assert name in one_line(done.err)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "-1"], "threshold"),
        (["--size", "10by10"], "--size"),
        (["--output", "no/such/folder/r.npz"], "does not exist"),
        (["--backend", "event", "--target", "loihi9"], "loihi2"),
    ],
)
def test_wrong_options_end_in_one_line(cli, words: list[str], message: str) -> None:
    done = cli("run", demo.checkpoint_path(), demo.clip_path(), *words)
    assert done.code == 2
    assert message in one_line(done.err)


def test_a_clip_of_other_channels_is_refused(cli, tmp_path: Path) -> None:
    np.savez(tmp_path / "grey.npz", frames=np.zeros((2, 1, 64, 64), np.float32))
    done = cli("verify", demo.checkpoint_path(), tmp_path / "grey.npz")
    assert done.code == 2
    assert "channel" in one_line(done.err)


def test_a_model_that_exists_is_left_whole_when_converting_fails(cli, tmp_path: Path) -> None:
    (tmp_path / "m.slm").write_bytes(b"precious")
    assert cli("convert", demo.checkpoint_path(), "m.slm", "--target", "nothing").code == 2
    assert (tmp_path / "m.slm").read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["m.slm"]
