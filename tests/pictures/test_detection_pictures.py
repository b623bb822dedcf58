"""Still, film and page are written for anything found, or refused with one line, and never left half-written."""

from __future__ import annotations

import json
import re

import found_objects as made
import numpy as np
import pytest
from PIL import Image

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.pictures.animation import animate
from spikeseg_lava.pictures.recording import draw_detections
from spikeseg_lava.pictures.space_time import write_space_time
from spikeseg_lava.pictures.style import MOST_COLOURS, colour_of, share_drawn, some_events, surest

RECORDING = made.a_recording()
FOUND = made.detected(made.an_object(1), made.an_object(2, range(0, 3), 15))
EMPTY = made.a_recording(0)


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_still_in_each_format(tmp_path, suffix, head):
    draw_detections(RECORDING, FOUND, tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes().startswith(head)


@pytest.mark.parametrize(
    ("recording", "found"),
    [
        (RECORDING, made.detected()),
        (EMPTY, made.detected(saliency=False)),
        (RECORDING, made.detected(*(made.an_object(n, [n % 10]) for n in range(1, 16)))),
    ],
    ids=["nothing found", "nothing seen", "more than are named"],
)
def test_draws_whatever_was_found(tmp_path, recording, found):
    draw_detections(recording, found, tmp_path / "a.png")
    animate(recording, found, tmp_path / "a.gif", step_us=500_000)
    write_space_time(recording, found, tmp_path / "a.html")
    assert all((tmp_path / f"a.{suffix}").stat().st_size > 5000 for suffix in ("png", "gif", "html"))


def test_still_says_what_is_where(tmp_path):
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        draw_detections(RECORDING, FOUND, tmp_path / "a.svg", title="One night")
    text = (tmp_path / "a.svg").read_text()
    for words in (
        "One night: 2 objects in 1 s",
        "400 events",
        "x (pixel of the sensor)",
        "time (s)",
        "not a probability",
    ):
        assert words in text
    assert "1: class 0, 15 spikes, 20 pixel/s, confidence 0.83" in text


def test_objects_change_the_picture(tmp_path):
    draw_detections(RECORDING, FOUND, tmp_path / "a.png")
    draw_detections(RECORDING, made.detected(made.an_object(1)), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_film_has_a_picture_for_each_step(tmp_path):
    animate(RECORDING, FOUND, tmp_path / "a.gif", fps=5)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 10  # type: ignore[attr-defined]
        assert film.info["duration"] == 200


def test_box_is_drawn_when_and_where_the_object_was(tmp_path):
    """The colour of object 1 shows as a box in step 2 and not before; in the last step only its trail is left."""
    animate(RECORDING, made.detected(made.an_object(1)), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        amounts = []
        for step in (1, 2, 9):
            film.seek(step)
            picture = np.asarray(film.convert("RGB")).astype(int)
            amounts.append(int((np.abs(picture - [255, 93, 59]).sum(axis=2) < 40).sum()))
    assert amounts[0] == 0
    assert amounts[1] > 300 > amounts[2]


def test_film_as_mp4(tmp_path):
    animate(RECORDING, FOUND, tmp_path / "a.mp4", step_us=250_000)
    assert b"ftyp" in (tmp_path / "a.mp4").read_bytes()[:16]


def test_interrupted_film_leaves_nothing(tmp_path):
    def stop(starts):
        yield starts[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        animate(RECORDING, FOUND, tmp_path / "a.gif", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_page_needs_no_network_and_holds_the_objects(tmp_path):
    write_space_time(RECORDING, FOUND, tmp_path / "a.html", most_events=100)
    page = (tmp_path / "a.html").read_text()
    assert not re.search(r'<script[^>]*src="http', page)
    start = page.index('[{"', page.index("Plotly.newPlot("))
    traces, _ = json.JSONDecoder().raw_decode(page[start:])
    names = [trace["name"] for trace in traces if trace.get("showlegend", True)]
    assert names[2:] == ["object 1: class 0, confidence 0.83", "object 2: class 0, confidence 0.75"]
    assert "100 of 400 events" in page


@pytest.mark.parametrize("draw", [draw_detections, animate, write_space_time])
def test_unknown_format_and_missing_folder(tmp_path, draw):
    with pytest.raises(ArgumentError, match=r"must end in one of \..*, got"):
        draw(RECORDING, FOUND, tmp_path / "a.bmp")
    suffix = {draw_detections: "png", animate: "gif", write_space_time: "html"}[draw]
    with pytest.raises(ArgumentError, match="does not exist"):
        draw(RECORDING, FOUND, tmp_path / "none" / f"a.{suffix}")


@pytest.mark.parametrize("bad", [{"fps": 0}, {"step_us": 0}])
def test_impossible_film(tmp_path, bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        animate(RECORDING, FOUND, tmp_path / "a.gif", **bad)


def test_events_drawn_are_the_same_every_time():
    chosen = some_events(RECORDING, 50)
    np.testing.assert_array_equal(chosen, some_events(RECORDING, 50))
    assert len(np.unique(chosen)) == 50
    assert len(some_events(RECORDING, 1000)) == 400
    assert share_drawn(400, 400) == "400 events"


def test_objects_keep_their_colours():
    assert colour_of(made.an_object(1)) != colour_of(made.an_object(2))
    assert colour_of(made.an_object(1)) == colour_of(made.an_object(1 + MOST_COLOURS))
    assert [found.id for found in surest([made.an_object(1, [0]), made.an_object(2)], 1)] == [2]
