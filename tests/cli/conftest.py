"""Run a command as the shell would, in this process: what it printed and how it ended."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from spikeseg_lava.cli import main


@dataclass(frozen=True)
class Finished:
    """Exit code and both outputs of a command."""

    code: int
    out: str
    err: str


Cli = Callable[..., Finished]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`cli("run", path, ...)`, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["spikeseg-lava", *map(str, words)])
        capsys.readouterr()
        code = exit_code_of_main()
        logging.getLogger("spikeseg_lava").setLevel(logging.NOTSET)
        out, err = capsys.readouterr()
        return Finished(code, str(out), str(err))

    return call


def exit_code_of_main() -> int:
    """What the shell would see; warnings are told, as for a user, not raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0
