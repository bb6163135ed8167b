"""What the deck asks before a verb and says after it; pure, and nothing here is markup."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.footprint import Footprint
from engine.series import format_bytes
from engine.status import JobState, JobStatus
from engine.watch import JobView
from tui import text

MOST_NAMES = 6
"""So many jobs are named; the others are counted."""

MOST_REASONS = 3


@dataclass
class Outcome:
    """What became of a verb that was done to several jobs."""

    done: list[str] = field(default_factory=list)
    """One word for each job that it was done to: `paused`."""
    not_done: list[str] = field(default_factory=list)
    """For each other job a sentence: `sft-1a2b is completed already`."""

    def said(self) -> str:
        """`paused 2, pausing 1; 1 not: sft-1a2b is completed already`."""
        parts = []
        if self.done:
            counts = Counter(self.done)
            parts.append(", ".join(f"{word} {count}" for word, count in counts.items()))
        if self.not_done:
            reasons = "; ".join(self.not_done[:MOST_REASONS])
            more = len(self.not_done) - MOST_REASONS
            rest = f"; and {more} more" if more > 0 else ""
            parts.append(f"{len(self.not_done)} not: {reasons}{rest}")
        return "; ".join(parts)


def names(jobs: Sequence[JobView]) -> str:
    """`sft-1a2b, sft-3c4d and 3 more`."""
    shown = [text.short_id(job.id) for job in jobs[:MOST_NAMES]]
    more = len(jobs) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


# --- questions ------------------------------------------------------------------------------------


def ask_cancel(jobs: Sequence[JobView]) -> str:
    """What a cancel would do to these jobs."""
    if len(jobs) > 1:
        kept = sum(job.status.checkpoint_step is not None for job in jobs)
        stays = f"the checkpoints of {kept} stay" if kept else "none has a checkpoint yet"
        return f"Cancel {len(jobs)} jobs, unsaved ({names(jobs)})? {stays.capitalize()}."
    job, status = jobs[0], jobs[0].status
    name = text.short_id(job.id)
    kept_step = status.checkpoint_step
    stays = f"Checkpoint {kept_step} stays." if kept_step else "No checkpoint yet."
    if job.state.living:
        return f"Cancel {name} at step {status.step}, unsaved? {stays}"
    return f"Cancel {name}? {stays}"


def ask_remove(jobs: Sequence[JobView], weight: Footprint) -> str:
    """What removing these jobs would delete."""
    inside = [
        _counted(weight.checkpoints, "checkpoint"),
        _counted(weight.exports, "export"),
        format_bytes(weight.size_bytes),
    ]
    what = f"{len(jobs)} jobs ({names(jobs)})" if len(jobs) > 1 else text.short_id(jobs[0].id)
    return f"Delete {what} for good: {', '.join(inside)}?"


def ask_export(jobs: Sequence[JobView]) -> str:
    """What exporting several jobs at once would cost."""
    return f"Export {len(jobs)} jobs ({names(jobs)}) at once? Each loads its model into memory."


def kept(verb: str, jobs: Sequence[JobView]) -> str:
    """Nothing is done: the question was answered with no."""
    if verb != "cancel":
        return f"nothing was {'deleted' if verb == 'remove' else 'exported'}"
    if len(jobs) > 1:
        return f"all {len(jobs)} go on as they were"
    return f"{text.short_id(jobs[0].id)} goes on as it was"


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


# --- answers --------------------------------------------------------------------------------------


def paused(name: str, status: JobStatus, resume_key: str) -> str:
    """A pause was asked for."""
    if status.state is JobState.PAUSED:
        return f"{name} is paused: {resume_key} lets it go on"
    return f"pausing {name}: it saves after this step, then its process ends and frees its memory"


def resumed(name: str, status: JobStatus) -> str:
    """A resume was asked for."""
    if status.state.living:
        return f"{name} will go on as soon as its pause is done"
    return f"{name} is queued at the head: it goes on from its newest good checkpoint"


def cancelled(name: str, status: JobStatus) -> str:
    """A cancel was asked for."""
    if status.state is JobState.CANCELLED:
        return f"{name} is cancelled"
    return f"cancelling {name}: it stops after this step"


def arrived(jobs: Sequence[JobView], resume_key: str) -> str:
    """Jobs came to the state that was asked for, or to another one that is final."""
    if len(jobs) > 1:
        counts = Counter(str(job.state) for job in jobs)
        return ", ".join(
            f"{count} {'is' if count == 1 else 'are'} {word}" for word, count in counts.items()
        )
    job, status = jobs[0], jobs[0].status
    name = text.short_id(job.id)
    kept = f"checkpoint {status.checkpoint_step}" if status.checkpoint_step else "no checkpoint"
    if job.state is JobState.PAUSED:
        freed: dict[bool | None, str] = {
            True: ", its GPU memory is free",
            False: ", its GPU memory is NOT free",
        }
        released = freed.get(status.gpu_released, "")
        return f"{name} is paused with {kept}{released}: {resume_key} lets it go on"
    return f"{name} is {job.state} with {kept}"
