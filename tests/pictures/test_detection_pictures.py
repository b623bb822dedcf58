"""Still, film and page are written for anything found, or refused with one line, and never left half-written."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from builders.objects import a_recording, an_object, detected
from PIL import Image

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.pictures.animation import animate
from spikeseg_lava.pictures.recording import draw_detections
from spikeseg_lava.pictures.space_time import write_space_time
from spikeseg_lava.pictures.style import (
    Label,
    colour_of,
    draw_labels,
    draw_sky,
    new_figure,
    share_drawn,
    some_events,
    surest,
)

RECORDING = a_recording()
FOUND = detected(an_object(1), an_object(2, range(0, 3), 15))
EMPTY = a_recording(0)


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_still_in_each_format(tmp_path, suffix, head):
    draw_detections(RECORDING, FOUND, tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes().startswith(head)


@pytest.mark.parametrize(
    ("recording", "found"),
    [
        (RECORDING, detected()),
        (EMPTY, detected(saliency=False)),
        (RECORDING, detected(*(an_object(n, [n % 10]) for n in range(1, 16)))),
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
        "x (pixel)",
        "time (s)",
        "not a probability",
    ):
        assert words in text
    assert "1: class 0, 15 spikes, 20 pixel/s, confidence 0.83" in text


def test_objects_change_the_picture(tmp_path):
    draw_detections(RECORDING, FOUND, tmp_path / "a.png")
    draw_detections(RECORDING, detected(an_object(1)), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_film_has_a_picture_for_each_step(tmp_path):
    animate(RECORDING, FOUND, tmp_path / "a.gif", fps=5)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 10  # type: ignore[attr-defined]
        assert film.info["duration"] == 200


def test_box_is_drawn_when_and_where_the_object_was(tmp_path):
    """The colour of object 1 shows as a box in step 2 and not before; in the last step a pale trail is left."""
    animate(RECORDING, detected(an_object(1)), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as film:
        amounts = []
        for step in (1, 2, 9):
            film.seek(step)
            picture = np.asarray(film.convert("RGB")).astype(int)
            amounts.append(int((np.abs(picture - [255, 93, 59]).sum(axis=2) < 40).sum()))
    assert amounts[0] == 0
    assert amounts[1] > 300
    assert amounts[2] < 50


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


def scene_of(page: str) -> dict[str, Any]:
    start = page.index("const scene = ") + len("const scene = ")
    return json.JSONDecoder().raw_decode(page[start:])[0]


def numbers(text: str, kind: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_page_needs_no_network_and_holds_events_and_objects(tmp_path):
    write_space_time(RECORDING, FOUND, tmp_path / "a.html", title="night.txt seen by <net>.pt")
    page = (tmp_path / "a.html").read_text()
    assert not re.search(r"(src|href)=", page)
    assert "<title>night.txt seen by &lt;net&gt;.pt: 2 objects in 1 s; 400 events</title>" in page
    scene = scene_of(page)
    assert (numbers(scene["x"], "<u2") == RECORDING.x).all()
    assert (numbers(scene["y"], "<u2") == RECORDING.y).all()
    assert (numbers(scene["p"], "u1") == RECORDING.p).all()
    np.testing.assert_allclose(numbers(scene["t"], "<f4"), (RECORDING.t - FOUND.start_us) / 1e6, rtol=1e-6)
    names = [found["name"] for found in scene["objects"]]
    assert names == ["object 1: class 0, confidence 0.83", "object 2: class 0, confidence 0.75"]
    assert [found["colour"] for found in scene["objects"]] == [colour_of(found) for found in FOUND.objects]
    assert len(scene["objects"][1]["seen"]) == 3


def test_page_of_many_events_is_small_and_says_what_is_left_out(tmp_path):
    write_space_time(a_recording(60_000), FOUND, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert len(page) < 2_000_000
    assert "50,000 of 60,000 events" in page
    assert len(numbers(scene_of(page)["x"], "<u2")) == 50_000


def test_labels_keep_clear_of_each_other_and_stay_inside():
    figure = new_figure(6, 4)
    axes = figure.subplots()
    draw_sky(axes, (90, 120), "title")
    draw_labels(axes, [Label(str(n), 119, 0, "red") for n in range(14)])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 14
    inside = axes.get_window_extent()
    for k, box in enumerate(boxes):
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1
        assert not any(box.overlaps(other) for other in boxes[:k])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
def test_page_draws_in_a_browser(tmp_path):
    write_space_time(RECORDING, FOUND, tmp_path / "a.html")
    subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         f"--user-data-dir={tmp_path / 'browser'}", "--window-size=800,600", "--virtual-time-budget=3000",
         f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "a.html").as_uri()],
        check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).astype(int)
    red, teal = ((np.abs(picture - colour).sum(axis=2) < 40).sum() for colour in ([255, 93, 59], [59, 214, 198]))
    assert min(red, teal) > 100


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
    assert len({colour_of(an_object(n)) for n in range(1, 41)}) == 40
    assert [found.id for found in surest([an_object(1, [0]), an_object(2)], 1)] == [2]
