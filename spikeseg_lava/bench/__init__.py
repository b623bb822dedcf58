"""Benchmarks: stock Lava, our Lava models, torch and the event engine on the same clip, in turns."""

from __future__ import annotations

from spikeseg_lava.bench.contenders import CONTENDERS
from spikeseg_lava.bench.result import BenchmarkResult, draw
from spikeseg_lava.bench.run import run_benchmark

__all__ = ["CONTENDERS", "BenchmarkResult", "draw", "run_benchmark"]
