"""The network in the integers of a neuromorphic chip: 8-bit weight planes, 24-bit membranes (docs/fixed-point.md).

One step, exact in integers::

    A = sat24( sum over planes p of (sum of w_p * x) << e_p )
    V = sat24(V + A + B - L)                                          subtractive
    V = sat24(sign(V) * ((|V| * (4096 - D)) >> 12) + A + B)           multiplicative
    V = max(V, 0) if floor ;  S = V >= Theta (fire-once) ;  V = 0 where S
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import ConvLayer, LeakMode, Pair, PoolLayer, Shape, convolved_shape
from spikeseg_lava.network.parameters import ANY, NOT_NEGATIVE, Allowed, check_neuron, each_channel

STATE_MAX = 2**23 - 1  # largest signed 24-bit value
STATE_MIN = -(2**23)
BYTE_BITS = 8  # of a weight plane
DECAY_BITS = 12
DECAY_UNIT = 2**DECAY_BITS
FORGET_CURRENT = DECAY_UNIT - 1  # as Lava's `du`, which keeps (4095 - du) / 4096 of a synaptic current: nothing of it

NOTHING = Allowed("0 in the other leak mode", 0, 0)
INTEGERS = {
    "threshold": Allowed("at least 1, or neurons fire without input", 1),
    "leak": NOT_NEGATIVE,
    "decay": Allowed(f"from 0 to {DECAY_UNIT}", 0, DECAY_UNIT),
    "bias": ANY,
}


@dataclass(frozen=True, eq=False)
class Plane:
    """One synapse group: `weight` Int8[O, I, kh, kw], its sum shifted left by `exponent` bits."""

    weight: NDArray[np.int8]
    exponent: int


@dataclass(frozen=True, eq=False)
class FixedPointNeuron:
    """Integer neuron parameters, one per output channel: Int32[O] each, in units of the integer membrane.

    The bias B is added every step with the drive A; it may be left out, and is 0 then.

    Raises:
        ArgumentError: a threshold below 1, a negative leak, a decay beyond 0..4096, a leak in multiplicative mode, a
            decay in subtractive mode, or vectors of different lengths.
    """

    threshold: NDArray[np.int32]
    leak: NDArray[np.int32]
    decay: NDArray[np.int32]
    leak_mode: LeakMode = "subtractive"
    floor: bool = True
    bias: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))

    def __post_init__(self) -> None:
        object.__setattr__(self, "bias", each_channel(self.bias, self.threshold))
        unused = "decay" if self.leak_mode == "subtractive" else "leak"
        check_neuron({**INTEGERS, unused: NOTHING}, self)

    @property
    def pull(self) -> NDArray[np.int64]:
        """Int64[O]: what a step without input takes off the membrane, the decay apart: leak - bias.

        Where it is negative the membrane rises by itself.
        """
        leak = self.leak.astype(np.int64) * (self.leak_mode == "subtractive")
        return leak - self.bias


@dataclass(frozen=True, eq=False)
class FixedPointConv:
    """A spiking convolution in integers.

    Attributes:
        scale: Float64[O], integer membrane units per unit of the float membrane (weight scale times input scale).
        source: the float layer it was made from, so that every integer can be traced back.
    """

    name: str
    planes: tuple[Plane, ...]
    neuron: FixedPointNeuron
    scale: NDArray[np.float64]
    source: ConvLayer
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    @cached_property
    def kernel(self) -> NDArray[np.int64]:
        """Int64[O, I, kh, kw]: what one unit of payload adds to the membrane, all planes together; summed once."""
        return sum_planes(self.planes)

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the spikes for an input of `shape`; raises ArgumentError when they do not fit."""
        return convolved_shape(self.name, shape, self.planes[0].weight.shape, self.stride, self.padding)


FixedPointLayer = FixedPointConv | PoolLayer


@dataclass(frozen=True)
class InputCode:
    """How a frame value becomes an unsigned payload: `round(x * scale)`, saturated to `bits`; 1 bit: `x > 0`."""

    bits: int
    scale: float

    @property
    def largest(self) -> int:
        return 2**self.bits - 1

    def encode(self, frames: NDArray[np.floating]) -> NDArray[np.int32]:
        """Int32 payloads of the shape of `frames`; ClipError on negative values or values beyond the payload."""
        if self.bits == 1:
            return (np.asarray(frames) > 0).astype(np.int32)
        if frames.size and not (frames.min() >= 0 and frames.max() * self.scale < self.largest + 0.5):
            raise ClipError(
                f"`frames` hold values from {frames.min():g} to {frames.max():g}; a payload of {self.bits} bit at "
                f"scale {self.scale:g} takes 0 to {self.largest / self.scale:g}. Normalise the bins, or quantize "
                "with a calibration clip of the same range"
            )
        return np.rint(np.asarray(frames, np.float64) * self.scale).astype(np.int32)


def sum_planes(planes: tuple[Plane, ...]) -> NDArray[np.int64]:
    """Int64 weights of all planes together: sum of `w_p << e_p`."""
    return np.sum([p.weight.astype(np.int64) << p.exponent for p in planes], axis=0)


def byte_planes(kernel: NDArray[np.int64], exponent: int) -> tuple[Plane, ...]:
    """Planes with `sum of w_p << e_p == kernel`, exponents `exponent`, `exponent + 8`, ...; low byte first.

    As few planes as there can be. The chip keeps the even ones of -256..254 where signs are mixed, so that it holds a
    signed byte w as 2 w, with threshold and leak doubled; how a target represents a plane is no part of the model.

    Args:
        kernel: Int64[O, I, kh, kw], every weight a multiple of `2 ** exponent`.
    """
    rest, planes = kernel >> exponent, []
    while rest.any() or not planes:
        low = ((rest + 128) & 255) - 128
        planes.append(Plane(low.astype(np.int8), exponent + BYTE_BITS * len(planes)))
        rest = (rest - low) >> BYTE_BITS
    return tuple(planes)


def saturate(value: NDArray[np.integer]) -> NDArray[np.integer]:
    """Clip to the signed 24-bit range of the chip's state words."""
    return np.clip(value, STATE_MIN, STATE_MAX)
