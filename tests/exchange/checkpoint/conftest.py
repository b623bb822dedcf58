"""Saving what a test made up as a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from builders.checkpoints import Save


@pytest.fixture
def saved(tmp_path: Path) -> Save:
    """Save an object with `torch.save` and return the path."""

    def save(contents: Any, **options: Any) -> Path:
        torch.save(contents, tmp_path / "checkpoint.pt", **options)
        return tmp_path / "checkpoint.pt"

    return save
