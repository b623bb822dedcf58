"""The list of commands."""

from __future__ import annotations

import typer

from spikeseg_lava.cli.bench import bench
from spikeseg_lava.cli.convert import convert
from spikeseg_lava.cli.demo import demo
from spikeseg_lava.cli.detect import detect
from spikeseg_lava.cli.evaluate import evaluate
from spikeseg_lava.cli.inspect import inspect
from spikeseg_lava.cli.report import report
from spikeseg_lava.cli.run import run
from spikeseg_lava.cli.verify import verify

app = typer.Typer(
    name="spikeseg-lava",
    help="Trained SpikeSEG networks in the integers of a neuromorphic chip: run on Lava, proved against PyTorch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (demo, inspect, convert, run, verify, detect, evaluate, report, bench):
    app.command()(command)
