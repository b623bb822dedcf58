"""The page in a real browser: it lays out, nothing is cut off, nothing overflows, and there is ink on the paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from builders.models import pooled_model, pooled_run
from matplotlib.image import imread

from spikeseg_lava.chip.report.html import save_html
from spikeseg_lava.chip.report.report import compose_report

MEASURE = """<script>
const page = document.documentElement, bad = [];
for (const node of document.querySelectorAll("main > *")) {
  const box = node.getBoundingClientRect();
  if (box.width < 100 || box.height < 20 || box.right > page.clientWidth + 1) bad.push(node.id || node.tagName);
}
const picture = document.querySelector("#spikes img");
page.dataset.seen = [page.scrollWidth, page.clientWidth, page.scrollHeight, picture.naturalWidth,
  document.querySelector(".diagram").getBoundingClientRect().width | 0, bad.join("+") || "none"].join(" ");
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium here: install it to look at the report in a real browser")
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    frames, record = pooled_run()
    save_html(compose_report(pooled_model(), frames=frames, record=record, title="A small model"), path)
    return path


def browse(chromium: str, page: Path, profile: Path, *wish: str, width: int = 1200) -> str:
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    )  # fmt: skip
    command = [chromium, *quiet, f"--user-data-dir={profile}", f"--window-size={width},1600", *wish, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout


@pytest.mark.parametrize("width", [1200, 600])
def test_layout_fits_the_window(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    measured = tmp_path / "measured.html"
    measured.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    dom = browse(chromium, measured, tmp_path / "profile", "--dump-dom", width=width)
    seen = re.search(r'data-seen="([^"]*)"', dom)
    assert seen is not None
    scroll, client, height, picture, diagram, bad = seen[1].split()
    assert bad == "none"
    assert int(scroll) <= int(client) == width
    assert int(height) > 1500
    assert int(picture) > 600
    assert int(diagram) >= 400


def test_there_is_ink_on_the_paper(chromium: str, page: Path, tmp_path: Path) -> None:
    browse(chromium, page, tmp_path / "profile", f"--screenshot={tmp_path / 'page.png'}")
    picture = imread(tmp_path / "page.png")
    assert picture.shape[:2] == (1600, 1200)
    paper = picture[..., :3].mean(axis=2)
    assert 0.85 < paper.mean() < 0.999
    bands = paper.reshape(16, 100, 1200)
    assert (bands.min(axis=(1, 2)) < 0.6).sum() >= 14
