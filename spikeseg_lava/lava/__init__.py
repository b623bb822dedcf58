"""The network as a Lava process graph: one Process a layer, or the whole encoder as one.

Public names and their homes stand in the stub beside this file. They are imported when first used, so that
`import spikeseg_lava.lava` does not need Lava; using them does, and a system that can fork processes.
"""

from spikeseg_lava.lava.python_support import INSTALL as INSTALL
from spikeseg_lava.lava.python_support import MISSING as MISSING
from spikeseg_lava.lava.python_support import attach_names, install_repairs
from spikeseg_lava.lava.python_support import is_installed as is_installed

install_repairs()
__getattr__, __dir__, __all__ = attach_names(__name__, __file__)
