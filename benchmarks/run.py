"""Every figure of the project in one run: `python benchmarks/run.py CHECKPOINT CLIP [--rounds 5] [--output FOLDER]`.

Run it on a machine that does nothing else. Writes `benchmark.json` and `benchmark.png`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from spikeseg_lava.bench import BenchmarkResult, draw, run_benchmark
from spikeseg_lava.checkpoint import load_checkpoint
from spikeseg_lava.clip import load_clip
from spikeseg_lava.quantise import quantize

console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("clip", type=Path, help="an .npz with `frames`")
    parser.add_argument("--threshold", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path())
    options = parser.parse_args()
    network, frames = load_checkpoint(options.checkpoint, threshold=options.threshold), load_clip(options.clip)
    model = quantize(network, calibration=frames)
    result = run_benchmark(model, frames, network, rounds=options.rounds, progress=console.print)
    result.to_json(options.output / "benchmark.json")
    draw(result, options.output / "benchmark.png")
    show(result)


def show(result: BenchmarkResult) -> None:
    """The table of all contenders."""
    head, *rows = result.table()
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
