"""The matrix of unseen clips as a picture: rows what the integers were chosen on, columns what they were run on."""

from __future__ import annotations

import os

import numpy as np

from spikeseg_lava.execution.unseen import UnseenMatrix
from spikeseg_lava.files import writing

LOWEST = 0.9  # of the colours: what is below looks alike


def save_unseen_matrix(matrix: UnseenMatrix, path: str | os.PathLike[str]) -> None:
    """Write the worst IoU over layers of every pair as a table of colours (.png, .pdf, .svg)."""
    from matplotlib.figure import Figure

    worst = matrix.worst_by_clip()
    rows, columns = (list(dict.fromkeys(key[k] for key in worst)) for k in (0, 1))
    values = np.array([[worst[row, column] for column in columns] for row in rows], float)
    figure = Figure(figsize=(2.5 + 0.9 * len(columns), 1.5 + 0.5 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=LOWEST, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("run on")
    axes.set_ylabel("quantized on")
    for (y, x), value in np.ndenumerate(values):
        text = "-" if np.isnan(value) else f"{value:.4f}"
        axes.text(x, y, text, ha="center", va="center", color="white" if value < 0.97 else "black", fontsize=8)
    figure.colorbar(image, label="worst spike IoU of a layer")
    with writing(path) as file:
        figure.savefig(file, format=os.fspath(path).rpartition(".")[2], dpi=150)
