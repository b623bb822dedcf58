"""Tables that set another form of the network beside the one reported: simplified, or of stock parts only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeseg_lava.chip.report.resources import LayerResources, Resources
from spikeseg_lava.chip.report.table import Table

if TYPE_CHECKING:
    from spikeseg_lava.stock.cost import StockReport


def savings_table(before: Resources, after: Resources) -> Table:
    """Neurons, synapses and cores that a simplification saves, layer by layer; both at one frame size and target."""
    rows = [[x.name, *_pairs(x, y)] for x, y in zip(before.layers, after.layers, strict=True)]
    neurons = (before.neurons + before.pool_neurons, after.neurons + after.pool_neurons)
    synapses = (_stored(before), _stored(after))
    rows.append(["all layers", *neurons, *synapses, before.cores, after.cores])
    columns = ("layer", "neurons", "simplified", "synapses", "simplified", "cores", "simplified")
    note = "Maps that are identical, silent or unheard are left out; synapses of weight 0 are not counted."
    return Table("Saved by lossless simplification", columns, rows, note)


def stock_table(cost: StockReport) -> Table:
    """A stock-only network on a clip: how it is made, its fidelity, and what it costs."""
    rows = [
        [x.layer, x.gadget, x.exact, x.iou, x.neurons, x.plain_neurons, x.spikes, x.plain_spikes, x.latency]
        for x in cost.layers
    ]
    columns = ("layer", "made by", "exact", "IoU", "neurons", "of the layer", "spikes", "of the layer", "latency")
    steps = f"{cost.steps_per_frame} chip step(s) a frame; latency in chip steps"
    return Table(f"Stock parts only, method {cost.method}", columns, rows, steps)


def _pairs(before: LayerResources, after: LayerResources) -> list[int | None]:
    synapses = (before.stored_synapses, after.stored_synapses)
    return [before.neurons, after.neurons, *synapses, before.cores, after.cores]


def _stored(found: Resources) -> int:
    return sum(layer.stored_synapses for layer in found.layers)
