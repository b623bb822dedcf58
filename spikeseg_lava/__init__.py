"""Trained SpikeSEG networks on neuromorphic hardware: quantized, run on Lava, proved against PyTorch.

Public names and their homes stand in one table, the stub `__init__.pyi` beside this file. A name is imported when it is
first used, so that `import spikeseg_lava` needs neither torch nor Lava.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
