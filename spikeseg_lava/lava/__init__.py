"""The network as a Lava process graph: one Process a layer, or the whole encoder as one.

Names are imported when first used: `import spikeseg_lava.lava` does not need Lava, running does.
"""

from __future__ import annotations

import importlib
import importlib.util
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

INSTALL = "pip install asteval networkx && pip install --no-deps --ignore-requires-python lava-nc==0.10.0"
"""How to install Lava on any Python from 3.10 to 3.13; the README says the same."""

MISSING = f"the Lava backends need `lava-nc` 0.10.0, which is not installed: {INSTALL}"

install_repairs()


def is_installed() -> bool:
    """Whether Lava can be found; nothing of it is imported."""
    try:
        return importlib.util.find_spec("lava.magma") is not None
    except ModuleNotFoundError:
        return False


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module `spikeseg_lava.lava` has no attribute `{name}`")
    try:
        return getattr(importlib.import_module(f"spikeseg_lava.lava.{_HOME_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "lava":
            raise
        raise BackendError(f"{MISSING}; backend 'event' computes the same without it") from error


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]
