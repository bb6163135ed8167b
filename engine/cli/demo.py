"""`tunedeck demo`: the bundled fine-tune, from submit to the table of before and after."""

import argparse
import subprocess
import sys

from engine.cli.bare import child_environment
from engine.cli.export import exported
from engine.cli.follow import conclude, detached, follow_in_lines, steady
from engine.cli.output import narrate, on_terminal, say
from engine.cli.submit import BY
from engine.job import Job
from engine.spec import JobSpec
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.text import one_line


def run(args: argparse.Namespace) -> int:
    """In the deck on a terminal, in plain lines elsewhere; then the adapter and the table."""
    from engine.demo.submission import queue_demo

    store = Store()
    store.prepare()
    queued = queue_demo(store, args.overrides, by=BY)
    job, spec = queued.job, queued.spec
    for warning in queued.warnings:
        narrate(f"warning: {one_line(warning)}")
    narrate(f"fine-tuning the bundled model: {job.id}")
    try:
        status = _shown(store, job, plain=args.plain)
        if status.state is JobState.QUEUED or status.state.living:
            return detached(job)
        conclude(job, status)
        return _finished(store, job, spec, status)
    except KeyboardInterrupt:
        return detached(job)


def _shown(store: Store, job: Job, *, plain: bool) -> JobStatus:
    """Show the job until it ends, or until the user leaves the deck."""
    if not plain and on_terminal(sys.stdout) and on_terminal(sys.stdin):
        deck = subprocess.run(
            [sys.executable, "-m", "tui", "--job", job.id], env=child_environment(), check=False
        )
        if deck.returncode == 0:
            return steady(job)
        narrate(f"the deck ended with exit code {deck.returncode}; here are plain lines instead")
    return follow_in_lines(store, job, sys.stderr)


def _finished(store: Store, job: Job, spec: JobSpec, status: JobStatus) -> int:
    from engine.cli.outcome import print_outcome, read_outcome

    artifacts = exported(store, job, ("adapter",), "last")
    sys.stderr.flush()
    print_outcome(read_outcome(job, spec, status))
    say("")
    say(f"adapter     {artifacts[0].path}")
    say(f"merge it    tunedeck export {job.id} --to merged")
    say("your data   tunedeck run my-data.jsonl --model Qwen/Qwen3-0.6B")
    return 0
