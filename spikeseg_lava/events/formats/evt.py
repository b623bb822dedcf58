"""EVT words to events: EVT 2 (32-bit words), EVT 2.1 (64) and EVT 3 (16), compiled, continued from block to block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled

CLOCK_WORD = 8
NEVER = -1
FAR = 10_000  # microseconds: a smaller leap of the clock is believed
VECTOR_PIXELS = 12  # at most, of an EVT 3 word
# Places in the registers of a decoder:
HIGH, TIME, LOW, ROW, BASE, POLARITY, DROPPED, GLITCHES, UNKNOWN, PADDING = range(10)
COUNTS: Mapping[int, str] = {
    DROPPED: "events before the first clock or row word dropped",
    GLITCHES: "leaps of the clock by a flipped bit undone",
    UNKNOWN: "unknown words skipped",
    PADDING: "words of padding dropped",
}


@dataclass
class State:
    """What a decoder knows when a block begins.

    Attributes:
        registers: HIGH, the last believed clock word; TIME, the microseconds it stands for; LOW, the low bits of the
            time; ROW, BASE, POLARITY, the last row, vector base and its polarity; and counts of what was left out.
        head_first: whether the half of an EVT 2.1 word that tells its type comes first; None before it is known.
    """

    registers: NDArray[np.int64] = field(default_factory=lambda: np.array([NEVER, 0, 0, NEVER, NEVER, 0, 0, 0, 0, 0]))
    head_first: bool | None = None


@dataclass(frozen=True, eq=False)
class Decoded:
    """Columns x, y, t, p of a block, the number of words `used`, and what had to be left out in it."""

    columns: tuple[NDArray[Any], ...]
    used: int
    repairs: Mapping[str, int]


def decode_evt2(words: NDArray[np.uint32], state: State, final: bool) -> Decoded:
    """Events of UInt32 words: type in the upper 4 bits (0 and 1 are events), low time 6 bits, x 11, y 11."""
    return _decoded(_evt2, (words, np.ones(len(words), np.uint32)), state, final, len(words))


def decode_evt21(words: NDArray[np.uint64], state: State, final: bool) -> Decoded:
    """Events of UInt64 words: an EVT 2 word that stands for up to 32 pixels from x on, and their mask."""
    halves = words.view(np.uint32).reshape(-1, 2)
    head, mask = (np.ascontiguousarray(halves[:, k]) for k in ((0, 1) if state.head_first else (1, 0)))
    pixels = int(np.sum(np.unpackbits(mask[head >> 28 <= 1].view(np.uint8)), dtype=np.int64))
    return _decoded(_evt2, (head, mask), state, final, pixels)


def decode_evt3(words: NDArray[np.uint16], state: State, final: bool) -> Decoded:
    """Events of UInt16 words that each change a part of the state: row, x and polarity, vectors, time."""
    vectors = int(np.count_nonzero((words >> 12 == 4) | (words >> 12 == 5)))
    return _decoded(_evt3, (words,), state, final, len(words) + (VECTOR_PIXELS - 1) * vectors)


def _decoded(kernel: Any, words: tuple[NDArray[Any], ...], state: State, final: bool, most: int) -> Decoded:
    x, y, p = np.empty(most, np.uint16), np.empty(most, np.uint16), np.empty(most, np.uint8)
    t = np.empty(most, np.int64)
    before = state.registers.copy()
    used, count = kernel(*words, state.registers, final, x, y, t, p)
    repairs = {name: int(state.registers[place] - before[place]) for place, name in COUNTS.items()}
    return Decoded((x[:count], y[:count], t[:count], p[:count]), used, repairs)


@compiled
def ticks_between(high: int, value: int, size: int, earlier: int) -> int:
    """Ticks from `high` to `value` on a clock that begins again after `size`, with `earlier` ticks since time 0.

    A fall by half of it is such a beginning, a smaller one a step back; a rise by nearly all of it is a step back over
    the beginning, unless that were before time 0.
    """
    step = value - high
    if 2 * step <= -size:
        return step + size
    if step >= size - size // 16 and earlier + step - size >= 0:
        return step - size
    return step


@compiled
def follow_clock(words: Any, i: int, state: Any, final: bool, shift: int, size: int, tick: int) -> bool:
    """Set HIGH, TIME and LOW by the clock word at `i`; False where the next block must be known for that.

    A leap that the next clock word takes back (by three quarters at least) is a flipped bit: it is counted, and the
    clock stays where it was.
    """
    value = np.int64(words[i]) & (size - 1)
    if state[HIGH] < 0:
        state[HIGH], state[TIME], state[LOW] = value, value * tick, 0
        return True
    leap = ticks_between(state[HIGH], value, size, state[TIME] // tick)
    if abs(leap) * tick > FAR:
        j = i + 1
        while j < len(words) and words[j] >> shift != CLOCK_WORD:
            j += 1
        if j == len(words) and not final:
            return False
        if j < len(words):
            back = ticks_between(state[HIGH], np.int64(words[j]) & (size - 1), size, state[TIME] // tick)
            if 4 * abs(back) <= abs(leap):
                state[GLITCHES] += 1
                return True
    if leap != 0:
        state[HIGH], state[LOW] = value, 0
        state[TIME] += leap * tick
    return True


@compiled
def _evt2(head: Any, mask: Any, state: Any, final: bool, x: Any, y: Any, t: Any, p: Any) -> tuple[int, int]:
    count = 0
    for i in range(len(head)):
        word = np.int64(head[i])
        kind = word >> 28
        if kind <= 1:
            if word == 0 and ((i > 0 and head[i - 1] == 0) or (i + 1 < len(head) and head[i + 1] == 0)):
                state[PADDING] += 1  # no pixel gives two events at one time
                continue
            pixels, place = np.int64(mask[i]), 0
            while pixels:
                if pixels & 1 and state[HIGH] < 0:
                    state[DROPPED] += 1
                elif pixels & 1:
                    x[count], y[count] = ((word >> 11) & 0x7FF) + place, word & 0x7FF
                    t[count], p[count] = state[TIME] + ((word >> 22) & 0x3F), kind
                    count += 1
                pixels, place = pixels >> 1, place + 1
        elif kind == CLOCK_WORD:
            if not follow_clock(head, i, state, final, 28, 1 << 28, 64):
                return i, count
        elif kind != 10 and kind != 14 and kind != 15:  # triggers, others, continued
            state[UNKNOWN] += 1
    return len(head), count


@compiled
def _evt3(words: Any, state: Any, final: bool, x: Any, y: Any, t: Any, p: Any) -> tuple[int, int]:
    count = 0
    for i in range(len(words)):
        word = np.int64(words[i])
        kind = word >> 12
        known = state[HIGH] >= 0 and state[ROW] >= 0
        if kind == 0:
            state[ROW] = word & 0x7FF
        elif kind == 2:
            if known:
                x[count], y[count], p[count] = word & 0x7FF, state[ROW], (word >> 11) & 1
                t[count] = state[TIME] + state[LOW]
                count += 1
            else:
                state[DROPPED] += 1
        elif kind == 3:
            state[BASE], state[POLARITY] = word & 0x7FF, (word >> 11) & 1
        elif kind == 4 or kind == 5:
            width = 12 if kind == 4 else 8
            for place in range(width):
                if (word >> place) & 1:
                    if known and state[BASE] >= 0:
                        x[count], y[count] = min(state[BASE] + place, 0xFFFF), state[ROW]
                        t[count], p[count] = state[TIME] + state[LOW], state[POLARITY]
                        count += 1
                    else:
                        state[DROPPED] += 1
            state[BASE] += width if state[BASE] >= 0 else 0
        elif kind == 6:
            state[LOW] = word & 0xFFF
        elif kind == CLOCK_WORD:
            if not follow_clock(words, i, state, final, 12, 1 << 12, 4096):
                return i, count
        elif kind != 7 and kind != 10 and kind != 14 and kind != 15:  # continued, triggers, others
            state[UNKNOWN] += 1
    return len(words), count
