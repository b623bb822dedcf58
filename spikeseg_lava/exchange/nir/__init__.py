"""NIR, the exchange format of the neuromorphic libraries: graphs become networks, networks become graphs."""

from spikeseg_lava.exchange.nir.read import from_nir
from spikeseg_lava.exchange.nir.write import to_nir, write_nir

__all__ = ["from_nir", "to_nir", "write_nir"]
