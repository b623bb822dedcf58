"""Stand-in for the extension's state probe, as public code uses it: one Var, one probe a Var, given as a callback."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.callback_fx import NxSdkCallbackFx
from lava.magma.core.process.variable import Var

PROBES: list[StateProbe] = []


class StateProbe(NxSdkCallbackFx):
    """Probe of a Var; it has a series only once a run configuration has taken it."""

    def __init__(self, var: Var) -> None:
        if not isinstance(var, Var) or any(probe.var is var for probe in PROBES):
            raise TypeError(f"{var!r} is no Var, or is probed already")
        self.var, self.taken = var, False
        PROBES.append(self)

    def pre_run_callback(self, board: Any = None, var_id_to_var_model_map: Any = None) -> None:
        """Nothing on the CPU."""

    def post_run_callback(self, board: Any = None, var_id_to_var_model_map: Any = None) -> None:
        """Nothing on the CPU."""

    @property
    def time_series(self) -> Any:
        """Numbers that say which Var was probed; on the chip its values step by step."""
        if not self.taken:
            raise RuntimeError("the probe was in no run configuration")
        return np.full(3, self.var.id)
