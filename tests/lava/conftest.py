"""Our package comes first: on Python >= 3.11 it repairs Lava's import, which the tests do themselves."""

import spikeseg_lava.lava  # noqa: F401  # pyright: ignore[reportUnusedImport]
