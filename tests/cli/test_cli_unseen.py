"""`verify --calibration A --on B`: integers chosen on one file, compared on others."""

from __future__ import annotations

import json
from pathlib import Path

from spikeseg_lava import demo
from spikeseg_lava.events.clip import load_clip, save_clip


def test_clips_not_seen_are_compared_and_drawn(cli) -> None:
    clip = load_clip(demo.clip_path())
    for name, frames in (("a", clip), ("b", clip[:, :, ::-1])):
        save_clip(f"{name}.npz", frames)
    options = ("--calibration", "a.npz", "--on", "a.npz", "--plot", "seen.png", "--json")
    done = cli("verify", str(demo.checkpoint_path()), "b.npz", *options)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert {(cell["calibration"], cell["clip"]) for cell in told["cells"]} == {
        (chosen, clip) for chosen in ("no clip", "a.npz") for clip in ("a.npz", "b.npz")
    }
    assert {cell["clip"] for cell in told["cells"] if cell["seen"]} == {"a.npz"}
    assert told["worst"] >= 0.99
    assert Path("seen.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_has_its_integers_already(cli, tmp_path: Path) -> None:
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
    from spikeseg_lava.quantization.quantize import quantize

    quantize(load_checkpoint(demo.checkpoint_path()), rounding="nearest").save("model.slm")
    done = cli("verify", "model.slm", str(demo.clip_path()), "--calibration", str(demo.clip_path()))
    assert done.code != 0
    assert "give a checkpoint" in done.err
