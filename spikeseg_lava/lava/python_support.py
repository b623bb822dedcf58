"""Repairs that let the archived lava-nc 0.10 be imported where it otherwise would not; nothing else is touched.

Two modules of Lava are repaired while they are imported, and only then:

* `lava.magma.compiler.var_model`, on Python >= 3.11. Four of its dataclasses serve as field defaults of one another.
  Since 3.11 a dataclass refuses a default that cannot be hashed (before, only list, dict and set), so the import ends
  in `ValueError: mutable default`. These four get `unsafe_hash=True`; fields, order and behaviour stay the same.
* `lava.magma.runtime.message_infrastructure.multiprocessing`, where a start method of `multiprocessing` has been chosen
  already: the module sets "fork" and would raise `RuntimeError: context has already been set`. The choice made before
  stays; our runtime asks for a fork context itself.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any
from unittest.mock import patch

HASHED = frozenset({"ByteEncoder", "CoreEncoder", "ChipEncoder", "AxonEncoder"})
Repair = Callable[[], AbstractContextManager[Any]]


@contextmanager
def hashable_defaults() -> Iterator[None]:
    """While active, `dataclasses.dataclass` gives the classes named in `HASHED` a hash, all others nothing new."""
    original = dataclasses.dataclass

    @functools.wraps(original)
    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        if cls is None:
            return functools.partial(dataclass, **options)
        if cls.__name__ in HASHED:
            options["unsafe_hash"] = True
        return original(cls, **options)

    with patch.object(dataclasses, "dataclass", dataclass):
        yield


@contextmanager
def chosen_start_method() -> Iterator[None]:
    """While active, `multiprocessing.set_start_method` leaves a choice made earlier as it is."""
    if multiprocessing.get_start_method(allow_none=True) is None:
        yield
        return
    with patch.object(multiprocessing, "set_start_method", lambda *_, **__: None):
        yield


REPAIRS: dict[str, Repair] = {
    "lava.magma.runtime.message_infrastructure.multiprocessing": chosen_start_method,
}
if sys.version_info >= (3, 11):
    REPAIRS["lava.magma.compiler.var_model"] = hashable_defaults


class RepairingLoader(Loader):
    """The ordinary loader of a module, run inside its repair."""

    def __init__(self, loader: Loader, repair: Repair) -> None:
        self._loader, self._repair = loader, repair

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with self._repair():
            self._loader.exec_module(module)


class RepairingFinder(MetaPathFinder):
    """Finds exactly the modules of `REPAIRS`, where they lie anyway; every other module it leaves to others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in REPAIRS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = RepairingLoader(spec.loader, REPAIRS[fullname])
        return spec


def install_repairs() -> None:
    """Put the finder before the ordinary ones, once."""
    if not any(isinstance(finder, RepairingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, RepairingFinder())
