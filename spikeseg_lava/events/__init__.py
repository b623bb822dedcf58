"""Event recordings: read any supported file, repair what can be repaired and say so, and bin events into frames.

Names of the stub beside this file are imported when first used: a reader in a child process needs few of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
