"""From a surveyed file to clean events: what the survey decides, and the repairs of each block that follow from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import repair
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, RawLabels, TimeUnit, guessed_unit
from spikeseg_lava.events.recording import Labels
from spikeseg_lava.events.sensor import Sensor, sensor_of, size_from_name
from spikeseg_lava.events.stream import Events, EventStream, in_order
from spikeseg_lava.events.survey import Survey, TimeOrder, checksum_of, running_crc

Blocks = Callable[[], Iterable[RawEvents]]


@dataclass(frozen=True)
class Cleaning:
    """How every block of a recording is cleaned.

    Attributes:
        unit, unit_from: of its times, and what told it.
        wrapped: its clock is one of 32 bit that began anew.
        brighter: the polarity code that means brighter.
        guesses: what was assumed, as sentences.
    """

    sensor: Sensor
    unit: TimeUnit
    unit_from: str
    wrapped: bool
    brighter: int
    guesses: tuple[str, ...]

    def block(self, raw: RawEvents, clock: repair.Clock) -> Events:
        """The clean events of the next block, in file order; those outside the sensor are left out."""
        x, y, _ = repair.whole_coordinates(raw.x, raw.y)
        x, y = x - self.sensor.first_pixel, y - self.sensor.first_pixel
        t = repair.microseconds(clock.unrolled(repair.signed(raw.t)) if self.wrapped else raw.t, self.unit)
        kept = repair.inside(x, y, self.sensor.size)
        events = Events(x.astype(np.int32), y.astype(np.int32), t, (raw.p == self.brighter).astype(np.uint8))
        return events if kept.all() else events[kept]


def cleaned(
    blocks: Blocks, path: str | os.PathLike[str], file_format: str, size: Size | None, unit: TimeUnit | None
) -> tuple[EventStream, tuple[str, ...]]:
    """The stream of clean events over raw `blocks`, and what had to be guessed; RecordingError where it cannot be."""
    survey = surveyed(blocks(), size_from_name(path))
    cleaning = decided(survey, size, unit)
    order, count, unit = _without_outsiders(blocks, survey, cleaning)
    start, stop = repair.microseconds(np.array([order.lowest, order.highest]), unit).tolist()
    delay = int(repair.microseconds(np.array([order.delay]), unit)[0]) + 1 if order.delay else 0
    repairs = {
        **_repairs(survey, cleaning),
        "events outside the sensor dropped": survey.count - count,
        "events out of time order sorted": order.late,
    }
    stream = EventStream(
        cleaning.sensor.size,
        start,
        stop,
        count,
        checksum_of(survey.crc),
        lambda: in_order(_clean_blocks(blocks(), cleaning, survey.crc), delay),
        _labels(survey.checked().labels, cleaning.sensor, cleaning.unit),
        _source(path, file_format, cleaning),
        {name: int(count) for name, count in repairs.items() if count},
    )
    return stream, cleaning.guesses


def surveyed(blocks: Iterable[RawEvents], named: Size | None) -> Survey:
    """The survey of all blocks."""
    survey = Survey(named)
    for raw in blocks:
        survey.add(raw)
    return survey


def decided(survey: Survey, size: Size | None, unit: TimeUnit | None) -> Cleaning:
    """How the surveyed recording is cleaned, with sensor `size` and time `unit` where the caller gave them."""
    raw = survey.checked()
    guesses = raw.guesses
    unit_from = "argument" if unit else raw.unit_from
    unit = unit or raw.time_unit
    if unit is None:
        unit, reason = guessed_unit(survey.times)
        rule = "fractions" if survey.fractions else "whole numbers"
        unit_from = f"guess: {reason}" if reason else f"rule: {rule}"
        if reason:
            guesses += (f"times are taken as {unit} because {reason}; give `time_unit` if they are not",)
    sensor = sensor_of(survey, size)
    if sensor.told_by == "largest coordinate":
        height, width = sensor.size
        guesses += (f"the sensor is taken as {width}x{height}, by the largest coordinates; give `sensor_size` if not",)
    wrapped = unit == "us" and survey.clock.is_wrapped(survey.order.lowest, survey.order.highest)
    brighter = repair.brighter_code(survey.codes)
    return Cleaning(sensor, unit, unit_from, wrapped, brighter, guesses)


def _clean_blocks(blocks: Iterable[RawEvents], cleaning: Cleaning, expected: tuple[int, ...]) -> Iterator[Events]:
    clock, crc = repair.Clock(), running_crc(Events.joined([]))
    for raw in blocks:
        if len(raw.t):
            crc = running_crc(raw, crc)
            yield cleaning.block(raw, clock)
    if crc != expected:
        raise RecordingError("the file has changed while it was read: its events are not those of the first pass")


def _without_outsiders(blocks: Blocks, survey: Survey, cleaning: Cleaning) -> tuple[TimeOrder, int, TimeUnit]:
    """Order and number of the events on the sensor, and the unit of that order.

    The file is gone through for that only where events lie outside.
    """
    sensor, (height, width) = cleaning.sensor, cleaning.sensor.size
    if survey.lowest.min() >= sensor.first_pixel and all(survey.highest - sensor.first_pixel < (width, height)):
        order = survey.unrolled if cleaning.wrapped and survey.unrolled is not None else survey.order
        return order, survey.count, cleaning.unit
    inside = Survey()
    for events in _clean_blocks(blocks(), cleaning, survey.crc):
        inside.add(RawEvents(events.x, events.y, events.t, events.p))
    if not inside.count:
        raise RecordingError(
            f"no event lies on the sensor of {height}x{width} (height x width, from the {sensor.told_by}); x runs from "
            f"{survey.lowest[0]} to {survey.highest[0]}, y from {survey.lowest[1]} to {survey.highest[1]}. Give the "
            "right `sensor_size`"
        )
    return inside.order, inside.count, "us"


def _repairs(survey: Survey, cleaning: Cleaning) -> dict[str, int]:
    moved = survey.checked().first_pixel is None and cleaning.sensor.first_pixel
    return {
        **survey.repairs,
        "fractional coordinates rounded": survey.rounded,
        "32-bit clock overflows undone": survey.clock.falls if cleaning.wrapped else 0,
        "events counted from pixel 1 moved by one": survey.count if moved else 0,
    }


def _labels(found: RawLabels | None, sensor: Sensor, unit: TimeUnit) -> Labels | None:
    if found is None:
        return None
    if not len(found.x) == len(found.y) == len(found.t) == len(found.id):
        raise RecordingError("the columns of the labels differ in length: the file is truncated or of another kind")
    x, y = (column.astype(np.float64) - sensor.first_pixel for column in (found.x, found.y))
    return Labels(x, y, repair.microseconds(found.t, unit), found.id.astype(np.int64))


def _source(path: str | os.PathLike[str], file_format: str, cleaning: Cleaning) -> dict[str, Any]:
    sensor = cleaning.sensor
    facts = {"path": os.fspath(path), "format": file_format, "sensor_size": sensor.told_by}
    unit = {"time_unit": cleaning.unit, "time_unit_from": cleaning.unit_from}
    return {**facts, "one_based": sensor.first_pixel == 1, **unit}
