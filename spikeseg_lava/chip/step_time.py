"""How long a time step takes on the chip, and which core it waits for.

    step = max over cores of ( operations * t_operation ,  neurons * t_update ),  at least the barrier

A step ends when its busiest core is done. That is what a published run shows: PilotNet on Loihi 2 takes 107.1, 125.0,
181.0 and 201.3 us for 145,152, 169,344, 241,920 and 266,112 synaptic operations of its busiest core. Time on the host
and in its interface is not included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.groups import ChipNetwork, NeuronGroup, Rows, SynapseGroup
from spikeseg_lava.chip.targets import Fact, Target
from spikeseg_lava.chip.tiling import PlacedGroup, Tiling, cut

BARRIER = "barrier"
ALMOST = 0.01  # of the mean step, which is not worth further cores


@dataclass(frozen=True)
class Speeds:
    """Nanoseconds of one synaptic operation, of one neuron in one step, and of a step in which nothing happens."""

    operation_ns: Fact[float]
    update_ns: Fact[float]
    barrier_ns: Fact[float]


_TABLE = "Davies et al. 2018, Loihi, IEEE Micro 38(1), Table 2 (pre-silicon, 0.75 V)"
_BRIEF = "Intel, Loihi 2 technology brief, 2021"

LOIHI1 = Speeds(
    Fact(3.5, "ns", f"{_TABLE}: at most; SANA-FE's fits to Loihi 1 boards: 3.1 to 4.7"),
    Fact(5.3, "ns", f"{_TABLE}: inactive; active 8.4"),
    Fact(465.0, "ns", f"{_TABLE}: 113 to 465"),
)
LOIHI2 = Speeds(
    Fact(0.75, "ns", "lava-dl pilotnet_snn/benchmark.ipynb, Intel's run: 0.738 to 0.756 in four phases", "fitted"),
    Fact(2.65, "ns", f"{_BRIEF}: updates 2x as fast as Loihi 1; {_TABLE}: 5.3 inactive", "inferred"),
    Fact(200.0, "ns", f"{_BRIEF}: chip-wide steps under 200 ns"),
)


def speeds_of(target: Target) -> Speeds:
    """The speeds of a chip; a target made by hand counts as Loihi 2 unless it is called loihi1."""
    return LOIHI1 if target.name == "loihi1" else LOIHI2


@dataclass(frozen=True, eq=False)
class GroupLoad:
    """What the busiest core of a group does in every step.

    Attributes:
        operations: Int64[T], synaptic operations of the busiest core; `total`: Int64[T], of all cores.
        neurons: of the fullest core.
    """

    group: NeuronGroup
    tiling: Tiling
    operations: NDArray[np.int64]
    total: NDArray[np.int64]

    @property
    def neurons(self) -> int:
        return self.tiling.tile.neurons

    def microseconds(self, speeds: Speeds) -> NDArray[np.float64]:
        """Float64[T]: time of the busiest core, operations or updates, whichever takes longer."""
        updates = self.neurons * speeds.update_ns.value
        return np.maximum(self.operations * speeds.operation_ns.value, updates) / 1000


@dataclass(frozen=True, eq=False)
class StepTimes:
    """Time of every step.

    Attributes:
        microseconds: Float64[T].
        limits: for each step what it waits for: "synaptic operations of NAME", "neuron updates of NAME" or "barrier".
        loads: of every group; their tilings are those the times belong to.
    """

    microseconds: NDArray[np.float64]
    limits: tuple[str, ...]
    loads: tuple[GroupLoad, ...]

    @property
    def cores(self) -> int:
        return sum(load.tiling.cores for load in self.loads)

    @property
    def mean(self) -> float:
        """Microseconds a step, on average."""
        return float(self.microseconds.mean()) if len(self.microseconds) else 0.0


def step_times(loads: Sequence[GroupLoad], speeds: Speeds, steps: int) -> StepTimes:
    """The longest of all cores, step by step."""
    found = np.full(steps, speeds.barrier_ns.value / 1000)
    waits = np.full(steps, BARRIER, dtype=object)
    for load in loads:
        takes, updates = load.microseconds(speeds), load.neurons * speeds.update_ns.value / 1000
        longer = takes > found
        kind = np.where(takes > updates, "synaptic operations", "neuron updates")
        waits[longer] = [f"{text} of {load.group.name}" for text in kind[longer]]
        found = np.maximum(found, takes)
    return StepTimes(found, tuple(waits), tuple(loads))


def network_times(network: ChipNetwork, placed: Iterable[PlacedGroup], target: Target) -> StepTimes | None:
    """Times of the chip steps of a network's run; None where it did not run, or a group fits no core."""
    if network.spikes is None:
        return None
    loads = []
    for part in placed:
        if part.tiling is None:
            return None
        loads.append(group_load(part.group, part.tiling, network.spikes, network.steps))
    return step_times(loads, speeds_of(target), network.steps)


