"""What a lowering is worth and what it costs: IoU per layer beside neurons, spikes and latency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import run_stock

COLUMNS = "layer   made by     exact       IoU   neurons    (x)     spikes   (layer)  latency"
METHODS = ("exact", "auto", "memoryless", "leaky", "unfloored")


@dataclass(frozen=True)
class LayerCost:
    """One layer of a stock network on one clip.

    Attributes:
        neurons: of all its populations; `plain_neurons`: of the layer itself.
        spikes: of all its populations; `plain_spikes`: of the layer in the reference.
        iou: of the layer's spikes with the reference; None where neither has any.
        latency: chip steps behind the input.
    """

    layer: str
    gadget: str
    depth: int
    exact: bool
    neurons: int
    plain_neurons: int
    spikes: int
    plain_spikes: int
    iou: float | None
    latency: int


@dataclass(frozen=True)
class StockReport:
    """All layers; prints as a table."""

    method: str
    steps_per_frame: int
    refitted: tuple[str, ...]
    layers: tuple[LayerCost, ...]

    def __getitem__(self, name: str) -> LayerCost:
        return next(layer for layer in self.layers if layer.layer == name)

    @property
    def neurons(self) -> int:
        return sum(layer.neurons for layer in self.layers)

    @property
    def spikes(self) -> int:
        return sum(layer.spikes for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {**asdict(self), "neurons": self.neurons, "spikes": self.spikes}

    def __str__(self) -> str:
        anew = ", ".join(self.refitted) or "none"
        head = f"{self.method}: {self.steps_per_frame} chip step(s) a frame; new integers: {anew}"
        return "\n".join([head, COLUMNS, *(_line(layer) for layer in self.layers)])


def measure(network: StockNetwork, frames: NDArray[Any], reference: SpikeRecord) -> StockReport:
    """Run a clip on the stock network and set it beside a record of the float network or of the given model."""
    record = run_stock(network, frames)
    found = compare(reference, record)
    rows = (
        _layer_cost(network, name, record.meta["population_spikes"], found[name].reference_spikes, found[name].iou)
        for name in network.outputs
    )
    return StockReport(network.method, network.steps_per_frame, tuple(network.fitted.refitted), tuple(rows))


def compare_methods(
    model: FixedPointModel,
    calibration: NDArray[Any],
    frames: NDArray[Any],
    reference: SpikeRecord,
    methods: Iterable[str] = METHODS,
    fire_once: bool = True,
) -> list[StockReport]:
    """Lower a model by several methods and measure each on a clip (another than the calibration's, best)."""
    networks = (lower(model, "stock", calibration, method=m, fire_once=fire_once) for m in methods)  # type: ignore[arg-type]
    return [measure(network, frames, reference) for network in networks]


def stock_table(cost: StockReport) -> Table:
    """A stock-only network on a clip: how it is made, its fidelity, and what it costs."""
    rows = [
        [x.layer, x.gadget, x.exact, x.iou, x.neurons, x.plain_neurons, x.spikes, x.plain_spikes, x.latency]
        for x in cost.layers
    ]
    columns = ("layer", "made by", "exact", "IoU", "neurons", "of the layer", "spikes", "of the layer", "latency")
    steps = f"{cost.steps_per_frame} chip step(s) a frame; latency in chip steps"
    return Table(f"Stock parts only, method {cost.method}", columns, rows, steps)


def _layer_cost(
    network: StockNetwork, name: str, spikes: dict[str, int], plain_spikes: int, iou: float | None
) -> LayerCost:
    populations = [population for population in network.populations if population.layer == name]
    signal, plan = network.outputs[name], network.plans[name]
    plain = signal.shape[0] * signal.shape[1] * signal.shape[2]
    return LayerCost(
        name, plan.gadget, plan.depth, plan.exact, sum(p.neurons for p in populations), plain,
        sum(spikes[p.name] for p in populations), plain_spikes, iou, signal.emitted - 1,
    )  # fmt: skip


def _line(layer: LayerCost) -> str:
    made = f"{layer.gadget} {layer.depth}" if layer.depth else layer.gadget
    iou = "-" if layer.iou is None else f"{layer.iou:.4f}"
    return (
        f"{layer.layer:<8}{made:<12}{'yes' if layer.exact else 'no':<7}{iou:>8}{layer.neurons:>10}"
        f"{layer.neurons / layer.plain_neurons:>7.2f}{layer.spikes:>11}{layer.plain_spikes:>10}{layer.latency:>9}"
    )
