"""A source and the whole encoder as one Process, which a run configuration runs layered or fused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.run_configs import Loihi2SimCfg
from numpy.typing import NDArray

from spikeseg_lava.lava.assembly import plain_membranes, recorded_layers, source_of
from spikeseg_lava.lava.layer_spec import Network
from spikeseg_lava.lava.processes.encoder.process import SpikeSEGEncoder
from spikeseg_lava.lava.processes.event_source.process import EventSource, Step
from spikeseg_lava.lava.quiet_process import forget
from spikeseg_lava.network import Pair


@dataclass(frozen=True, eq=False)
class EncoderGraph:
    """A graph of a source and one SpikeSEGEncoder, connected but not started.

    Attributes:
        layered: run the encoder as its layer Processes; else as one process.
    """

    source: EventSource
    encoder: SpikeSEGEncoder
    layered: bool
    latency: Mapping[str, int]

    @property
    def run_config(self) -> Loihi2SimCfg:
        """Selects between the two models of the encoder."""
        return Loihi2SimCfg(select_tag=self.encoder.select_tag, select_sub_proc_model=self.layered)

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) of every recorded layer since the last call."""
        return self.encoder.take()

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[C, H, W] of every convolution after the last run."""
        return plain_membranes(self.encoder.membranes, self.encoder.select_tag)

    def close(self) -> None:
        """Give back files, and let Lava forget the Processes."""
        self.encoder.close()
        forget([self.source, self.encoder, *self.encoder.procs])


def build_encoder_graph(
    model: Network,
    frames: NDArray[Any] | None = None,
    size: Pair | None = None,
    fire_once: bool = True,
    *,
    layered: bool = False,
    steps: Iterable[Step] = (),
    record: Iterable[str] | None = None,
) -> EncoderGraph:
    """Connect a source and one SpikeSEGEncoder; arguments as of `build_graph`.

    Args:
        layered: run the encoder as its layer Processes; else as one process. The results are identical.
    """
    source, size = source_of(model, frames, size, steps)
    recorded = recorded_layers([layer.name for layer in model.layers], record)
    encoder = SpikeSEGEncoder(model=model, size=size, fire_once=fire_once, record=recorded, name="encoder")
    source.s_out.connect(encoder.s_in)
    return EncoderGraph(source, encoder, layered, {layer.name: 0 for layer in model.layers})
