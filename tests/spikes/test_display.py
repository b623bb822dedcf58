"""Results show themselves in one line, and as HTML in a notebook; what is in files cannot add markup."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import spikeseg_lava as sl
from spikeseg_lava import demo
from spikeseg_lava.network.description import describe
from spikeseg_lava.spikes.record import MOST_ROWS, html_table, text_table


@pytest.fixture(scope="module")
def shown() -> dict[str, object]:
    network, frames = sl.load_checkpoint(demo.checkpoint_path()), sl.load_clip(demo.clip_path())
    model = sl.quantize(network, planes=1, input_bits=8)
    record = sl.run(model, frames, "event")
    verification = sl.verify(model, frames, network, backend="event")
    return {
        "network": network,
        "model": model,
        "record": record,
        "comparison": verification.fidelity,
        "verification": verification,
        "decoded": sl.decode(record, model),
        "recording": sl.read_recording(demo.events_path(), sensor_size=(96, 128)),
        "report": sl.build_report(model),
    }


NAMES = ("network", "model", "record", "comparison", "verification", "decoded", "recording", "report")


@pytest.mark.parametrize("name", NAMES)
def test_repr_is_one_short_line(shown: dict[str, object], name: str) -> None:
    text = repr(shown[name])
    assert "\n" not in text
    assert len(text) < 200
    assert text.startswith(type(shown[name]).__name__ + "(")


@pytest.mark.parametrize("name", NAMES)
def test_html_is_a_table(shown: dict[str, object], name: str) -> None:
    page = shown[name]._repr_html_()  # type: ignore[attr-defined]
    assert page.count("<table>") == page.count("</table>") > 0
    assert len(page) < 60_000
    assert ("data:image/png" in page) == (name in ("record", "decoded", "recording"))


def test_record_names_backend_steps_and_counts() -> None:
    record = sl.SpikeRecord({"conv1": np.zeros((3, 4), np.int32)}, {}, {"backend": "event", "steps": 10})
    assert repr(record) == "SpikeRecord(event, 10 steps, conv1 3)"
    assert repr(sl.SpikeRecord({})) == "SpikeRecord()"
    assert "<img" not in record._repr_html_()


def test_what_files_say_is_escaped(shown: dict[str, object]) -> None:
    recording = shown["recording"]
    assert isinstance(recording, sl.Recording)
    page = replace(recording, source={"path": "<script>alert(1)</script>"})._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_long_tables_are_cut() -> None:
    page = html_table("t", ("n",), [(n,) for n in range(MOST_ROWS + 3)])
    assert page.count("<tr>") == MOST_ROWS + 1
    assert "3 more" in page


def test_text_table_aligns_numbers_and_leaves_out_empty_columns() -> None:
    assert text_table(("a", "n", "x"), [("bb", 1000, None), ("c", 2, None)]) == "a       n\nbb  1,000\nc       2"


def test_description_prints_as_a_table_of_80_columns(shown: dict[str, object]) -> None:
    for name in ("network", "model"):
        lines = str(describe(shown[name])).splitlines()  # type: ignore[arg-type]
        assert lines[0].split()[:3] == ["layer", "kind", "kernel"]
        assert [line.split()[0] for line in lines[1:6]] == ["conv1", "pool1", "conv2", "pool2", "conv3"]
        assert "74,496 neurons" in lines[-1]
        assert max(map(len, lines[:-1])) <= 100
