"""What the README promises: the example spikes, Lava's line is the error's, and the packaged page has no dead link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from spikeseg_lava.lava.python_support import INSTALL

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_is_ten_lines_or_less_and_spikes_as_pasted(tmp_path: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert re.search(r"SpikeRecord\(event, 16 steps, conv1 \d+, .*conv3 [1-9]\d*\)", done.stdout)
    assert "Verification(pass" in done.stdout


def test_the_line_that_installs_lava_is_the_one_of_the_error() -> None:
    assert INSTALL in README
    assert INSTALL in (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")


def test_the_packaged_page_has_absolute_links_only() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    page = README
    for pattern, replacement in re.findall(r"pattern = '(.*)'\nreplacement = '(.*)'", settings):
        page = re.sub(pattern, replacement, page)
    assert re.findall(r"\]\((?!https://)", README)
    assert not re.findall(r"\]\((?!https://)", page)
    assert "`docs/tutorial.md`" in page


def test_glossary_has_its_words() -> None:
    words = ("theta", "payload", "plane", "oracle", "fire-once", "floor", "IoU", "lowering", "causal", "step, bin")
    rows = [line.split("|")[1].strip() for line in README.splitlines() if line.startswith("| ")]
    assert [word for word in (*words, "sample", "window", "clip", "recording") if word not in rows] == []
