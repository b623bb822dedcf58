"""What our process models with a membrane have in common: the membrane reaches the parent without `Var.get()`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel


class MembraneModel(PyLoihiProcessModel):
    """Copies `v` into memory shared with the parent when a run ends and when the graph is stopped."""

    proc_params: Any
    v: Any

    def refresh(self) -> None:
        """Bring `v` up to the present step; models that leak lazily do it here, before anybody looks."""

    def publish(self) -> None:
        """Copy the membrane to where the parent reads it."""
        self.refresh()
        np.copyto(self.proc_params["membrane"], self.v, casting="same_kind")

    def _host(self) -> None:
        super()._host()
        self.publish()

    def _stop(self) -> None:
        self.publish()
        super()._stop()

    def _get_var(self) -> None:
        self.refresh()
        super()._get_var()

    def _set_var(self) -> None:
        self.refresh()
        super()._set_var()

    def _handle_var_port(self, var_port: Any) -> None:
        self.refresh()
        before = self.v
        super()._handle_var_port(var_port)
        if self.v is not before:
            self.on_var_update()
