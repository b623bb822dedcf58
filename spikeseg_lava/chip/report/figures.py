"""Every number of a report with the formula that gave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spikeseg_lava.chip.costs import Costs, EnergyEstimate, costs_of
from spikeseg_lava.chip.report.activity import Activity, LayerActivity
from spikeseg_lava.chip.report.resources import LayerResources, Resources
from spikeseg_lava.chip.report.table import Figure, number
from spikeseg_lava.chip.rules.finding import SEVERITIES, Finding, MappedModel, limits_of_rule
from spikeseg_lava.chip.step_time import StepTimes, speeds_of
from spikeseg_lava.chip.targets import Fact, Target
from spikeseg_lava.network.bounds import LayerRange
from spikeseg_lava.network.floats import Shape

COUNTED = "exact count, spikeseg_lava.network.counting"
MAPPED = "inferred: the rule of the compiler's printed partitions, spikeseg_lava.chip.tiling"


def all_figures(
    mapped: MappedModel,
    resources: Resources,
    activity: Activity | None,
    energy: EnergyEstimate | None,
    times: StepTimes | None,
    findings: Sequence[Finding],
) -> Iterator[Figure]:
    """Figures of the network, then of each layer."""
    yield from _network(resources)
    yield from _findings(findings, resources.target)
    for layer in resources.layers:
        yield from _layer(layer, resources.target)
    for name, ranges in mapped.ranges.items():
        yield from _ranges(name, ranges, mapped)
    if activity:
        yield from _activity(activity)
    if times:
        yield from _times(times, mapped)
    if times and energy:
        yield from _energy(energy, costs_of(resources.target))


def _network(found: Resources) -> Iterator[Figure]:
    neurons = " + ".join(number(layer.neurons) for layer in found.convolutions)
    pools = " + ".join(number(layer.neurons) for layer in found.layers if layer.is_pool) or "no pools"
    synapses = " + ".join(number(layer.synapses) for layer in found.convolutions)
    cores = " + ".join(f"{number(layer.cores)} ({layer.name})" for layer in found.layers)
    mapped = found.target.mapped_cores
    yield Figure("network.neurons", found.neurons, "neurons", f"{neurons}, convolutions only", COUNTED)
    yield Figure("network.pool_neurons", found.pool_neurons, "neurons", pools, COUNTED)
    yield Figure("network.synapses", found.synapses, "synapses", f"{synapses}, inside the borders", COUNTED)
    yield Figure("network.cores", found.cores, "cores", cores, MAPPED)
    yield Figure(
        "network.all_neurons", found.neurons + found.pool_neurons, "neurons", "convolutions and pools", COUNTED
    )
    form = "every neuron of every group on the chip"
    yield Figure("network.placed_neurons", found.placed_neurons, "neurons on the chip", form, COUNTED)
    chips = f"{number(found.cores)} cores / {mapped.value} a chip, rounded up"
    yield Figure("network.chips", found.chips, "chips", chips, _source(mapped))


def _findings(findings: Sequence[Finding], target: Target) -> Iterator[Figure]:
    for severity in SEVERITIES:
        broken = [finding.rule for finding in findings if finding.severity == severity]
        rules = ", ".join(dict.fromkeys(broken)) or "none"
        yield Figure(f"network.{severity}s", len(broken), "findings", rules, "spikeseg_lava.chip.rules")
    for finding in findings:
        formula = f"limit {number(finding.limit)}: {finding.message}"
        key = f"{finding.layer}.{finding.rule}"
        yield Figure(key, finding.value, finding.unit, formula, limits_of_rule(finding.rule, target))


def _layer(layer: LayerResources, target: Target) -> Iterator[Figure]:
    name, fan_in = layer.name, _fan_in(layer)
    yield Figure(f"{name}.neurons", layer.neurons, "neurons", _product(layer.output_shape), COUNTED)
    yield Figure(
        f"{name}.synapses", layer.synapses, "synapses",
        f"{number(layer.neurons)} neurons of up to {fan_in} inputs, those beyond the borders left out", COUNTED,
    )  # fmt: skip
    zeros = layer.synapses - layer.stored_synapses
    yield Figure(f"{name}.zero_synapses", zeros, "synapses", "those of weight 0, borders respected", COUNTED)
    yield Figure(f"{name}.fan_in", layer.fan_in, "synapses a neuron", fan_in, COUNTED)
    bits = _source(target.weight_bits)
    kernel = f"{layer.kernel_bytes // layer.planes:,} weights x {layer.planes} plane(s), one byte each"
    yield Figure(f"{name}.kernel_bytes", layer.kernel_bytes, "bytes", f"{kernel}; once a core", bits)
    yield from _placing(layer, target)


def _placing(layer: LayerResources, target: Target) -> Iterator[Figure]:
    name = layer.name
    least = f"{number(layer.neurons)} neurons / {target.neurons_per_core.value:,} a core, rounded up"
    source = _source(target.neurons_per_core)
    yield Figure(f"{name}.cores_by_neurons", layer.cores_by_neurons, "cores", least, source)
    made = " + ".join(f"{number(part.group.neurons)} ({part.group.name})" for part in layer.placed)
    yield Figure(f"{name}.placed_neurons", layer.placed_neurons, "neurons on the chip", made, COUNTED)
    cuts = [f"{part.tiling.cores} tiles of {_product(part.tiling.tile.shape)}" for part in layer.placed if part.tiling]
    fit = len(cuts) == len(layer.placed)
    cut = " + ".join(cuts) if fit else "not even one neuron fits a core"
    yield Figure(f"{name}.cores", layer.cores, "cores", f"{cut}, kernel stored once a core", MAPPED)
    if not fit or not cuts:
        return
    for key, limit, taken in (
        ("core_neurons", target.neurons_per_core, max(tile.neurons for tile in layer.fullest)),
        ("core_synapse_bytes", target.synapse_bytes_per_core, max(tile.synapse_bytes for tile in layer.fullest)),
        ("core_axons_in", target.axons_in_per_core, max(tile.axons_in for tile in layer.fullest)),
    ):
        yield _share(f"{name}.{key}", taken, limit)
    chip = f"{layer.cores} of {target.mapped_cores.value} cores the compiler uses"
    share = 100 * (layer.cores or 0) / target.mapped_cores.value
    yield Figure(f"{name}.chip_share", share, "% of a chip", chip, _source(target.mapped_cores))


def _ranges(name: str, found: LayerRange, mapped: MappedModel) -> Iterator[Figure]:
    source = "static worst case, spikeseg_lava.network.bounds"
    neuron = next(layer.neuron for layer in mapped.model.convolutions if layer.name == name)
    threshold, leak = int(neuron.threshold.max()), int(neuron.leak.max())
    units = "membrane units"
    yield Figure(f"{name}.threshold", threshold, units, "largest of the channels", "the model")
    yield Figure(f"{name}.leak", leak, units, "largest of the channels", "the model")
    if neuron.bias.any():
        yield Figure(f"{name}.bias_low", int(neuron.bias.min()), units, "smallest of the channels", "the model")
        yield Figure(f"{name}.bias_high", int(neuron.bias.max()), units, "largest of the channels", "the model")
    room = f"threshold + |leak - bias|, of at most {mapped.target.state_max:,}"
    yield Figure(f"{name}.threshold_and_leak", found.firing_sum, units, room, _source(mapped.target.state_bits))
    sums = f"payload up to {found.payload:,} x sum of the {{}} weights of a channel"
    yield Figure(f"{name}.drive_high", found.drive.high, units, sums.format("positive"), source)
    yield Figure(f"{name}.drive_low", found.drive.low, units, sums.format("negative"), source)
    if found.observed:
        seen = "largest magnitude of one step's sum on the clip"
        yield Figure(f"{name}.drive_seen", found.observed.drive.magnitude, units, seen, "the record and its frames")
    peak = "threshold - 1 + largest drive - leak + bias, before the reset"
    yield Figure(f"{name}.membrane_high", found.membrane.high, units, peak, source)
    sunk = f"smallest drive - leak + bias, added up over {mapped.steps} steps"
    low = "smallest drive - leak + bias, before the floor" if neuron.floor else sunk
    yield Figure(f"{name}.membrane_low", found.membrane.low, units, low, source)


def _activity(found: Activity) -> Iterator[Figure]:
    spikes = " + ".join(number(layer.spikes) for layer in found.layers)
    yield Figure("network.spikes", found.spikes, "spikes", spikes, "the record")
    operations = " + ".join(number(layer.operations) for layer in found.layers)
    yield Figure("network.operations", found.operations, "synaptic operations", operations, COUNTED)
    updates = " + ".join(number(layer.updates) for layer in found.layers)
    yield Figure("network.updates", found.updates, "neuron updates", updates, COUNTED)
    for layer in found.layers:
        yield from _layer_activity(layer, found.steps)


def _layer_activity(layer: LayerActivity, steps: int) -> Iterator[Figure]:
    name, neurons = layer.name, layer.updates // steps
    yield Figure(f"{name}.input_events", layer.input_events, "events", "spikes that reach the layer", "the record")
    definition = "one addition of a (spike, weight) pair to a neuron inside the borders, every plane for itself"
    yield Figure(f"{name}.operations", layer.operations, "synaptic operations", definition, COUNTED)
    dense = f"operations if every input were active in each of {steps} steps"
    yield Figure(f"{name}.dense_operations", layer.dense_operations, "synaptic operations", dense, COUNTED)
    every = f"{number(neurons)} neurons x {steps} steps; the chip updates every neuron in every step"
    yield Figure(f"{name}.updates", layer.updates, "neuron updates", every, COUNTED)
    yield Figure(f"{name}.spikes", layer.spikes, "spikes", "rows of the record", "the record")
    share = f"{number(layer.active)} of {number(neurons)} neurons fired at least once"
    yield Figure(f"{name}.active_share", 100 * layer.active / neurons, "% of neurons", share, "the record")


def _times(times: StepTimes, mapped: MappedModel) -> Iterator[Figure]:
    speeds = speeds_of(mapped.target)
    rule = f"busiest core: operations x {speeds.operation_ns.value:g} ns or neurons x {speeds.update_ns.value:g} ns"
    source = f"{_source(speeds.operation_ns)}; {_source(speeds.update_ns)}"
    steps = f"mean of {len(times.limits)} chip steps; {rule}, at least {speeds.barrier_ns.value:g} ns"
    yield Figure("network.step_time", times.mean, "µs a chip step", steps, source)
    for load in times.loads:
        busiest = int(load.operations.max(initial=0))
        name = f"{load.group.name}.busiest_core_operations"
        yield Figure(name, busiest, "synaptic operations", "of the busiest core in its busiest step", COUNTED)


def _energy(energy: EnergyEstimate, costs: Costs) -> Iterator[Figure]:
    calibrated = f"estimate, not a measurement; {_source(costs.operation.low)}; calibrated: {costs.calibration.source}"
    every = tuple(map(sum, zip(*energy.events.values(), strict=True)))
    for name, interval in {"network": energy.total, **energy.layers}.items():
        counted = zip(("operations", "updates", "spikes"), energy.events.get(name, every), strict=True)
        kinds = (costs.operation, costs.update, costs.spike)
        terms = [(f"{number(n)} {event}", cost) for (event, n), cost in zip(counted, kinds, strict=True)]
        low = " + ".join(f"{text} x {cost.low.value:g} pJ" for text, cost in terms)
        high = " + ".join(f"{text} x {cost.high.value:g} pJ" for text, cost in terms)
        scaled = f"{costs.calibration.value:g} x ({low})"
        yield Figure(f"{name}.energy_low", interval.low, "µJ (estimate)", scaled, calibrated)
        yield Figure(f"{name}.energy_high", interval.high, "µJ (estimate)", high, _source(costs.operation.high))
    if costs.static_watts is not None:
        formula = f"{costs.static_watts.value:g} W a chip x time of all steps"
        yield Figure("network.energy_static", energy.static, "µJ (estimate)", formula, _source(costs.static_watts))


def _share(key: str, value: int, limit: Fact[int]) -> Figure:
    formula = f"{value:,} of {limit.value:,} {limit.unit} of the fullest core"
    return Figure(key, 100 * value / limit.value, "% of a core", formula, _source(limit))


def _fan_in(layer: LayerResources) -> str:
    channels = 1 if layer.is_pool else layer.input_shape[0]
    return f"{channels} channel(s) x {layer.fan_in // channels} positions = {layer.fan_in}"


def _source(fact: Fact[Any]) -> str:
    return f"{fact.standing}: {fact.source}"


def _product(shape: Shape) -> str:
    return f"{shape[0]} x {shape[1]} x {shape[2]}"
