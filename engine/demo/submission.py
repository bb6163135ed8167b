"""The bundled fine-tune as a job: the same for `tunedeck demo` and for the deck."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import actions
from engine import spec as specs
from engine.job import Job
from engine.plan.preflight import preflight
from engine.spec import JobSpec
from engine.store import Store

SPEC = Path(__file__).parent / "demo.yaml"


@dataclass(frozen=True)
class Queued:
    """The demo's job, what it trains, and what to know about it."""

    job: Job
    spec: JobSpec
    warnings: tuple[str, ...]


def queue_demo(
    store: Store,
    overrides: Sequence[str] = (),
    *,
    by: str,
    environ: Mapping[str, str] = os.environ,
) -> Queued:
    """Check the demo and queue it; takes a few seconds.

    Raises:
        TunedeckError: an override makes no sense, or this machine cannot train it.
    """
    spec = specs.load(SPEC, overrides)
    planned = preflight(spec, environ=environ)
    if planned.error is not None:
        raise planned.error
    job = actions.submit(store, spec, by=by, environ=environ)
    notice = actions.token_notice(store, environ)
    return Queued(job, spec, (*planned.warnings, *((notice,) if notice else ())))
