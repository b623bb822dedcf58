"""A hundred made-up skies: `python benchmarks/sky.py [CHECKPOINT] [PAGE.html] [SKIES]`. Takes minutes.

Half of the skies choose each variant's threshold, the other half gives the figures. No camera saw these skies.
"""

from __future__ import annotations

import subprocess
import sys


def main() -> None:
    """Run the command that a user would run, with a hundred skies and fifty empty ones."""
    checkpoint, page, skies = [*sys.argv[1:], *["", "sky.html", "100"][len(sys.argv) - 1 :]]
    words = [checkpoint] if checkpoint else []
    command = ["spikeseg-lava", "evaluate", *words, "--sky", skies, "--empty", str(int(skies) // 2), "--page", page]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