def frame_times(times: StepTimes, steps_per_frame: int, frames: int) -> NDArray[np.float64]:
    """Float64[frames]: microseconds from a frame's arrival to the next one's."""
    padded = np.zeros(steps_per_frame * frames)
    padded[: len(times.microseconds)] = times.microseconds[: len(padded)]
    return padded.reshape(frames, steps_per_frame).sum(axis=1)


def group_load(group: NeuronGroup, tiling: Tiling, spikes: Mapping[str, Rows], steps: int) -> GroupLoad:
    """The operations that spikes of every source, by name, cause in the cores of a group."""
    cores = sum(
        (core_operations(synapses, tiling, spikes[synapses.source], steps) for synapses in group.synapses),
        np.zeros((steps, *tiling.grid), np.int64),
    ).reshape(steps, -1)
    return GroupLoad(group, tiling, cores.max(axis=1), cores.sum(axis=1))


def core_operations(synapses: SynapseGroup, tiling: Tiling, spikes: Rows, steps: int) -> NDArray[np.int64]:
    """Int64[T, channel tiles, row tiles, column tiles]: operations `spikes` cause in each core, copies included."""
    rows, columns = (reached(synapses, tiling, axis) for axis in (1, 2))
    found = np.zeros((steps, *tiling.grid), np.int64)
    held = np.diff(tiling.edges(0))
    bounds = np.searchsorted(spikes[:, 0], np.arange(steps + 1))
    for step in range(steps):
        now = spikes[bounds[step] : bounds[step + 1]]
        if synapses.sharing == "kernel":
            found[step] = held[:, None, None] * (rows[now[:, 2]].T @ columns[now[:, 3]])
            continue
        for k, (first, last) in enumerate(zip(tiling.edges(0), tiling.edges(0)[1:], strict=False)):
            own = now[(now[:, 1] >= first) & (now[:, 1] < last)]
            found[step, k] = rows[own[:, 2]].T @ columns[own[:, 3]]
    return synapses.copies * found


def reached(synapses: SynapseGroup, tiling: Tiling, axis: int) -> NDArray[np.int64]:
    """Int64[length below, tiles]: neurons of each tile that an input reaches along an axis (1 rows, 2 columns)."""
    length, below = tiling.shape[axis], synapses.source_shape[axis]
    kernel, stride, padding = (x[axis - 1] for x in (synapses.window, synapses.stride, synapses.padding))
    of_output = np.searchsorted(tiling.edges(axis)[1:], np.arange(length), side="right")
    table = np.zeros((below, tiling.grid[axis]), np.int64)
    for tap in range(kernel):
        source = np.arange(length) * stride + tap - padding
        inside = (source >= 0) & (source < below)
        np.add.at(table, (source[inside], of_output[inside]), 1)
    return table


def spread(times: StepTimes, network: ChipNetwork, target: Target, chips: int) -> StepTimes:
    """The same run with the busiest groups cut finer, while the chips have cores to spare and the mean step falls.

    In every round the group that most of the time goes to is cut in two along the axis that helps it most; of all
    rounds the one counts that is almost the fastest with the fewest cores. The compiler takes such a placement by hand
    (`compile_config["partitioning"]`); whether it keeps every cut is not known.
    """
    speeds, spare, rounds = speeds_of(target), chips * target.mapped_cores.value, [times]
    while network.spikes is not None:
        busiest = _busiest(rounds[-1], speeds)
        halved = _halved(rounds[-1].loads[busiest], network, target)
        if not halved:
            break
        finer = min(halved, key=lambda load: load.microseconds(speeds).sum())
        tried = step_times(_exchanged(rounds[-1].loads, busiest, finer), speeds, network.steps)
        if tried.cores > spare:
            break
        rounds.append(tried)
    fastest = min(found.mean for found in rounds)
    return next(found for found in rounds if found.mean <= fastest * (1 + ALMOST))


def _exchanged(loads: Sequence[GroupLoad], index: int, load: GroupLoad) -> tuple[GroupLoad, ...]:
    return (*loads[:index], load, *loads[index + 1 :])


def _busiest(times: StepTimes, speeds: Speeds) -> int:
    """Index of the group that takes longest in most of the time."""
    takes = np.array([load.microseconds(speeds) for load in times.loads])
    first = takes.argmax(axis=0)
    return int(np.bincount(first, weights=times.microseconds, minlength=len(takes)).argmax())


def _halved(load: GroupLoad, network: ChipNetwork, target: Target) -> list[GroupLoad]:
    """The group's load with its tiles cut in two along each axis that can be."""
    shape = load.tiling.tile.shape
    parts = [tuple(-(-n // 2) if k == axis else n for k, n in enumerate(shape)) for axis in range(3) if shape[axis] > 1]
    cuts = [cut(load.group, (part[0], part[1], part[2]), target) for part in parts]
    return [group_load(load.group, tiling, network.spikes or {}, network.steps) for tiling in cuts]
