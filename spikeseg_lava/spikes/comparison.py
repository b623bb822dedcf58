"""Two spike records set side by side: counts, agreement and the first difference of every layer.

With A the spikes of the reference and B those of the other record, as sets of (t, c, y, x)::

    IoU = |A & B| / |A | B|        precision = |A & B| / |B|        recall = |A & B| / |A|

A ratio with nothing to count is None: agreement on no spikes proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.record import SpikeRecord, html_table, short

LEAST_IOU = 0.99  # that every layer must reach for a verification to pass


class Site(NamedTuple):
    """A neuron in a step: time step from 0, channel, row, column."""

    t: int
    c: int
    y: int
    x: int


@dataclass(frozen=True)
class Difference:
    """The first spike, by step, then channel, row and column, that only one of two records holds."""

    site: Site
    only_in: str

    def __str__(self) -> str:
        t, c, y, x = self.site
        return f"step {t}, neuron (c={c}, y={y}, x={x}): only in the {self.only_in}"


@dataclass(frozen=True)
class MembraneDifference:
    """The first neuron, by channel, row and column, whose final membranes differ."""

    c: int
    y: int
    x: int
    reference: float
    other: float
    differing: int

    def __str__(self) -> str:
        place = f"neuron (c={self.c}, y={self.y}, x={self.x})"
        return f"{place}: {self.reference:g} against {self.other:g} ({self.differing} neurons differ)"


@dataclass(frozen=True)
class LayerComparison:
    """One layer of two records.

    Attributes:
        first_difference: of the spikes; None where they are equal.
        membrane_difference: None where membranes are equal, or where one record has none or has other units.
    """

    name: str
    reference_spikes: int
    other_spikes: int
    common_spikes: int
    first_difference: Difference | None = None
    membrane_difference: MembraneDifference | None = None

    @property
    def iou(self) -> float | None:
        return _ratio(self.common_spikes, self.reference_spikes + self.other_spikes - self.common_spikes)

    @property
    def precision(self) -> float | None:
        return _ratio(self.common_spikes, self.other_spikes)

    @property
    def recall(self) -> float | None:
        return _ratio(self.common_spikes, self.reference_spikes)

    @property
    def silent(self) -> bool:
        """Neither record holds a spike of this layer."""
        return self.reference_spikes == self.other_spikes == 0

    @property
    def identical(self) -> bool:
        return self.first_difference is None and self.membrane_difference is None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, `fixed_spikes` being those of the other record."""
        return {
            "reference_spikes": self.reference_spikes,
            "fixed_spikes": self.other_spikes,
            "common_spikes": self.common_spikes,
            "iou": self.iou,
            "precision": self.precision,
            "recall": self.recall,
            "first_difference": _plain(self.first_difference),
            "membrane_difference": _plain(self.membrane_difference),
        }


@dataclass(frozen=True)
class Comparison:
    """All layers of two records; prints as a table."""

    layers: tuple[LayerComparison, ...]

    def __getitem__(self, name: str) -> LayerComparison:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def __repr__(self) -> str:
        facts = (f"{x.name} IoU {'-' if x.iou is None else format(x.iou, '.4f')}" for x in self.layers)
        return short(self, *facts, "identical" if self.identical else "different")

    def _repr_html_(self) -> str:
        columns = ("layer", "reference", "other", "IoU", "precision", "recall", "first difference")
        rows = (
            (x.name, x.reference_spikes, x.other_spikes, x.iou, x.precision, x.recall, x.first_difference)
            for x in self.layers
        )
        return html_table("identical" if self.identical else "different", columns, rows)

    @property
    def identical(self) -> bool:
        """Every spike, and every membrane that both records hold, is the same."""
        return all(layer.identical for layer in self.layers)

    @property
    def silent_layers(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers if layer.silent)

    def to_json(self) -> dict[str, Any]:
        return {layer.name: layer.to_json() for layer in self.layers}

    def __str__(self) -> str:
        lines = [
            f"{'layer':<8}{'reference':>10}{'other':>10}{'IoU':>9}{'precision':>11}{'recall':>9}  first difference"
        ]
        return "\n".join(lines + [_line(layer) for layer in self.layers])


