"""`spikeseg-lava watch`: objects of live events as JSON lines, and on a local page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from spikeseg_lava.cli import options
from spikeseg_lava.cli.console import note
from spikeseg_lava.cli.inputs import DEFAULT_TIMESTEPS, Quantization, integers_of
from spikeseg_lava.cli.networks import read_network, shipped_network
from spikeseg_lava.errors import ArgumentError

if TYPE_CHECKING:
    from spikeseg_lava.events.live import LiveSource
    from spikeseg_lava.network.floats import Pair

UDP = "udp"
LIVE = "Live"


def watch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[NETWORK] SOURCE",
            help="A recording that is replayed, or udp://HOST:PORT to listen on; before it the network; default: the "
            "demo's.",
        ),
    ],
    threshold: options.Threshold = None,
    thresholds: options.ThresholdsOf = options.Thresholds.BUFFERS,
    pools: options.Pools = None,
    dt: options.Dt = None,
    fire_once: options.FireOnce = True,
    window: options.Windows = 1.0,
    timesteps: options.Timesteps = None,
    stride: Annotated[
        int, typer.Option(metavar="STEPS", min=1, help="Steps between two windows.", rich_help_panel=LIVE)
    ] = 1,
    size: options.Size = None,
    sensor_size: options.SensorSize = None,
    binary: options.Binary = False,
    min_spikes: options.MinSpikes = 1,
    speed: Annotated[
        float,
        typer.Option(metavar="FACTOR", help="How fast a recording is replayed; inf: at once.", rich_help_panel=LIVE),
    ] = 1.0,
    layout: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How datagrams pack an event: t64_x16_y16_on8 or t32_x16_y15_on1.",
            rich_help_panel=LIVE,
        ),
    ] = "t64_x16_y16_on8",
    seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="End after so long; default: when the source ends.", rich_help_panel=LIVE),
    ] = math.inf,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Serve the live page on this machine.", rich_help_panel=LIVE)
    ] = True,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where the page listens; others than loopback let others look.",
            rich_help_panel=LIVE,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Of the page; 0: a free one.", rich_help_panel=LIVE)
    ] = 0,
) -> None:
    """Watch events as they come: one JSON line on standard output for each object seen, and a page to look at."""
    from spikeseg_lava.execution.live import LiveDetector, LiveSettings
    from spikeseg_lava.execution.watch import Watch
    from spikeseg_lava.pictures.live_page import LivePage

    if len(words) > 2:
        raise ArgumentError(
            f"`SOURCE` is one recording or address, before it at most a network; got {len(words)} words"
        )
    network_file = Path(words[0]) if len(words) == 2 else shipped_network()
    network = read_network(network_file, options.reading(threshold, thresholds, pools, dt))
    model = integers_of(network, None, Quantization())
    binning = options.binning(timesteps, size, binary, sensor_size)
    steps = timesteps or network.timesteps or DEFAULT_TIMESTEPS
    settings = LiveSettings(
        max(options.microseconds(window) // steps, 1),
        steps,
        stride,
        binning.size,
        binary,
        fire_once,
        min_spikes=min_spikes,
    )
    source = _source(words[-1], binning.sensor_size, layout, speed)
    shown = None
    try:
        detector = LiveDetector(model, source.size, settings)
        if page:
            shown = LivePage(host, port)
            note(f"live page: {shown.url}")
        watching = Watch(source, detector, _say, shown)
        try:
            watching.run(seconds)
        finally:
            note(watching.figures.line(source.drops))
    finally:
        source.close()
        if shown is not None:
            shown.close()


def _say(entry: dict[str, Any]) -> None:
    print(json.dumps(entry), flush=True)


def _source(word: str, sensor_size: Pair | None, layout: str, speed: float) -> LiveSource:
    from spikeseg_lava.events.live import ReplaySource, UdpSource
    from spikeseg_lava.events.read import open_events

    if not word.startswith(f"{UDP}://"):
        return ReplaySource(open_events(word, sensor_size=sensor_size), speed)
    if sensor_size is None:
        raise ArgumentError("`--sensor-size` is needed for datagrams, which do not say it: give width x height")
    source = UdpSource(_address(word), sensor_size, layout)
    note(f"listening on {UDP}://{source.address[0]}:{source.address[1]}")
    return source


def _address(word: str) -> tuple[str, int]:
    try:
        parts = urlsplit(word)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise ArgumentError(f"`SOURCE` must be udp://HOST:PORT, got {word!r}")
    return host, port
