"""The command line: `spikeseg-lava COMMAND`. Bad input ends in one line on standard error and a non-zero exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer

from spikeseg_lava.cli.app import app
from spikeseg_lava.cli.console import fail, tell_warnings
from spikeseg_lava.errors import SpikeSegLavaError

USAGE, INTERRUPTED = 2, 130
UsageError: Any = typer.BadParameter.__mro__[1]  # unknown options, missing arguments too; has no public name


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a check failed, 2 bad input or a failing backend, 3 no verdict, 130 Ctrl-C."""
    tell_warnings()
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except UsageError as error:
        fail(f"{error.format_message()} ({_where_to_look(error)})")
        sys.exit(USAGE)
    except (SpikeSegLavaError, OSError) as error:
        fail(error)
        sys.exit(USAGE)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)


def _where_to_look(error: Any) -> str:
    """The help of the command whose words were wrong."""
    return f"see {error.ctx.command_path if error.ctx else 'spikeseg-lava'} --help"
