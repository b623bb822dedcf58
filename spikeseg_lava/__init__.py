"""Trained SpikeSEG networks on neuromorphic hardware: quantised, run on Lava, proved against PyTorch.

Public names are imported when first used, so that `import spikeseg_lava` needs neither torch nor Lava.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeseg_lava.checkpoint import load_checkpoint as load_checkpoint
    from spikeseg_lava.clip import load_clip as load_clip
    from spikeseg_lava.clip import save_clip as save_clip
    from spikeseg_lava.comparison import Comparison as Comparison
    from spikeseg_lava.comparison import compare as compare
    from spikeseg_lava.decoding import Decoded as Decoded
    from spikeseg_lava.decoding import decode as decode
    from spikeseg_lava.decoding import group as group
    from spikeseg_lava.description import describe as describe
    from spikeseg_lava.detection import detect_objects as detect_objects
    from spikeseg_lava.errors import SpikeSegLavaError as SpikeSegLavaError
    from spikeseg_lava.execution import run as run
    from spikeseg_lava.fixed_point import FixedPointModel as FixedPointModel
    from spikeseg_lava.lowering import lower as lower
    from spikeseg_lava.many import run_many as run_many
    from spikeseg_lava.model_file import load_model as load_model
    from spikeseg_lava.model_file import save_model as save_model
    from spikeseg_lava.network import SpikingNetwork as SpikingNetwork
    from spikeseg_lava.nir_format import from_nir as from_nir
    from spikeseg_lava.nir_format import write_nir as write_nir
    from spikeseg_lava.quantise import explain as explain
    from spikeseg_lava.quantise import quantize as quantize
    from spikeseg_lava.record import SpikeRecord as SpikeRecord
    from spikeseg_lava.recording import read_recording as read_recording
    from spikeseg_lava.report import build_report as build_report
    from spikeseg_lava.simplification import simplify as simplify
    from spikeseg_lava.streaming import run_stream as run_stream
    from spikeseg_lava.verification import verify as verify

_HOME_OF = {
    "Comparison": "comparison",
    "Decoded": "decoding",
    "FixedPointModel": "fixed_point",
    "SpikeRecord": "record",
    "SpikeSegLavaError": "errors",
    "SpikingNetwork": "network",
    "build_report": "report",
    "compare": "comparison",
    "decode": "decoding",
    "describe": "description",
    "detect_objects": "detection",
    "explain": "quantise",
    "from_nir": "nir_format",
    "group": "decoding",
    "load_checkpoint": "checkpoint",
    "load_clip": "clip",
    "load_model": "model_file",
    "lower": "lowering",
    "quantize": "quantise",
    "read_recording": "recording",
    "run": "execution",
    "run_many": "many",
    "run_stream": "streaming",
    "save_clip": "clip",
    "save_model": "model_file",
    "simplify": "simplification",
    "verify": "verification",
    "write_nir": "nir_format",
}
__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module `spikeseg_lava` has no attribute `{name}`")
    return getattr(importlib.import_module(f"spikeseg_lava.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]
