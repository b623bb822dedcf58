"""Chips as data: every limit and every cost with its unit, its source and how far it can be trusted.

`published`: stated by the maker, a paper, or the sources of lava-nc 0.10 or nengo-loihi 1.1. `measured`: read off a
published measurement. `fitted`: a parameter of a model, adjusted to published measurements. `inferred`: concluded from
printouts of the Lava compiler in public notebooks (lava-dl `yolo_kp`, `mnist`, `pilotnet_snn`) or scaled from another
chip; no specification says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Generic, Literal, TypeVar

from spikeseg_lava.errors import ArgumentError

Standing = Literal["published", "measured", "fitted", "inferred"]


Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Fact(Generic[Number]):
    """One number of a chip: `value` in `unit`, where it was read (`source`), and how far it can be trusted."""

    value: Number
    unit: str
    source: str
    standing: Standing = "published"


@dataclass(frozen=True)
class Target:
    """Limits of a chip as Lava (or its predecessor) reaches it.

    Attributes:
        weight_bits: of a signed synaptic weight (one plane).
        synapse_shift_max: largest left shift a convolution's synapses can apply to their sum.
        state_bits: of the signed membrane and current.
        decay_bits: of the unsigned decay constants.
        threshold_bits, threshold_shift: threshold = mantissa << shift; the shift is that of the stock LIF.
        bias_bits, bias_shift_max: bias = signed mantissa << 0..shift_max.
        accumulator_bits: signed sum of one step's synapses; beyond it the sum wraps.
        payload_bits: unsigned payload of a graded spike; 1 where spikes are binary only.
        neurons_per_core, synapse_bytes_per_core, axons_in_per_core, axons_out_per_core: of one neuron core.
        conv_axons_in: incoming axons of a core of a convolution; 0 where every input neuron takes one.
        dense_synapse_bits: memory of one synapse where none is shared, its address included.
        populations_per_core: sets of neuron parameters (threshold, decay, bias exponent) one core can hold.
        cores_per_chip: neuron cores of the chip; `mapped_cores`: those the compiler uses.
        neurons_per_chip, synapses_per_chip: as the maker states them.
        floor_in_stock_neuron: 1 where the neuron reachable from software can be held at or above 0, else 0.
    """

    name: str
    title: str
    weight_bits: Fact[int]
    synapse_shift_max: Fact[int]
    state_bits: Fact[int]
    decay_bits: Fact[int]
    threshold_bits: Fact[int]
    threshold_shift: Fact[int]
    bias_bits: Fact[int]
    bias_shift_max: Fact[int]
    accumulator_bits: Fact[int]
    payload_bits: Fact[int]
    neurons_per_core: Fact[int]
    synapse_bytes_per_core: Fact[int]
    axons_in_per_core: Fact[int]
    axons_out_per_core: Fact[int]
    conv_axons_in: Fact[int]
    dense_synapse_bits: Fact[int]
    populations_per_core: Fact[int]
    cores_per_chip: Fact[int]
    mapped_cores: Fact[int]
    neurons_per_chip: Fact[int]
    synapses_per_chip: Fact[int]
    floor_in_stock_neuron: Fact[int]

    @property
    def state_max(self) -> int:
        """Largest membrane value."""
        return 2 ** (self.state_bits.value - 1) - 1

    @property
    def payload_max(self) -> int:
        """Largest payload of a spike."""
        return 2**self.payload_bits.value - 1

    def facts(self) -> Iterator[tuple[str, Fact[int]]]:
        """Every limit by name, in the order of the attributes."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Fact):
                yield item.name, value


def get_target(name: str) -> Target:
    """The target of that name; ArgumentError names the known ones."""
    if name not in TARGETS:
        raise ArgumentError(f"`target` must be one of {', '.join(TARGETS)}, got {name!r}")
    return TARGETS[name]


_DAVIES = "Davies et al. 2018, Loihi, IEEE Micro 38(1)"
_NENGO = "nengo-loihi 1.1 builder/validate.py, block.py"
_BRIEF = "Intel, Loihi 2 technology brief, 2021"
_LIF = "lava-nc 0.10 proc/lif/models.py"
_PILOTNET = "compiler printout in lava-dl pilotnet_snn/benchmark.ipynb"
_YOLO = "compiler printout in lava-dl yolo_kp/run_eth.ipynb"
_CONSTANTS = "lava-nc 0.10 compiler/subcompilers/constants.py"

