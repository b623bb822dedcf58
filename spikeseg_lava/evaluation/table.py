"""Results as rows: every recording, every pass seen by two cameras, and all together, network by network."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import Any

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.evaluation.results import Result, Skipped
from spikeseg_lava.evaluation.scores import total
from spikeseg_lava.evaluation.volumes import Counts
from spikeseg_lava.files import write_csv

OVERALL = "overall"
COLUMNS = (
    "recording",
    "network",
    "TP",
    "FN",
    "FP",
    "TN",
    "sensitivity",
    "specificity",
    "informedness",
    "false per minute",
    "spikes",
)


def rows(results: Iterable[Result | Skipped]) -> list[dict[str, Any]]:
    """One dict a recording and network, keys as in `COLUMNS`, None for a figure with nothing to count.

    Recordings of one pass stand together, followed by a row for the pass where there are several of it; rows named
    "overall" end the list. Sums are sums of volumes.
    """
    judged = [result for result in results if isinstance(result, Result)]
    table: list[dict[str, Any]] = []
    for pass_name in dict.fromkeys(result.pass_name for result in judged):
        members = [result for result in judged if result.pass_name == pass_name]
        table += [_row(result.recording, [result]) for result in members]
        if len({result.recording for result in members}) > 1:
            table += _sums(f"pass {pass_name}", members)
    return table + _sums(OVERALL, judged)


def _sums(name: str, results: Sequence[Result]) -> list[dict[str, Any]]:
    networks = dict.fromkeys(result.network for result in results)
    return [_row(name, [result for result in results if result.network == network]) for network in networks]


def _row(name: str, results: Sequence[Result]) -> dict[str, Any]:
    summed = reduce(add, (result.counts for result in results), Counts())
    figures = (summed.sensitivity, summed.specificity, summed.informedness, summed.false_per_minute)
    spikes = sum(result.spikes for result in results)
    values = (name, results[0].network, summed.tp, summed.fn, summed.fp, summed.tn, *map(_rounded, figures), spikes)
    return dict(zip(COLUMNS, values, strict=True))


OBJECT_COLUMNS = (
    "network",
    "true objects",
    "found",
    "fragments",
    "false",
    "precision",
    "recall",
    "F1",
    "centroid error (pixel)",
    "box overlap",
)


def object_score_rows(results: Iterable[Result | Skipped]) -> list[dict[str, Any]]:
    """One dict a network, keys as in `OBJECT_COLUMNS`: the scores of its objects over all recordings."""
    judged = [result for result in results if isinstance(result, Result)]
    table = []
    for network in dict.fromkeys(result.network for result in judged):
        s = total(result.objects for result in judged if result.network == network)
        figures = map(_rounded, (s.precision, s.recall, s.f1, s.centroid_error, s.box_overlap))
        values = (network, s.true, s.found, s.fragments, s.false, *figures)
        table.append(dict(zip(OBJECT_COLUMNS, values, strict=True)))
    return table


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def costs(results: Iterable[Result | Skipped], reference: str) -> list[dict[str, Any]]:
    """What each other network loses and gains against `reference`, over the recordings both were run on.

    Keys: network, against, recordings, lost (label volumes only the reference detects), gained (only the other),
    and the differences of sensitivity, specificity and informedness (other minus reference).

    Raises:
        ArgumentError: there is no result of `reference`.
    """
    judged = {(r.recording, r.network): r for r in results if isinstance(r, Result)}
    networks = list(dict.fromkeys(network for _, network in judged))
    if reference not in networks:
        raise ArgumentError(f"`reference` {reference!r} was not evaluated; there is {', '.join(networks) or 'nothing'}")
    return [_cost(judged, reference, network) for network in networks if network != reference]


def _cost(judged: dict[tuple[str, str], Result], reference: str, network: str) -> dict[str, Any]:
    shared = [name for name, of in judged if of == network and (name, reference) in judged]
    pairs = [(judged[name, reference], judged[name, network]) for name in shared]
    volumes = [seen for a, b in pairs for seen in zip(a.seen, b.seen, strict=True)]
    ours, theirs = (reduce(add, (pair[k].counts for pair in pairs), Counts()) for k in (0, 1))
    figures = {
        name: None if None in (a := getattr(ours, name), b := getattr(theirs, name)) else _rounded(b - a)
        for name in ("sensitivity", "specificity", "informedness")
    }
    lost, gained = (sum(seen == side for seen in volumes) for side in ((True, False), (False, True)))
    return {
        "network": network,
        "against": reference,
        "recordings": len(shared),
        "lost": lost,
        "gained": gained,
        **figures,
    }


def csv_text(results: Iterable[Result | Skipped]) -> str:
    """The rows as CSV with a header line; an empty field where there was nothing to count."""
    text = io.StringIO()
    write_csv(text, COLUMNS, rows(results))
    return text.getvalue()
