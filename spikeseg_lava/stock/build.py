"""From a fixed-point model that fits stock parts to the populations and synapses that run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.circuit import LayerInput, direct
from spikeseg_lava.stock.floors import hard_reset_floor, staggered_floor
from spikeseg_lava.stock.limits import SPIKES, Payloads
from spikeseg_lava.stock.network import Circuit, LayerPlan, Signal, StockModel, StockNetwork
from spikeseg_lava.stock.parts import KernelSynapse, Population

REFIRE_STEPS = 4  # chip steps a frame: windows, OR, inhibition, and one for an even share of the leak


def steps_per_frame(plans: Mapping[str, LayerPlan], fire_once: bool) -> int:
    """1, or 4 where windows are closed, or mirrors lifted, between frames, as their neuron fired and may fire again."""
    closes = any(plan.gadget == "mirror" or plan.depth > 1 for plan in plans.values())
    return REFIRE_STEPS if closes and not fire_once else 1


def build(
    fitted: StockModel,
    plans: Mapping[str, LayerPlan],
    size: Pair,
    frames: int,
    fire_once: bool,
    method: str,
) -> StockNetwork:
    """Write every layer of a model that fits as its plan says.

    Args:
        plans: one for every convolution.
        size: (height, width) of the frames.
        frames: longest sample the fire-once latch must hold for.
    """
    model = fitted.model
    plain = not fire_once and all(plan.gadget == "direct" for plan in plans.values())
    rising = any((conv.neuron.pull < 0).any() for conv in model.convolutions)
    circuit = Circuit(steps_per_frame(plans, fire_once), model.reset_interval, clears=plain and rising)
    _check_time(model, plans, circuit, fire_once)
    shape: Shape = (model.input_channels, *size)
    incoming, largest = LayerInput(Signal("input", shape, 1), model.input.bits), fitted.largest_payloads
    outputs: dict[str, Signal] = {}
    once = frames if fire_once else None
    for layer in model.layers:
        shape = layer.output_shape(shape)
        if isinstance(layer, FixedPointConv):
            signal = _convolution(circuit, layer, shape, incoming, once, plans[layer.name], largest)
        else:
            signal = pool_layer(circuit, layer, shape, incoming.signal)
        outputs[layer.name], incoming, largest = signal, LayerInput(signal), SPIKES
    pools = {x.name: LayerPlan(x.name, "pool") for x in model.layers if isinstance(x, PoolLayer)}
    network = StockNetwork(
        tuple(circuit.populations), tuple(circuit.synapses), tuple(circuit.sources), outputs, {**plans, **pools},
        circuit.steps_per_frame, fitted, fire_once, frames, method,
    )  # fmt: skip
    steps = network.chip_steps(frames)
    return replace(network, populations=tuple(population.outlasting(steps) for population in network.populations))


def _check_time(model: FixedPointModel, plans: Mapping[str, LayerPlan], circuit: Circuit, fire_once: bool) -> None:
    """QuantizationError where a reset interval, or several chip steps a frame, would change spikes."""
    kept = [plan.layer for plan in plans.values() if plan.gadget != "direct"]
    if model.reset_interval is not None and (kept or fire_once):
        raise QuantizationError(
            "`model` has a reset interval, which stock parts keep only for neurons that need no floor and fire again; "
            + (f"{', '.join(kept)} need(s) a floor" if kept else "pass `fire_once=False`")
        )
    rising = [conv.name for conv in model.convolutions if (conv.neuron.pull < 0).any()]
    if circuit.steps_per_frame > 1 and rising:
        raise QuantizationError(
            f"{', '.join(rising)}: a bias above the leak fires between frames where a frame takes "
            f"{circuit.steps_per_frame} chip steps; use `fire_once=True`"
        )


def _convolution(
    circuit: Circuit,
    conv: FixedPointConv,
    shape: Shape,
    incoming: LayerInput,
    once: int | None,
    plan: LayerPlan,
    largest: Payloads,
) -> Signal:
    if plan.neuron is not None:
        conv = replace(conv, neuron=plan.neuron)
    if plan.gadget == "windows":
        return staggered_floor(circuit, conv, shape, incoming, once, plan.depth)
    if plan.gadget == "direct":
        return direct(circuit, conv, shape, incoming, once)
    return hard_reset_floor(circuit, conv, shape, incoming, once, largest)


def pool_layer(circuit: Circuit, layer: PoolLayer, shape: Shape, signal: Signal) -> Signal:
    """Max-pool of 0/1 spikes: a depthwise Conv of weight 2 onto a LIF of threshold 1, one step later."""
    circuit.population(Population(layer.name, shape, 1, np.zeros(shape[0], np.int64), layer.name, "pool"))
    weight = np.full((shape[0], 1, *layer.kernel), 2, np.int64)
    circuit.connect(KernelSynapse(f"{layer.name}_in", signal.name, layer.name, weight, layer.stride, groups=shape[0]))
    return Signal(layer.name, shape, signal.emitted + 1)
