"""Networks, models, clips, recordings and files that several test packages build: one builder for each kind."""

from __future__ import annotations
