"""The whole encoder as one Process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from numpy.typing import NDArray

from spikeseg_lava.lava.axes import lava_shape, record_rows
from spikeseg_lava.lava.event_layers import compile_kernels
from spikeseg_lava.lava.fused_outputs import FusedOutputs
from spikeseg_lava.lava.layer_spec import ConvSpec, Network, layer_specs
from spikeseg_lava.lava.quiet_process import QuietProcess
from spikeseg_lava.lava.shared_memory import shared_array
from spikeseg_lava.lava.spike_file import SpikeFile
from spikeseg_lava.network import Pair


class SpikeSEGEncoder(QuietProcess):
    """All layers of a network. It has two models, which give identical results:

    * layered, a SubProcessModel: one Process a layer, what the hardware sees. Selected by `select_sub_proc_model=True`;
    * fused, otherwise: all layers in one operating-system process, without messages between them.

    `select_tag` of the run configuration must be that of the network, see attribute `select_tag`.

    Args:
        model: a FixedPointModel, or a float SpikingNetwork.
        size: (height, width) of the frames.
        fire_once: a neuron fires at most once.
        record: names of the layers whose spikes are kept; default: all.

    Ports: `s_in` (W, H, C), `s_out` (W', H', C') of the last layer, in the same step.
    """

    def __init__(
        self, *, model: Network, size: Pair, fire_once: bool = True, record: Iterable[str] | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        specs = layer_specs(model, size, fire_once)
        compile_kernels(specs.values())
        self.shapes = {layer: spec.output_shape for layer, spec in specs.items()}
        integer = all(spec.integer for spec in specs.values() if isinstance(spec, ConvSpec))
        self.select_tag = "fixed_pt" if integer else "floating_pt"
        recorded = list(specs if record is None else record)
        self._files = {layer: SpikeFile() for layer in recorded}
        self._layered = {
            layer: shared_array(spec.output_shape, np.float64)
            for layer, spec in specs.items()
            if isinstance(spec, ConvSpec)
        }
        self._fused = FusedOutputs(specs, recorded, integer)
        super().__init__(specs=specs, files=self._files, membranes=self._layered, fused=self._fused, name=name)
        self.s_in = InPort(shape=lava_shape((model.input_channels, *size)))
        self.s_out = OutPort(shape=list(self.shapes.values())[-1])

    @property
    def membranes(self) -> dict[str, NDArray[Any]]:
        """[W, H, O] of every convolution, by name, after the last run or stop."""
        return self._fused.membranes() if self._fused.used else self._layered

    def take(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) in order of every recorded layer since the last call."""
        fused = self._fused.used
        found = self._fused.take() if fused else {layer: file.take() for layer, file in self._files.items()}
        return {layer: record_rows(*rows, self.shapes[layer]) for layer, rows in found.items()}

    def close(self) -> None:
        """Give the files back."""
        for file in (*self._files.values(), self._fused):
            file.close()
