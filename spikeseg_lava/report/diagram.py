"""The layers as a drawing: a stack of maps for each, arrows with what travels between them. SVG, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from spikeseg_lava.network import Shape
from spikeseg_lava.report.figure import number
from spikeseg_lava.report.report import Report

WIDTH, HEIGHT, MIDDLE = 1040, 250, 96
TALLEST, OFFSET, MOST_MAPS = 104, 4, 8  # pixels of the largest map, of the shift between maps; maps drawn at most


@dataclass(frozen=True)
class Stack:
    """One layer as drawn: maps as (x, y, width, height) from back to front, and lines of text below."""

    name: str
    kind: str
    centre: float
    maps: list[tuple[float, float, float, float]]
    lines: list[str]


@dataclass(frozen=True)
class Arrow:
    """What travels from one stack to the next."""

    start: float
    end: float
    width: float
    text: str


def stacks(report: Report) -> list[Stack]:
    """The input and every layer, from left to right."""
    taken = report.resources.layers
    shapes = [taken[0].input_shape, *(layer.output_shape for layer in taken)]
    names = ["input", *(layer.name for layer in taken)]
    kinds = ["input", *("pool" if layer.is_pool else "conv" for layer in taken)]
    texts = [[f"{report.subject.model.input.bits} bit payload"]]
    texts += [[f"{number(layer.neurons)} neurons", f"{number(layer.cores)} cores"] for layer in taken]
    pitch = WIDTH / len(shapes)
    scale = TALLEST / max(max(shape[1:]) for shape in shapes)
    return [
        Stack(n, k, pitch * (i + 0.5), _maps(shape, pitch * (i + 0.5), scale), [" x ".join(map(str, shape)), *text])
        for i, (n, k, shape, text) in enumerate(zip(names, kinds, shapes, texts, strict=True))
    ]


def arrows(report: Report, drawn: list[Stack]) -> list[Arrow]:
    """Between neighbours; the more spikes, the wider."""
    counts: list[int | None] = [None] * len(report.resources.layers)
    if report.activity:
        counts = [layer.input_events for layer in report.activity.layers]
    found = []
    for left, right, count in zip(drawn, drawn[1:], counts, strict=False):
        start = max(x + w for x, _, w, _ in left.maps) + 5
        end = min(x for x, _, _, _ in right.maps) - 9
        width = 1.5 if not count else min(5.0, 1.2 + 0.9 * len(str(count)) - 0.9)
        found.append(Arrow(start, max(end, start + 8), width, "" if count is None else number(count)))
    return found


def _maps(shape: Shape, centre: float, scale: float) -> list[tuple[float, float, float, float]]:
    count = min(shape[0], MOST_MAPS)
    height, width = (max(9.0, n * scale) for n in shape[1:])
    left = centre - width / 2 - OFFSET * (count - 1) / 2
    top = MIDDLE - height / 2 - OFFSET * (count - 1) / 2
    return [(left + OFFSET * i, top + OFFSET * i, width, height) for i in range(count)]
