"""True and false, positive and negative volumes, and the three figures made of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Counted volumes.

    Attributes:
        tp, fn: label volumes with and without a detection.
        fp, tn: other volumes with and without a detection.
        false_detections: detections outside every label volume.
        seconds: time looked at.
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    tn: int = 0
    false_detections: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.tp + other.tp,
            self.fn + other.fn,
            self.fp + other.fp,
            self.tn + other.tn,
            self.false_detections + other.false_detections,
            self.seconds + other.seconds,
        )

    @property
    def sensitivity(self) -> float | None:
        """TP / (TP + FN); None where nothing was labelled."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def specificity(self) -> float | None:
        """TN / (TN + FP); None where there was nothing but labels."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else None

    @property
    def informedness(self) -> float | None:
        """Sensitivity + specificity - 1: 1 is perfect, 0 is chance; None where one of them is."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return self.sensitivity + self.specificity - 1

    @property
    def false_per_minute(self) -> float | None:
        """Detections outside every label volume, per minute of recording."""
        return self.false_detections * 60 / self.seconds if self.seconds else None
