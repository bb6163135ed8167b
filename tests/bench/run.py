"""`make bench`: every bench in turn, each in a process of its own; figures on stdout.

The machines are shared and noisy: what counts are medians of alternating runs and ratios within one call.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCHES = ("startup", "deck", "attach", "link", "overhead", "throughput")


def main() -> int:
    """Run all, or those that are named; 1 when one of them failed."""
    failed = 0
    for name in sys.argv[1:] or BENCHES:
        failed |= subprocess.run(
            [sys.executable, "-m", f"tests.bench.{name}"], cwd=ROOT, check=False
        ).returncode
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
