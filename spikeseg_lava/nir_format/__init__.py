"""NIR, the exchange format of the neuromorphic libraries: graphs become networks, networks become graphs."""

from spikeseg_lava.nir_format.read import from_nir
from spikeseg_lava.nir_format.write import to_nir, write_nir

__all__ = ["from_nir", "to_nir", "write_nir"]
