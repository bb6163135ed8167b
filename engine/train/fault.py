"""Points at which a test can kill this worker: `TUNEDECK_FAULT=<point>:<step>:<attempt>`. For tests only."""

import os
import signal

VARIABLE = "TUNEDECK_FAULT"


def point(name: str, step: int, attempt: int) -> None:
    """End this process with SIGKILL if the test asked for this very moment."""
    if os.environ.get(VARIABLE) == f"{name}:{step}:{attempt}":
        os.kill(os.getpid(), signal.SIGKILL)
