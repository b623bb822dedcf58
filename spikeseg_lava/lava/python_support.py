"""Where Lava can be used, and repairs that let the archived lava-nc 0.10 be imported where it otherwise would not.

Two modules of Lava are repaired while they are imported, and only then; nothing else is touched:

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
import importlib.util
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any
from unittest.mock import patch

import lazy_loader

from spikeseg_lava.errors import BackendError

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


INSTALL = "pip install asteval networkx && pip install --no-deps --ignore-requires-python lava-nc==0.10.0"
"""How to install Lava on any Python from 3.10 to 3.13; the README says the same."""

MISSING = f"the Lava backends need `lava-nc` 0.10.0, which is not installed: {INSTALL}"


def is_installed() -> bool:
    """Whether Lava can be found; nothing of it is imported."""
    try:
        return importlib.util.find_spec("lava.magma") is not None
    except ModuleNotFoundError:
        return False


Names = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def attach_names(package: str, filename: str) -> Names:
    """`__getattr__`, `__dir__` and `__all__` of a package whose stub names what it has; names are imported when used.

    Using a name raises BackendError, in one line, where Lava is not installed or cannot work.
    """
    getter, directory, names = lazy_loader.attach_stub(package, filename)

    def get(name: str) -> Any:
        if name in names:
            require_fork()
        try:
            return getter(name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] != "lava":
                raise
            raise BackendError(f"{MISSING}; backend 'event' computes the same without it") from error

    return get, directory, names


def require_fork() -> None:
    """BackendError where the system cannot fork processes, which Lava's graphs are made of."""
    if "fork" not in multiprocessing.get_all_start_methods():
        raise BackendError(
            f"the Lava backends need a system that can fork processes (Linux, macOS), which {sys.platform} cannot; "
            "backend 'event' computes the same without it"
        )
