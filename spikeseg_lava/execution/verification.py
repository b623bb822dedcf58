"""The proof: a simulator against the integer oracle bit for bit, and the integers against the trained floats.

verdict   pass       the simulator equals the oracle in every spike and membrane; every layer's IoU reaches the limit
          fail       one of the two does not hold
          no_spikes  nothing failed, but a layer never spiked: agreement on nothing proves nothing
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.execution.backends import run, run_quietly
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.comparison import LEAST_IOU, Comparison, compare
from spikeseg_lava.spikes.record import SpikeRecord, short

Verdict = Literal["pass", "fail", "no_spikes"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verification:
    """What was compared with what, and what follows.

    Attributes:
        record: what the simulator left, compared with the oracle.
        exactness: oracle against simulator, both integers.
        fidelity: trained floats against the integers.
        least_iou: every layer's IoU must reach it.
    """

    record: SpikeRecord
    exactness: Comparison
    fidelity: Comparison
    least_iou: float

    def __repr__(self) -> str:
        return short(self, self.verdict, self.reason)

    def _repr_html_(self) -> str:
        parts = (("integer oracle against simulator", self.exactness), ("floats against integers", self.fidelity))
        tables = "".join(f"<p>{title}: {comparison._repr_html_()}</p>" for title, comparison in parts)
        return f"<b>verdict: {self.verdict}</b> - {self.reason}{tables}"

    @property
    def backend(self) -> str:
        return self.record.meta["backend"]

    @property
    def bit_exact(self) -> bool:
        return self.exactness.identical

    @property
    def lowered(self) -> bool:
        """The backend runs a network that was lowered to other neurons and does not claim to be exact."""
        return self.record.meta.get("exact") is False

    @property
    def unfaithful_layers(self) -> tuple[str, ...]:
        """Layers that spiked and whose IoU misses the limit."""
        return tuple(x.name for x in self.fidelity.layers if x.iou is not None and x.iou < self.least_iou)

    @property
    def verdict(self) -> Verdict:
        if not (self.bit_exact or self.lowered) or self.unfaithful_layers:
            return "fail"
        return "no_spikes" if self.fidelity.silent_layers else "pass"

    @property
    def reason(self) -> str:
        """The verdict in one sentence."""
        if not (self.bit_exact or self.lowered):
            return f"backend {self.backend} differs from the integer oracle"
        if self.unfaithful_layers:
            return f"{', '.join(self.unfaithful_layers)}: IoU with the float network is below {self.least_iou:g}"
        if self.fidelity.silent_layers:
            silent = ", ".join(self.fidelity.silent_layers)
            return f"no verdict: {silent} never spiked, and agreement on nothing proves nothing"
        if not self.bit_exact:
            close = f"every layer's IoU with the float network is at least {self.least_iou:g}"
            return f"backend {self.backend} is lowered and not exact, but {close}"
        return f"backend {self.backend} equals the oracle bit for bit; every layer's IoU is at least {self.least_iou:g}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; `layers` is the fidelity and `exactness` the other comparison, both by layer name."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "bit_exact": self.bit_exact,
            "backend": self.backend,
            "least_iou": self.least_iou,
            "layers": self.fidelity.to_json(),
            "exactness": self.exactness.to_json(),
        }


def verify(
    model: FixedPointModel,
    frames: NDArray[Any],
    network: SpikingNetwork | None = None,
    *,
    backend: str = "lava",
    fire_once: bool = True,
    least_iou: float = LEAST_IOU,
) -> Verification:
    """Compare (a) `backend` with the integer oracle, bit for bit, and (b) the integers with the float network.

    A backend that lowers the network (`stock`, `loihi2`) and is not exact is judged by (b), its own spikes against the
    float network's.

    Args:
        frames: Float[T, C, H, W].
        network: the trained network; default: the float layers the model keeps.
        least_iou: limit of (b) for every layer, 0 to 1.
    """
    if backend == "torch":
        raise ArgumentError("`backend` 'torch' is the oracle itself: name the simulator to compare with it")
    if not 0 <= least_iou <= 1:
        raise ArgumentError(f"`least_iou` must lie between 0 and 1, got {least_iou}")
    logger.info(f"verifying: {len(frames)} steps on {backend} ...")
    simulated = run(model, frames, backend, fire_once)
    logger.info("verifying: the integer oracle ...")
    oracle = run_quietly(model, frames, "torch", fire_once)
    logger.info("verifying: the trained floats ...")
    floats = run_quietly(network or float_network(model), frames, "torch", fire_once)
    judged = simulated if simulated.meta.get("exact") is False else oracle
    return Verification(simulated, compare(oracle, simulated), compare(floats, judged), least_iou)


def float_network(model: FixedPointModel) -> SpikingNetwork:
    """The trained network a model was made from: each of its layers keeps its float source."""
    layers = tuple(x.source if isinstance(x, FixedPointConv) else x for x in model.layers)
    return SpikingNetwork(layers, model.input_size, model.timesteps, model.provenance, model.reset_interval)
