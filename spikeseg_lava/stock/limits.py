"""What a layer must keep to be written in stock parts: one named check a limit, all of them reported together.

Chip weights are even (mixed sign keeps -256..254), so a signed 8-bit weight becomes `2 w`, and one unit of the
fixed-point membrane is two activations, 128 units of v. Limits: `LIF` of lava-nc 0.10.0 (`proc/lif/models.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.integers import FixedPointConv

UNIT = 128  # of v, for one unit of the fixed-point membrane
CURRENT_LIMIT = 2**17  # activations a step: u wraps beyond
THRESHOLD_LIMIT = 2**17 - 1
BIAS_MANTISSA = 4095
BIAS_EXPONENT = 7
POINT_WEIGHT = 254
POINT_EXPONENT = 7
POINT_LIMIT = POINT_WEIGHT << POINT_EXPONENT
MOST_REPEATS = 16

Payloads = int | NDArray[np.integer]
SPIKES = 1  # largest payload between layers


def layer_problems(
    conv: FixedPointConv, largest_payload: Payloads, steps_per_frame: int = 1, graded: bool = False
) -> list[str]:
    """Why a layer cannot be written in stock parts as it is; empty where it can.

    Args:
        largest_payload: of its input, one number or one for each input channel; 1 for spikes.
        steps_per_frame: chip steps per frame, over which the leak is spread.
        graded: the input is a payload from the host, which can carry a plane's exponent.
    """
    checks = (_threshold, _leak, _current, _planes)
    return [text for check in checks for text in check(conv, largest_payload, steps_per_frame, graded)]


def largest_drive(conv: FixedPointConv, largest_payload: Payloads) -> tuple[int, int]:
    """Activations a step can bring at most: (most positive, most negative as a positive number)."""
    kernel = 2 * conv.kernel * np.reshape(largest_payload, (1, -1, 1, 1))
    return (
        int(np.maximum(kernel, 0).sum(axis=(1, 2, 3)).max()),
        int(np.maximum(-kernel, 0).sum(axis=(1, 2, 3)).max()),
    )


def split_bias(bias: NDArray[np.int64], name: str = "bias") -> tuple[NDArray[np.int64], int]:
    """(mantissa, exponent) with `mantissa << exponent == bias`; QuantizationError where 13 + 3 bit cannot say it."""
    for exponent in range(BIAS_EXPONENT + 1):
        mantissa = bias >> exponent
        if np.abs(mantissa).max(initial=0) <= BIAS_MANTISSA:
            if np.array_equal(mantissa << exponent, bias):
                return mantissa, exponent
            break
    raise QuantizationError(f"`{name}` of {bias[np.abs(bias).argmax()]} cannot be written as 13-bit mantissa << 0..7")


def spread_leak(conv: FixedPointConv, steps_per_frame: int) -> NDArray[np.int64]:
    """Int64[O]: leak less bias in units of v for each of the chip steps of a frame; exact only where they divide it."""
    return UNIT * conv.neuron.pull // steps_per_frame


def shared_threshold(conv: FixedPointConv, steps_per_frame: int = 1) -> int:
    """vth at which `v > vth << 6` is the contract's `V >= Theta`, when a frame's leak is only partly taken yet."""
    lead = (steps_per_frame - 1) * int(spread_leak(conv, steps_per_frame)[0])
    return (UNIT * int(conv.neuron.threshold[0]) - 1 + lead) >> 6


def _threshold(conv: FixedPointConv, largest_payload: Payloads, steps: int, graded: bool) -> list[str]:
    found = []
    if np.ptp(conv.neuron.threshold):
        found.append(f"`{conv.name}` has {len(np.unique(conv.neuron.threshold))} thresholds, a population has one")
    if steps > 1 and np.ptp(conv.neuron.pull):
        found.append(f"`{conv.name}` has leaks per channel, which {steps} steps a frame cannot spread exactly")
    if shared_threshold(conv, steps) > THRESHOLD_LIMIT:
        found.append(f"`{conv.name}` has threshold {conv.neuron.threshold.max()}, 17 bit hold {THRESHOLD_LIMIT // 2}")
    return found


def _leak(conv: FixedPointConv, largest_payload: Payloads, steps: int, graded: bool) -> list[str]:
    leak = conv.neuron.pull
    if np.ptp(conv.neuron.decay):
        return [f"`{conv.name}` has {len(np.unique(conv.neuron.decay))} decays, a population has one"]
    if (UNIT * leak % steps).any():
        return [f"`{conv.name}` has leak {leak.max()}, which {steps} chip steps a frame do not divide"]
    try:
        split_bias(UNIT * leak // steps)
    except QuantizationError:
        return [f"`{conv.name}` has leak {leak.max()}, beyond or between the values of a 13-bit bias"]
    return []


def _current(conv: FixedPointConv, largest_payload: Payloads, steps: int, graded: bool) -> list[str]:
    worst = max(largest_drive(conv, largest_payload))
    if worst < CURRENT_LIMIT:
        return []
    return [f"`{conv.name}` can receive {worst} activations in a step; the current wraps at {CURRENT_LIMIT}"]


def _planes(conv: FixedPointConv, largest_payload: Payloads, steps: int, graded: bool) -> list[str]:
    repeats = sum(1 << plane.exponent for plane in conv.planes)
    if graded or repeats <= MOST_REPEATS:
        return []
    return [f"`{conv.name}` needs {repeats} synapse groups for its exponents, more than {MOST_REPEATS}"]
