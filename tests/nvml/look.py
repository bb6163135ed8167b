"""Reads the machine as the engine does, in a process of its own; its arguments are what to do.

`read`, `wait SECONDS`, `touch PATH`, `remove PATH`, `processes INDEX`; each `read` and `processes`
prints a line of JSON.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from engine.gpu import Snapshot, Telemetry


def main(words: list[str]) -> None:
    """Do one after the other."""
    now = 0.0
    shot: Snapshot | None = None
    with Telemetry(clock=lambda: now) as telemetry:
        waiting = iter(words)
        for word in waiting:
            if word == "read":
                shot = telemetry.read()
                print(json.dumps(asdict(shot)))
            elif word == "wait":
                now += float(next(waiting))
            elif word == "touch":
                Path(next(waiting)).touch()
            elif word == "remove":
                Path(next(waiting)).unlink()
            elif word == "processes" and shot is not None:
                gpu = shot.gpus[int(next(waiting))]
                print(json.dumps(telemetry.processes_on(gpu)))


if __name__ == "__main__":
    main(sys.argv[1:])