LOIHI1 = Target(
    name="loihi1",
    title="Loihi 1",
    weight_bits=Fact(8, "bit", f"{_NENGO}: weight_bits code < 8, signed"),
    synapse_shift_max=Fact(
        13, "bit", "nengo-loihi 1.1 builder/validate.py: weight_exp <= 7; block.py get_real_weight_exp: 6 more"
    ),
    state_bits=Fact(24, "bit", f"{_LIF}; {_NENGO}: U, V 23 bit and sign"),
    decay_bits=Fact(12, "bit", _LIF),
    threshold_bits=Fact(17, "bit", f"{_NENGO}; {_LIF}"),
    threshold_shift=Fact(6, "bit", f"{_NENGO}; {_LIF}"),
    bias_bits=Fact(13, "bit", f"{_NENGO}: 12 bit and sign"),
    bias_shift_max=Fact(7, "bit", _NENGO),
    accumulator_bits=Fact(22, "bit", f"{_NENGO}: Q 21 bit and sign"),
    payload_bits=Fact(1, "bit", f"{_DAVIES}: spikes carry no payload"),
    neurons_per_core=Fact(1024, "neurons", _DAVIES),
    synapse_bytes_per_core=Fact(131_072, "bytes", f"{_NENGO}: 16384 words of 64 bit; {_DAVIES}: 128 KB"),
    axons_in_per_core=Fact(4096, "axons", _NENGO),
    axons_out_per_core=Fact(4096, "axons", _NENGO),
    conv_axons_in=Fact(0, "axons", f"{_NENGO}: an axon for every input neuron"),
    dense_synapse_bits=Fact(8, "bit", f"{_NENGO}: weight_bits; addresses are not counted"),
    populations_per_core=Fact(16, "populations", f"{_NENGO}: threshold configurations"),
    cores_per_chip=Fact(128, "cores", _DAVIES),
    mapped_cores=Fact(128, "cores", f"{_CONSTANTS}: NUM_VIRTUAL_CORES_L2"),
    neurons_per_chip=Fact(131_072, "neurons", _DAVIES),
    synapses_per_chip=Fact(130_000_000, "synapses", _DAVIES),
    floor_in_stock_neuron=Fact(1, "(1 yes, 0 no)", f"{_NENGO}: register vmin; Lava's LIF does not reach it"),
)

LOIHI2 = Target(
    name="loihi2",
    title="Loihi 2",
    weight_bits=Fact(8, "bit", "lava-nc 0.10 proc/dense/process.py, utils/weightutils.py"),
    synapse_shift_max=Fact(0, "bit", "lava-nc issue #803: Conv ignores weight_exp, on the chip too"),
    state_bits=Fact(24, "bit", _LIF),
    decay_bits=Fact(12, "bit", _LIF),
    threshold_bits=Fact(17, "bit", _LIF),
    threshold_shift=Fact(6, "bit", _LIF),
    bias_bits=Fact(13, "bit", _LIF),
    bias_shift_max=Fact(7, "bit", _LIF),
    accumulator_bits=Fact(24, "bit", f"{_LIF}; proc/conv/models.py: signed_clamp to 24 bit"),
    payload_bits=Fact(24, "bit", f"{_BRIEF}: up to 32 bit; lava-nc ports have precision 24, the tighter one is used"),
    neurons_per_core=Fact(4095, "neurons", f"{_YOLO}: 3584 are 87.52 %", "inferred"),
    synapse_bytes_per_core=Fact(
        96_000, "bytes", f"{_PILOTNET}: SynMem, registers=12000, words of 64 bit ({_YOLO}: 16000)", "inferred"
    ),
    axons_in_per_core=Fact(16_000, "axons", "lava-dl mnist printout: 784 are 4.90 %", "inferred"),
    axons_out_per_core=Fact(16_000, "axons", f"{_YOLO}: AxonMap, 2688 are 16.80 %", "inferred"),
    conv_axons_in=Fact(2, "axons", f"{_PILOTNET}, {_YOLO}: AxonIn 1 or 2", "inferred"),
    dense_synapse_bits=Fact(23, "bit", f"{_PILOTNET}: 7253 words of 64 bit for 8 neurons of 2560 inputs", "inferred"),
    populations_per_core=Fact(8, "populations", "lava-dl printouts: one neuron group is 12.5 %", "inferred"),
    cores_per_chip=Fact(128, "cores", _BRIEF),
    mapped_cores=Fact(120, "cores", f"{_CONSTANTS}: NUM_VIRTUAL_CORES_L3"),
    neurons_per_chip=Fact(1_000_000, "neurons", f"{_BRIEF}: up to"),
    synapses_per_chip=Fact(120_000_000, "synapses", f"{_BRIEF}: up to"),
    floor_in_stock_neuron=Fact(0, "(1 yes, 0 no)", f"{_LIF}: no lower bound of v but saturation; microcode can do it"),
)

TARGETS = {target.name: target for target in (LOIHI1, LOIHI2)}
