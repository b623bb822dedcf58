"""Why saturation is harmless: a proof over all 24-bit states, and the counterexample for wrapping around."""

from __future__ import annotations

from typing import Any

import pytest

z3: Any = pytest.importorskip("z3", reason="z3-solver, a development dependency, is missing")

HIGHEST, LOWEST = 2**23 - 1, -(2**23)
LARGEST_DRIVE = 2**36


def saturated(value: Any) -> Any:
    return z3.If(value > HIGHEST, HIGHEST, z3.If(value < LOWEST, LOWEST, value))


def wrapped(value: Any) -> Any:
    """A 24-bit word in two's complement, whose carry is lost."""
    return (value - LOWEST) % 2**24 + LOWEST


def step(word: Any, v: Any, drive: Any, pull: Any, theta: Any) -> tuple[Any, Any]:
    """Spike and next membrane of a floored neuron whose sums are kept in a word; `pull` is leak - bias."""
    reached = word(v + word(drive) - pull)
    floored = z3.If(reached < 0, 0, reached)
    return floored >= theta, z3.If(floored >= theta, 0, floored)


def differing(word: Any, *assumed: Any) -> Any:
    """A solver that looks for a step in which a word of 24 bits and one without end disagree."""
    variables = z3.Ints("v drive pull theta")
    v, drive, theta = z3.Ints("v drive theta")
    (spike, after), (exact_spike, exact_after) = step(word, *variables), step(lambda value: value, *variables)
    solver = z3.Solver()
    solver.set("timeout", 30_000)
    solver.add(v >= 0, v <= HIGHEST, drive >= -LARGEST_DRIVE, drive <= LARGEST_DRIVE, theta >= 1, *assumed)
    solver.add(z3.Or(spike != exact_spike, after != exact_after))
    return solver


PULL, THETA, V = z3.Ints("pull theta v")
LEAKS = (PULL >= 0, THETA + PULL <= HIGHEST)
RISES = (PULL < 0, THETA - PULL <= HIGHEST, V < THETA)  # a bias above the leak; what reached Theta was reset


@pytest.mark.parametrize("assumed", [LEAKS, RISES], ids=["leak", "bias"])
def test_saturation_changes_neither_spike_nor_membrane(assumed: Any) -> None:
    assert differing(saturated, *assumed).check() == z3.unsat


def test_wrapping_around_changes_a_spike() -> None:
    solver = differing(wrapped, *LEAKS)
    assert solver.check() == z3.sat
    model = solver.model()
    drive = model[z3.Int("drive")].as_long()
    assert not LOWEST <= drive <= HIGHEST or drive + model[V].as_long() > HIGHEST


@pytest.mark.parametrize("assumed", [(PULL >= 0, THETA <= HIGHEST), (PULL < 0, THETA - PULL <= HIGHEST)])
def test_the_proof_needs_its_assumptions(assumed: Any) -> None:
    """Without Theta + L in the word, or with a rising membrane beyond its threshold, saturation does matter."""
    assert differing(saturated, *assumed).check() == z3.sat