def compare(reference: SpikeRecord, other: SpikeRecord, layers: Sequence[str] | None = None) -> Comparison:
    """Compare two records of one clip, layer by layer.

    Spikes are compared as sets of (t, c, y, x). Membranes are compared exactly where both records hold them in the same
    units: both integer, or both float.

    Args:
        layers: names to compare; default: all layers, and then both records must hold the same ones.

    Raises:
        RecordError: a layer is missing in one record, or membranes have other shapes.
    """
    names = _common_layers(reference, other) if layers is None else list(layers)
    return Comparison(tuple(_compare_layer(name, reference, other) for name in names))


def _common_layers(reference: SpikeRecord, other: SpikeRecord) -> Iterable[str]:
    if set(reference.spikes) != set(other.spikes):
        raise RecordError(
            f"the records hold other layers: {', '.join(reference.spikes)} against {', '.join(other.spikes)}; "
            "name those to compare in `layers`"
        )
    return reference.spikes


def _compare_layer(name: str, reference: SpikeRecord, other: SpikeRecord) -> LayerComparison:
    for record, which in ((reference, "reference"), (other, "other")):
        if name not in record.spikes:
            raise RecordError(f"the {which} record holds no layer `{name}`, only {', '.join(record.spikes)}")
    expected, found = reference.spikes[name], other.spikes[name]
    reference_keys, other_keys = _keys(expected, found)
    only_reference = expected[~np.isin(reference_keys, other_keys)]
    only_other = found[~np.isin(other_keys, reference_keys)]
    return LayerComparison(
        name,
        len(expected),
        len(found),
        len(expected) - len(only_reference),
        _first(only_reference, only_other),
        _compare_membranes(name, reference.membranes.get(name), other.membranes.get(name)),
    )


def _keys(*tables: NDArray[np.int32]) -> list[NDArray[Any]]:
    """One key a row, equal in all tables where the rows are equal.

    It is the number of the row's place in the box around all rows, since whole numbers compare many times faster than
    records; where the box has more places than an int64 can count, it is the row itself as a record.
    """
    rows = np.concatenate(tables, dtype=np.int64)
    if not len(rows):
        return [np.zeros(0, np.int64) for _ in tables]
    lowest = rows.min(axis=0)
    box = rows.max(axis=0) - lowest + 1
    if math.prod(map(int, box)) >= 2**63:
        return [np.ascontiguousarray(table, np.int32).view([("", np.int32)] * 4).ravel() for table in tables]
    weights = np.array([math.prod(map(int, box[k + 1 :])) for k in range(4)])
    return [(table - lowest) @ weights for table in tables]


def _first(only_reference: NDArray[np.int32], only_other: NDArray[np.int32]) -> Difference | None:
    candidates = [
        Difference(Site(*(int(n) for n in min(map(tuple, rows)))), where)
        for rows, where in ((only_reference, "reference"), (only_other, "other record"))
        if len(rows)
    ]
    return min(candidates, key=lambda difference: difference.site, default=None)


def _compare_membranes(
    name: str, reference: NDArray[Any] | None, other: NDArray[Any] | None
) -> MembraneDifference | None:
    if reference is None or other is None or reference.dtype.kind != other.dtype.kind:
        return None
    if reference.shape != other.shape:
        raise RecordError(f"membranes of `{name}` have shapes {reference.shape} and {other.shape}")
    places = np.argwhere(reference != other)
    if not len(places):
        return None
    c, y, x = (int(n) for n in places[0])
    return MembraneDifference(c, y, x, float(reference[c, y, x]), float(other[c, y, x]), len(places))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _plain(difference: Difference | MembraneDifference | None) -> dict[str, Any] | None:
    if isinstance(difference, Difference):
        return {**difference.site._asdict(), "only_in": difference.only_in}
    return None if difference is None else asdict(difference)


def _line(layer: LayerComparison) -> str:
    ratios = "".join(
        f"{'-' if ratio is None else format(ratio, '.4f'):>{width}}"
        for ratio, width in ((layer.iou, 9), (layer.precision, 11), (layer.recall, 9))
    )
    notes = [] if layer.first_difference is None else [str(layer.first_difference)]
    if layer.membrane_difference is not None:
        notes.append(f"membrane of {layer.membrane_difference}")
    return f"{layer.name:<8}{layer.reference_spikes:>10}{layer.other_spikes:>10}{ratios}  {'; '.join(notes) or 'none'}"
