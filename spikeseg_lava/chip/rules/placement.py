"""Rules about cores and chips: does every layer fit, into how many, and what the compiler is known to get wrong."""

from __future__ import annotations

from collections.abc import Iterator

from spikeseg_lava.chip.rules.finding import Finding
from spikeseg_lava.chip.rules.mapped_model import MappedModel, PlacedLayer
from spikeseg_lava.chip.tiling import Block, block
from spikeseg_lava.network import counting
from spikeseg_lava.network.floats import PoolLayer, Shape

RISKY_WIDTH = 256  # "spikes originating from x_in = n*256-1 and its neighbours might get dropped"


def fan_in_axons(mapped: MappedModel) -> Iterator[Finding]:
    """The inputs of a single neuron fit the incoming axons of a core."""
    limit = mapped.target.axons_in_per_core.value
    for placed in mapped.layers:
        value = block(placed.layer, placed.input_shape, (1, 1, 1)).axons_in
        if value > limit:
            yield Finding(
                "fan_in_axons", placed.layer.name, "error", value, limit, "axons",
                "one neuron has more inputs than a core has incoming axons",
                "use a smaller kernel, fewer input channels or one weight plane",
            )  # fmt: skip


def synapse_memory(mapped: MappedModel) -> Iterator[Finding]:
    """The kernel of one output channel fits a core (error); that of all channels does, too (else they are spread)."""
    limit = mapped.target.synapse_bytes_per_core.value
    for placed in mapped.layers:
        channels = placed.output_shape[0]
        one = block(placed.layer, placed.input_shape, (1, 1, 1)).synapse_bytes
        every = block(placed.layer, placed.input_shape, (channels, 1, 1)).synapse_bytes
        if every <= limit:
            continue
        alone = one > limit
        yield Finding(
            "synapse_memory", placed.layer.name, "error" if alone else "info", one if alone else every, limit, "bytes",
            "the weights of a single output channel exceed a core" if alone
            else "the kernel exceeds a core; its output channels are spread over several",
            "use a smaller kernel, fewer input channels or one weight plane",
        )  # fmt: skip


def neurons_on_a_core(mapped: MappedModel) -> Iterator[Finding]:
    """Cores of a layer hold few neurons where axons or weights, not neurons, are the limit."""
    limit = mapped.target.neurons_per_core.value
    for placed in mapped.layers:
        if placed.tiling is None or placed.tiling.cores == 1:
            continue
        value = placed.tiling.block.neurons
        if value < limit // 2:
            yield Finding(
                "neurons_on_a_core", placed.layer.name, "info", value, limit, "neurons",
                f"cores run out of {_bottleneck(placed.tiling.block, mapped)} before they are half full of neurons",
                "normal for large kernels on many channels; fewer channels or planes take fewer cores",
            )  # fmt: skip


def axons_out(mapped: MappedModel) -> Iterator[Finding]:
    """Every neuron of a core needs an outgoing axon for each core it reaches in the next layer."""
    limit = mapped.target.axons_out_per_core.value
    for placed, following in zip(mapped.layers, mapped.layers[1:], strict=False):
        if placed.tiling is None or following.tiling is None:
            continue
        value = outgoing_axons(placed.tiling.block.neurons, following, following.tiling.block.shape)
        if value > limit:
            yield Finding(
                "axons_out", placed.layer.name, "warning", value, limit, "axons",
                f"a core of `{placed.layer.name}` reaches so many cores of `{following.layer.name}` that its "
                "outgoing axons run out unless neurons share axons",
                "leave cores partly empty, or cut the next layer into larger blocks",
            )  # fmt: skip


def chip_count(mapped: MappedModel) -> Iterator[Finding]:
    """All layers together fit the cores of one chip that the compiler uses."""
    limit = mapped.target.mapped_cores.value
    value = sum(placed.tiling.cores for placed in mapped.layers if placed.tiling)
    if value > limit:
        yield Finding(
            "chip_count", "network", "warning", value, limit, "cores",
            f"the network takes {value} cores, {-(-value // limit)} chips of {limit}",
            "use a board of several chips, smaller frames, or merge identical maps",
        )  # fmt: skip


def wide_input(mapped: MappedModel) -> Iterator[Finding]:
    """Where a convolution's input is 256 or wider, the compiler warns that spikes may be dropped."""
    for placed in mapped.layers:
        width = placed.input_shape[2]
        if width >= RISKY_WIDTH:
            columns = ", ".join(str(x) for x in range(RISKY_WIDTH - 1, width, RISKY_WIDTH))
            yield Finding(
                "wide_input", placed.layer.name, "warning", width, RISKY_WIDTH - 1, "columns",
                f"the compiler may drop spikes at x = {columns} and its neighbours",
                "rescale the frames below 256 columns, or cut them into overlapping parts",
            )  # fmt: skip


def outgoing_axons(neurons: int, following: PlacedLayer, part: Shape) -> int:
    """Axons that `neurons` of a core need into the next layer, cut into blocks of shape `part`: one per core reached.

    A spike reaches `ceil(kernel / stride)` neighbouring outputs along each axis, and every output channel of a
    convolution but only its own of a pool.
    """
    layer, outputs = following.layer, following.output_shape
    reached = 1 if isinstance(layer, PoolLayer) else -(-outputs[0] // part[0])
    for axis in (0, 1):
        span = -(-counting.window(layer)[axis] // layer.stride[axis])
        blocks = -(-outputs[axis + 1] // part[axis + 1])
        reached *= min(blocks, 1 + -(-(span - 1) // part[axis + 1]))
    return neurons * reached


def _bottleneck(taken: Block, mapped: MappedModel) -> str:
    target = mapped.target
    axons = taken.axons_in / target.axons_in_per_core.value
    return "incoming axons" if axons >= taken.synapse_bytes / target.synapse_bytes_per_core.value else "weight memory"
