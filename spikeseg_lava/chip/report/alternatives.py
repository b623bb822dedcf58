"""The table that sets a simplified network beside the one reported."""

from __future__ import annotations

from spikeseg_lava.chip.report.resources import LayerResources, Resources
from spikeseg_lava.chip.report.table import Table


def savings_table(before: Resources, after: Resources) -> Table:
    """Neurons, synapses and cores that a simplification saves, layer by layer; both at one frame size and target."""
    rows = [[x.name, *_pairs(x, y)] for x, y in zip(before.layers, after.layers, strict=True)]
    neurons = (before.neurons + before.pool_neurons, after.neurons + after.pool_neurons)
    synapses = (_stored(before), _stored(after))
    rows.append(["all layers", *neurons, *synapses, before.cores, after.cores])
    columns = ("layer", "neurons", "simplified", "synapses", "simplified", "cores", "simplified")
    note = "Maps that are identical, silent or unheard are left out; synapses of weight 0 are not counted."
    return Table("Saved by lossless simplification", columns, rows, note)


def _pairs(before: LayerResources, after: LayerResources) -> list[int | None]:
    synapses = (before.stored_synapses, after.stored_synapses)
    return [before.neurons, after.neurons, *synapses, before.cores, after.cores]


def _stored(found: Resources) -> int:
    return sum(layer.stored_synapses for layer in found.layers)
