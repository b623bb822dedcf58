"""The command line: `spikeseg-lava COMMAND`. Bad input ends in one line on standard error and a non-zero exit code."""

from __future__ import annotations

import sys

from spikeseg_lava.cli.app import app
from spikeseg_lava.cli.console import fail, tell_warnings
from spikeseg_lava.errors import SpikeSegLavaError

USAGE, INTERRUPTED = 2, 130


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a check failed, 2 bad input or a failing backend, 3 no verdict, 130 Ctrl-C."""
    tell_warnings()
    try:
        app()
    except (SpikeSegLavaError, OSError) as error:
        fail(error)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
