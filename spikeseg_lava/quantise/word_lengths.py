"""Word lengths of the targets that bound the integers of a model."""

from __future__ import annotations

from spikeseg_lava.errors import ArgumentError

PAYLOAD_BITS = {"loihi2": 24}


def payload_bits_of(target: str) -> int:
    """Bits of a graded spike of `target`; ArgumentError for an unknown one."""
    if target not in PAYLOAD_BITS:
        raise ArgumentError(f"`target` must be one of {', '.join(PAYLOAD_BITS)}, got {target!r}")
    return PAYLOAD_BITS[target]
