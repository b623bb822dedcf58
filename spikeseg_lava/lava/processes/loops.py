"""Loops of Processes that all answer within a step: each would wait for the others, and the graph for ever."""

from __future__ import annotations

from typing import Any

from spikeseg_lava.errors import ArgumentError


def refuse_loop(process: Any) -> None:
    """ArgumentError where `process` is part of a loop without a step of delay.

    Lava's `Dense`, `Sparse` and `Conv` send what they computed in the step before, so a loop through one of them works.
    A Process of the user's own counts as such a delay: whether it is one cannot be seen from outside.
    """
    loop = loop_through(process)
    if loop:
        names = " -> ".join(f"`{part.name}`" for part in [*loop, process])
        raise ArgumentError(
            f"{names} is a loop of Processes that send within the step, so each would wait for the others for ever: "
            "put a Process with a step of delay into it, for instance `lava.proc.dense.Dense` or `lava.proc.conv.Conv`"
        )


def loop_through(process: Any) -> list[Any]:
    """The Processes of such a loop in order, from `process`; empty where there is none."""
    reached: dict[int, list[Any]] = {id(process): [process]}
    waiting = [process]
    while waiting:
        here = waiting.pop()
        for target in targets(here):
            if target is process:
                return reached[id(here)]
            if id(target) not in reached and sends_within_step(target):
                reached[id(target)] = [*reached[id(here)], target]
                waiting.append(target)
    return []


def targets(process: Any) -> list[Any]:
    """The Processes that receive what `process` sends."""
    return [port.process for out in process.out_ports.members for port in out.get_dst_ports()]


def sends_within_step(process: Any) -> bool:
    """Whether outputs of a Process depend on its inputs of the same step, as far as its class tells.

    Lava's Processes with a step of delay are those with a buffer for what they send next, `a_buff` or `a_buf`.
    """
    if hasattr(type(process), "within_step"):
        return bool(type(process).within_step)
    stock = type(process).__module__.startswith("lava.proc.")
    return stock and not any(var.name in ("a_buff", "a_buf") for var in process.vars.members)
