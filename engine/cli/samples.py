"""`tunedeck samples ID`: what the model answered before and after the training."""

import argparse

from engine import edits
from engine.cli.outcome import print_outcome, read_outcome, read_samples
from engine.cli.output import narrate, say_json
from engine.store import Store


def run(args: argparse.Namespace) -> int:
    """Print the figures and the first questions; with `--json` every sample.

    Raises:
        SpecError: `spec.yaml` cannot be read.
    """
    job = Store().find(args.job)
    samples = read_samples(job)
    if args.json:
        say_json(samples)
        return 0
    if not any(one.get("when") == "after" for one in samples):
        when = "not yet" if samples else "no: its spec has no `samples` section"
        narrate(f"{job.id} has no answers after the training, {when}")
        return 0
    print_outcome(read_outcome(job, edits.effective(job), job.observed()))
    return 0
