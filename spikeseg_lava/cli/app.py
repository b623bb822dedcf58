"""The list of commands, and what all of them share: plain help, and messages that name options."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from spikeseg_lava import __version__
from spikeseg_lava.cli.bench import bench
from spikeseg_lava.cli.board import board
from spikeseg_lava.cli.console import wording
from spikeseg_lava.cli.convert import convert
from spikeseg_lava.cli.demo import demo
from spikeseg_lava.cli.detect import detect
from spikeseg_lava.cli.evaluate import evaluate
from spikeseg_lava.cli.inspect import inspect
from spikeseg_lava.cli.report import report
from spikeseg_lava.cli.run import run
from spikeseg_lava.cli.verify import verify
from spikeseg_lava.cli.watch import watch
from spikeseg_lava.errors import SpikeSegLavaError

_TYPE = re.compile(r"<(list\[)?(\w+)[^|>]*>")
# Words for options that bring none of their own.
WORDS = {"path": "FILE", "Path": "FILE", "str": "NAME", "int": "N", "float": "X"}
_QUOTED = re.compile(r"`(\w+)`")


class Command(TyperCommand):
    """A command whose help says no Python types, and whose errors name the options of the command line."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", *(str(param.metavar) for param in self.params if param.param_type_name == "argument")]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments and options under their headings, `rich_help_panel` where an option has one."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            names, text = param.get_help_record(ctx) or ("", "")
            if param.param_type_name == "argument":
                names = str(param.metavar)
            names = _TYPE.sub(lambda found: WORDS.get(found[2], found[2].upper()), names)
            heading = "Arguments" if param.param_type_name == "argument" else "Options"
            sections.setdefault(getattr(param, "rich_help_panel", None) or heading, []).append((names, text))
        own = sections.pop("Options", [])
        for heading, rows in [*sections.items(), ("Options", own)]:
            with formatter.section(heading):
                formatter.write_dl(rows, col_max=26)

    def invoke(self, ctx: Any) -> Any:
        try:
            with wording(self._in_options):
                return super().invoke(ctx)
        except SpikeSegLavaError as error:
            if error.args and isinstance(error.args[0], str):
                error.args = (self._in_options(error.args[0]), *error.args[1:])
            raise

    def _in_options(self, message: str) -> str:
        """The message of a function with its arguments named as the options they came from."""
        options = {name: param.opts[0] for param in self.params for name in _argument_names(param)}
        return _QUOTED.sub(lambda found: f"`{options.get(found[1], found[1])}`", message)


def _argument_names(param: Any) -> set[str]:
    """Names by which functions know an option: that of the command's parameter, and the option's own."""
    if param.param_type_name == "argument":
        return set()
    return {param.name, *(name.lstrip("-").replace("-", "_") for name in param.opts)}


app = typer.Typer(
    name="spikeseg-lava",
    help="Trained SpikeSEG networks in the integers of a neuromorphic chip: run on Lava, proved against PyTorch.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
COMMANDS = {
    demo: "Everything once, without a file of yours.",
    inspect: "Layers, thresholds, leaks, neurons and synapses.",
    convert: "Write a trained network in the integers of a chip.",
    run: "Spikes of clips and recordings.",
    verify: "Prove that simulator, integers and floats agree.",
    detect: "Objects of a recording: table, picture, film, page.",
    watch: "Objects of live events as JSON lines, and on a local page.",
    evaluate: "Sensitivity and specificity on labelled recordings.",
    report: "Design rules, cores, operations, energy estimate.",
    bench: "Milliseconds a step against stock Lava and PyTorch.",
    board: "The first hour on a Loihi 2: rungs with expected spikes, or a bundle.",
}
for command, what in COMMANDS.items():
    app.command(cls=Command, short_help=what)(command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spikeseg-lava {__version__}")
        raise typer.Exit()


@app.callback()
def everything(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Trained SpikeSEG networks in the integers of a neuromorphic chip: run on Lava, proved against PyTorch."""
