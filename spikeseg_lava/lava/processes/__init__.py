"""Lava Processes of spiking convolutional networks, each beside its models.

::

    from spikeseg_lava.lava.processes import IF, SubtractiveLIF, MultiplicativeLIF      # neurons
    from spikeseg_lava.lava.processes import PlaneConv, SpikingConv, OrPool             # synapses, layers, pools
    from spikeseg_lava.lava.processes import EventSource, SpikeSink, SpikeSEGEncoder    # both ends, and everything

Ports, shapes and weights follow Lava: images (W, H, C), kernels (O, kx, ky, I) as in `lava.proc.conv.Conv`.

Lava looks for models of a Process in all modules beside the Process. Modules of others count as beside ours where they
lie in a folder `spikeseg_lava/lava/processes` of their own, without `__init__.py`, on the path of Python; that is how
Lava's own extension adds models for the chip to Lava's Processes.
"""

import sys
from pathlib import Path

from spikeseg_lava.lava.python_support import attach_names

_FOLDERS = [Path(entry, *__name__.split(".")) for entry in sys.path]
__path__ += [str(folder) for folder in _FOLDERS if folder.is_dir() and str(folder) not in __path__]
__getattr__, __dir__, __all__ = attach_names(__name__, __file__)
