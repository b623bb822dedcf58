"""Words on the command line that are no command, option or value: one line, no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeseg_lava.cli.networks import shipped_network


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("bogus", "bogus"),
        ("run", "NETWORK"),
        ("verify a.pt", "INPUT"),
        ("run a.pt b.npz --nope", "--nope"),
        ("run a.pt b.npz --backend nope", "--backend"),
        ("run a.pt b.npz --timesteps many", "--timesteps"),
        ("verify a.pt b.npz --json", "a.pt"),
    ],
)
def test_wrong_words_end_in_one_line(cli, words: str, named: str) -> None:
    done = cli(*words.split())
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ")
    assert named in done.err


def test_no_words_give_the_commands(cli) -> None:
    done = cli()
    assert done.code == 0
    assert "verify" in done.out


def test_a_folder_is_no_output(cli, tmp_path: Path) -> None:
    done = cli("convert", shipped_network(), tmp_path)
    assert done.code == 2
    assert done.err == f"error: `{tmp_path}` cannot be written: it is a folder\n"


def test_a_warning_names_options_as_an_error_does(cli, tmp_path: Path) -> None:
    recording = tmp_path / "events.csv"
    recording.write_text("t,x,y,p\n" + "".join(f"{t},{t % 30},{t % 20},1\n" for t in range(100)))
    told = cli("detect", recording).err
    assert "the sensor is taken as 30x20, by the largest coordinates; give `--sensor-size` if not" in told
