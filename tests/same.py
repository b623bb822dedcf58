"""One comparison for all formats."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from spikeseg_lava.events.recording import Recording


def assert_same_events(recording: Recording, events: SimpleNamespace) -> None:
    """The recording holds exactly the columns of `events`."""
    assert recording.size == events.size
    for name in "xytp":
        np.testing.assert_array_equal(getattr(recording, name), getattr(events, name), err_msg=name)
