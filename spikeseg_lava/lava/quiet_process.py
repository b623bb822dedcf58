"""Base of our Processes: a Lava Process that leaves the root logger as it was, and can be forgotten."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import VarServer


class QuietProcess(AbstractProcess):
    """Lava adds a console handler to the root logger for every Process ever made; this one takes it back."""

    _runtime: Any = None  # Lava's `__del__` asks for it, also where an argument was refused before it was set

    def __init__(self, **parameters: Any) -> None:
        handlers = list(logging.getLogger().handlers)
        super().__init__(**parameters)
        logging.getLogger().handlers[:] = handlers


def forget(processes: Iterable[AbstractProcess]) -> None:
    """Drop finished Processes from Lava's registries, which otherwise keep them until the interpreter ends."""
    gone = {id(process) for process in processes}
    variables = VarServer().vars
    variables[:] = [var for var in variables if id(var.process) not in gone]
    registered = ProcessServer().processes
    registered[:] = [process for process in registered if id(process) not in gone]
