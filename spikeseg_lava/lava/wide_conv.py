"""Lava's own fixed-point Conv model with its geometry held in 32 bit.

Lava keeps kernel, padding and stride in int8. Since numpy 2 a Python integer that does not fit is an OverflowError in
the sum `width + 2 * padding`, so the model fails on images of 128 pixels and more. The arithmetic is Lava's.
"""

from __future__ import annotations

import numpy as np
from lava.magma.core.model.py.type import LavaPyType
from lava.proc.conv.models import PyConvModelFixed


class PyWideConvModelFixed(PyConvModelFixed):
    """`PyConvModelFixed` for images of any size, to be chosen by `exception_proc_model_map`."""

    kernel_size: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)  # type: ignore[assignment]
    stride: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)  # type: ignore[assignment]
    padding: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)  # type: ignore[assignment]
    dilation: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)  # type: ignore[assignment]
    groups: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=8)  # type: ignore[assignment]
