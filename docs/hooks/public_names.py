"""Fills the page of public names from the one table that holds them, the stub of the package."""

import re
from pathlib import Path
from typing import Any

STUB = Path(__file__).resolve().parents[2] / "spikeseg_lava" / "__init__.pyi"
ROOMS = {
    "exchange": "Networks come and go",
    "network": "Networks, in floats and in integers",
    "quantization": "From floats to integers",
    "events": "Events",
    "execution": "Run, verify, stream",
    "spikes": "Spikes and their comparison",
    "chip": "Rules of the chip, and the report",
    "stock": "Stock parts",
    "decoding": "From spikes to pixels",
    "detection": "Objects",
}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Append every public name below the heading of the room it comes from."""
    return markdown + entries(STUB.read_text(encoding="utf-8")) if page.file.src_uri == "api.md" else markdown


def entries(stub: str) -> str:
    """Directives of mkdocstrings for the names of `stub`, room by room; rooms without a heading come last."""
    names = re.findall(r"^from \.([\w.]+) import (\w+)", stub, re.MULTILINE)
    rooms = {home.partition(".")[0]: [] for home, _ in names}
    for home, name in names:
        rooms[home.partition(".")[0]].append(f"::: spikeseg_lava.{home}.{name}\n    options: {{ heading_level: 3 }}\n")
    order = [*ROOMS, *(room for room in rooms if room not in ROOMS)]
    return "\n".join(f"\n## {ROOMS.get(room, room)}\n\n" + "\n".join(rooms[room]) for room in order if room in rooms)
