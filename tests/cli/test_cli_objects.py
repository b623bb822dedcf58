"""Commands for people with recordings: many files, detection, evaluation, report, bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spikeseg_lava import demo

RECORDING = demo.events_path()


def test_a_sensor_size_the_wrong_way_round_is_refused(cli) -> None:
    done = cli("detect", RECORDING, "--window", 1.6, "--sensor-size", "96x128")
    assert done.code == 2
    assert "`--sensor-size` 96x128 (width x height) leaves out" in done.err


def test_detect_finds_the_satellite_and_writes_everything(cli) -> None:
    done = cli(
        "detect", RECORDING, "--window", 1.6, "--sensor-size", "128x96",
        "--output", "o.csv", "--picture", "p.png", "--animation", "f.gif", "--space-time", "s.html",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "1 object(s) in 1.6 s" in done.out
    assert Path("o.csv").read_text().count("\n") == 2
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")
    assert Path("f.gif").read_bytes().startswith(b"GIF8")
    assert "const scene = " in Path("s.html").read_text()


def test_detect_prints_json_only(cli) -> None:
    done = cli("detect", demo.checkpoint_path(), RECORDING, "--window", 1.6, "--sensor-size", "128x96", "--json")
    found = json.loads(done.out)
    assert found["sensor"] == {"height": 96, "width": 128}
    assert len(found["objects"]) == 1


def test_detect_refuses_an_output_it_cannot_write(cli) -> None:
    done = cli("detect", RECORDING, "--output", "objects.xls")
    assert done.code == 2
    assert ".csv or .json" in done.err


def test_many_recordings_report_the_bad_one_and_resume(cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("not events\n")
    words = ("run", demo.checkpoint_path(), RECORDING, bad, "--window", 0.4, "--output", "spikes")
    done = cli(*words)
    assert done.code == 1
    assert "1 done, 0 done before, 1 failed" in done.out
    assert "bad.txt" in done.out
    again = cli(*words, "--json")
    states = {Path(entry["source"]).name: entry["state"] for entry in json.loads(again.out)["files"]}
    assert states == {RECORDING.name: "skipped", "bad.txt": "failed"}


def test_many_inputs_run_on_the_engine_only(cli) -> None:
    done = cli("run", demo.checkpoint_path(), RECORDING, RECORDING, "--backend", "lava")
    assert done.code == 2
    assert "need event" in done.err


def test_evaluate_sets_the_forms_side_by_side(cli) -> None:
    done = cli("evaluate", "--synthetic", 1, "--window", 1.6, "--json", "--results", "r.json", "--output", "t.csv")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert "sensitivity" in result["definition"]
    assert {row["network"] for row in result["rows"]} == {"float", "fixed-point"}
    assert result["costs"][0]["lost"] == 0
    assert Path("t.csv").read_text().startswith("recording,network,TP")
    assert Path("r.json").exists()


def test_evaluate_needs_something_to_evaluate(cli) -> None:
    assert cli("evaluate").code == 2
    missing = cli("evaluate", "no-such-folder")
    assert missing.code == 2
    assert "no-such-folder" in missing.err


def test_report_says_whether_it_fits_and_explains_a_number(cli) -> None:
    done = cli("report", demo.checkpoint_path(), demo.clip_path(), "--html", "page.html")
    assert done.code == 0, done.err
    assert "within the limits of Loihi 2" in done.out
    assert "<html" in Path("page.html").read_text().lower()
    one = cli("report", demo.checkpoint_path(), "--figure", "conv2.synapses", "--no-simplify")
    assert one.out.startswith("conv2.synapses = ")


def test_report_fails_where_a_rule_is_broken(cli) -> None:
    assert cli("convert", demo.checkpoint_path(), "m.slm", "--target", "loihi2").code == 0
    done = cli("report", "m.slm", "--target", "loihi1", "--json")
    assert done.code == 1
    assert any(finding["severity"] == "error" for finding in json.loads(done.out)["findings"])


@pytest.mark.parametrize("name", ["event engine", "torch float"])
def test_bench_measures_what_is_asked(cli, name: str) -> None:
    done = cli("bench", "--rounds", 1, "--only", name, "--no-curves", "--output", "b.json")
    assert done.code == 0, done.err
    assert name in done.out
    assert json.loads(Path("b.json").read_text())["summary"][name]["ms_per_step"]["median"] > 0


def test_inspect_counts_neurons_of_checkpoint_and_model_alike(cli) -> None:
    assert cli("convert", demo.checkpoint_path(), "m.slm", "--explain").code == 0
    counts = [json.loads(cli("inspect", path, "--json").out)["synapses"] for path in (demo.checkpoint_path(), "m.slm")]
    assert counts[0] == counts[1] > 0
