"""The network as a Lava process graph: one Process a layer, or the whole encoder as one.

Names are imported when first used: `import spikeseg_lava.lava` does not need Lava, running does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikeseg_lava.errors import BackendError
from spikeseg_lava.lava.python_support import install_repairs

if TYPE_CHECKING:
    from spikeseg_lava.lava.graph import EncoderGraph as EncoderGraph
    from spikeseg_lava.lava.graph import LayerGraph as LayerGraph
    from spikeseg_lava.lava.graph import build_encoder_graph as build_encoder_graph
    from spikeseg_lava.lava.graph import build_graph as build_graph
    from spikeseg_lava.lava.loihi import LoihiHost as LoihiHost
    from spikeseg_lava.lava.loihi import run_loihi2 as run_loihi2
    from spikeseg_lava.lava.runner import run_graph as run_graph
    from spikeseg_lava.lava.runner import run_lava as run_lava
    from spikeseg_lava.lava.runtime.runtime import supervised as supervised
    from spikeseg_lava.lava.stock import build_stock_graph as build_stock_graph
    from spikeseg_lava.lava.stock import run_stock_lava as run_stock_lava

_HOME_OF = {
    "EncoderGraph": "graph",
    "LayerGraph": "graph",
    "LoihiHost": "loihi",
    "build_encoder_graph": "graph",
    "build_graph": "graph",
    "build_stock_graph": "stock",
    "run_graph": "runner",
    "run_lava": "runner",
    "run_loihi2": "loihi",
    "run_stock_lava": "stock",
    "supervised": "runtime.runtime",
}
__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]

install_repairs()


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module `spikeseg_lava.lava` has no attribute `{name}`")
    try:
        return getattr(importlib.import_module(f"spikeseg_lava.lava.{_HOME_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "lava":
            raise
        raise BackendError(
            "the Lava backends need `lava-nc` 0.10, which is not installed: pip install 'lava-nc>=0.10,<0.11' "
            "(Python 3.10), or `uv sync` on a newer Python; backend 'event' computes the same without it"
        ) from error


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]
