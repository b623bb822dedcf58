"""Rules about cores and chips: does every group fit, into how many, and what the compiler is known to get wrong."""

from __future__ import annotations

from collections.abc import Iterator

from spikeseg_lava.chip.groups import SynapseGroup
from spikeseg_lava.chip.rules.finding import Finding, MappedModel
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.chip.tiling import Tile, Tiling, measure

RISKY_WIDTH = 256  # "spikes originating from x_in = n*256-1 and its neighbours might get dropped"


def fan_in_axons(mapped: MappedModel) -> Iterator[Finding]:
    """The inputs of a single neuron fit the incoming axons of a core."""
    limit = mapped.target.axons_in_per_core.value
    for placed in mapped.placed:
        value = measure(placed.group, (1, 1, 1), mapped.target).axons_in
        if value > limit:
            yield Finding(
                "fan_in_axons", placed.group.name, "error", value, limit, "axons",
                "one neuron has more inputs than a core has incoming axons",
                "use a smaller kernel, fewer input channels or one weight plane",
            )  # fmt: skip


def synapse_memory(mapped: MappedModel) -> Iterator[Finding]:
    """The kernel of one output channel fits a core (error); that of all channels does, too (else they are spread)."""
    limit = mapped.target.synapse_bytes_per_core.value
    for placed in mapped.placed:
        one = measure(placed.group, (1, 1, 1), mapped.target).synapse_bytes
        every = measure(placed.group, (placed.group.shape[0], 1, 1), mapped.target).synapse_bytes
        if every <= limit:
            continue
        alone = one > limit
        yield Finding(
            "synapse_memory", placed.group.name, "error" if alone else "info", one if alone else every, limit, "bytes",
            "the weights of a single output channel exceed a core" if alone
            else "the kernel exceeds a core; its output channels are spread over several",
            "use a smaller kernel, fewer input channels or one weight plane",
        )  # fmt: skip


def neurons_on_a_core(mapped: MappedModel) -> Iterator[Finding]:
    """Cores hold few neurons where axons or weights are the limit, or where twice the columns do not fit."""
    limit = mapped.target.neurons_per_core.value
    for placed in mapped.placed:
        if placed.tiling is None or placed.tiling.cores == 1:
            continue
        value = placed.tiling.tile.neurons
        if value < limit // 2:
            yield Finding(
                "neurons_on_a_core", placed.group.name, "info", value, limit, "neurons",
                f"cores run out of {_bottleneck(placed.tiling.tile, mapped.target)} before half of their neurons",
                "normal for large kernels on many channels; fewer channels or planes take fewer cores",
            )  # fmt: skip


def axons_out(mapped: MappedModel) -> Iterator[Finding]:
    """Every neuron of a core needs an outgoing axon for each core it reaches."""
    limit = mapped.target.axons_out_per_core.value
    tilings = {placed.group.name: placed.tiling for placed in mapped.placed}
    taken = dict.fromkeys(tilings, 0)
    for placed in mapped.placed:
        for synapses in placed.group.synapses:
            below = tilings.get(synapses.source)
            if below is not None and placed.tiling is not None:
                taken[synapses.source] += outgoing_axons(below.tile, synapses, placed.tiling, mapped.target)
    for name, value in taken.items():
        if value > limit:
            yield Finding(
                "axons_out", name, "warning", value, limit, "axons",
                f"a core of `{name}` reaches so many cores that its outgoing axons run out unless neurons share axons",
                "leave cores partly empty, or cut the next layer into larger tiles",
            )  # fmt: skip


def chip_count(mapped: MappedModel) -> Iterator[Finding]:
    """All groups together fit the cores of one chip that the compiler uses."""
    limit = mapped.target.mapped_cores.value
    value = sum(placed.tiling.cores for placed in mapped.placed if placed.tiling)
    if value > limit:
        yield Finding(
            "chip_count", "network", "warning", value, limit, "cores",
            f"the network takes {value} cores, {-(-value // limit)} chips of {limit}; one public run shows "
            "convolutions over several chips of a board (lava-dl yolo_kp), nothing shows more",
            "use a board of several chips, smaller frames, or fewer maps",
        )  # fmt: skip


def wide_input(mapped: MappedModel) -> Iterator[Finding]:
    """Where a convolution's input is 256 or wider, the compiler warns that spikes may be dropped."""
    for placed in mapped.placed:
        width = max((s.source_shape[2] for s in placed.group.synapses if s.sharing != "point"), default=0)
        if width >= RISKY_WIDTH:
            columns = ", ".join(str(x) for x in range(RISKY_WIDTH - 1, width, RISKY_WIDTH))
            yield Finding(
                "wide_input", placed.group.name, "warning", width, RISKY_WIDTH - 1, "columns",
                f"the compiler may drop spikes at x = {columns} and its neighbours",
                "rescale the frames below 256 columns, or cut them into overlapping parts",
            )  # fmt: skip


def outgoing_axons(held: Tile, synapses: SynapseGroup, following: Tiling, target: Target) -> int:
    """Axons that a core's tile needs into the group `following`.

    Where convolutions share axons, the printed partitions show one or two for each position, all channels together, and
    one for each neuron otherwise. Elsewhere it is one for each neuron and core reached: a spike reaches
    `ceil(kernel / stride)` neighbouring outputs along each axis, and every channel of a kernel but only its own of a
    diagonal.
    """
    if target.conv_axons_in.value:
        shared = synapses.sharing != "point" and not synapses.dense
        return target.conv_axons_in.value * held.shape[1] * held.shape[2] if shared else held.neurons
    reached = following.grid[0] if synapses.sharing == "kernel" else 1
    for axis in (0, 1):
        span = -(-synapses.window[axis] // synapses.stride[axis])
        reached *= min(following.grid[axis + 1], 1 + -(-(span - 1) // following.tile.shape[axis + 1]))
    return held.neurons * reached


def _bottleneck(taken: Tile, target: Target) -> str:
    shares = {
        "incoming axons": taken.axons_in / target.axons_in_per_core.value,
        "weight memory": taken.synapse_bytes / target.synapse_bytes_per_core.value,
        "columns (their number is a power of two)": 2 * taken.neurons / target.neurons_per_core.value,
    }
    return max(shares, key=lambda name: shares[name])
