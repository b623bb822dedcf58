"""Where a Loihi 2 is: behind SLURM or at an address, and of which generation."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lava.utils import loihi

from spikeseg_lava.errors import ArgumentError, BackendError


@dataclass(frozen=True)
class LoihiHost:
    """A host with a Loihi 2.

    Attributes:
        address: IP address of a board on the network; None: the chip is behind SLURM.
        binary: path of the driver server on that board; None: Lava's default.
        partition: SLURM partition to take a node from, or `board`: SLURM node to run on.
        generation: N3B3 (most systems) or another of `lava.utils.loihi.ChipGeneration`.
    """

    address: str | None = None
    binary: str | None = None
    partition: str | None = None
    board: str | None = None
    generation: str = "N3B3"

    def __post_init__(self) -> None:
        names = [generation.value for generation in loihi.ChipGeneration]
        if self.generation not in names:
            raise ArgumentError(f"`generation` must be one of {', '.join(names)}, got {self.generation!r}")
        if self.address and (self.partition or self.board):
            raise ArgumentError("`address` is for a board on the network, `partition` and `board` for SLURM: give one")
        if self.partition and self.board:
            raise ArgumentError("`partition` and `board` both choose the SLURM node: give one")

    @classmethod
    def from_environment(cls) -> LoihiHost:
        """What Lava's own variables say: NXSDKHOST, HOST_BINARY, PARTITION, BOARD, LOIHI_GEN."""
        names = ("NXSDKHOST", "HOST_BINARY", "PARTITION", "BOARD", "LOIHI_GEN")
        address, binary, partition, board, generation = (os.environ.get(name) or None for name in names)
        if address:
            return cls(address, binary, generation=generation or cls.generation)
        return cls(partition=None if board else partition, board=board, generation=generation or cls.generation)


def choose_host(host: LoihiHost) -> None:
    """Tell Lava where to run; BackendError when the host does not answer or SLURM does not know it."""
    generation = loihi.ChipGeneration(host.generation)
    try:
        if host.address is None:
            loihi.use_slurm_host(partition=host.partition, board=host.board, loihi_gen=generation)
        elif host.binary is None:
            loihi.use_ethernet_host(host.address, loihi_gen=generation)
        else:
            loihi.use_ethernet_host(host.address, host.binary, loihi_gen=generation)
    except (ValueError, ImportError) as error:
        raise BackendError(f"backend 'loihi2' cannot use its host: {error}") from error
