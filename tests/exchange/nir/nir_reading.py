"""The graphs of these tests mean a reset to zero, which their files do not say."""

from __future__ import annotations

from functools import partial

from spikeseg_lava.exchange.nir import read

from_nir = partial(read.from_nir, reset="zero")
