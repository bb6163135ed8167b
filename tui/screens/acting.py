"""A screen with a job in its focus: the keys that act on it, their answers and their questions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual import on, work

from engine import actions
from engine.errors import TunedeckError
from engine.status import JobState, JobStatus
from engine.watch import Details, JobView
from tui import text
from tui.keys import Key, keys_of
from tui.messages import VerbDone, VerbRefused
from tui.screens.base import DeckScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine

READONLY = "the deck was opened with --readonly: this key changes nothing"
NO_JOB = "there is no job yet"
OF_A_JOB = frozenset({"open", "log", "copy"})
"""Actions that look at a job and change nothing."""


class ActingScreen(DeckScreen):
    """Turns keys into verbs, which run in threads; says what each did or why it did not."""

    _to_cancel: JobView | None = None
    _asked: tuple[str, JobState] | None = None
    """The job that a key acted on, and the state that the user waits for."""

    @property
    def current(self) -> JobView | None:
        """The job that the keys act on."""
        raise NotImplementedError

    @property
    def details(self) -> Details:
        """What is known of that job's folder."""
        return Details()

    def say(self, said: str, tone: str = "") -> None:
        """Show a note above the footer."""
        self.query_one(NoteLine).say(said, tone)

    def possible(self) -> Mapping[str, str | None]:
        """For each verb: None when it can be done to the current job now, else why not."""
        job = self.current
        if job is None:
            return dict.fromkeys(("pause", "resume", "cancel", "export"), NO_JOB)
        held = bool(self.details.checkpoints or job.status.checkpoint_step)
        return actions.verbs(job.status, held)

    def show_keys(self) -> None:
        """Put the keys that do something now into the footer."""
        asking = self.query_one(NoteLine).asking
        keys = () if asking else keys_of(self.table_name)
        self.query_one(KeyBar).show([k for k in keys if k.footer and self.why_not(k) is None])

    def tell_arrival(self, jobs: Sequence[JobView]) -> None:
        """Say when a job has come to the state that the user asked for."""
        if self._asked is None:
            return
        job_id, wanted = self._asked
        job = next((one for one in jobs if one.id == job_id), None)
        if job is None or job.state.settled or job.state is wanted:
            self._asked = None
            if job is not None:
                self.say(_arrived(job), "good" if job.state is wanted else "wait")

    def why_not(self, key: Key) -> str | None:
        """Why that key can do nothing now; None when it can."""
        if key.acts and self.options.readonly:
            return READONLY
        if key.verb is not None:
            return self.possible().get(key.verb)
        return NO_JOB if key.action in OF_A_JOB and self.current is None else None

    def refused(self, verb: str) -> bool:
        """Say why the verb is not possible now; False when it is."""
        if self.options.readonly:
            self.say(READONLY, "wait")
            return True
        why_not = self.possible().get(verb)
        if why_not is None:
            return False
        job = self.current
        self.say(f"{text.short_id(job.id)} {why_not}" if job is not None else why_not, "wait")
        return True

    def action_new(self) -> None:
        """Open the screen that makes a job."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        else:
            self.deck.open_new()

    def action_duplicate(self) -> None:
        """Open the screen that makes a job, filled in as a copy of this one."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        elif self.current is None:
            self.say("there is no job yet", "wait")
        else:
            self.deck.open_new(copy_of=self.current)

    def action_pause(self) -> None:
        """Ask for a checkpoint and the end of the worker."""
        job = self.current
        if self.refused("pause") or job is None:
            return
        self._asked = (job.id, JobState.PAUSED)
        self._start(job, lambda: actions.pause(job.job, by="deck"), _paused)

    def action_resume(self) -> None:
        """Queue the job again."""
        job = self.current
        if self.refused("resume") or job is None:
            return
        store = self.deck.store
        self._start(job, lambda: actions.resume(store, job.job, by="deck"), _resumed)

    def action_cancel(self) -> None:
        """Ask whether to cancel."""
        job = self.current
        if self.refused("cancel") or job is None:
            return
        self._to_cancel = job
        self.query_one(NoteLine).ask(_question(job))
        self.show_keys()

    @on(NoteLine.Answered)
    def _cancel_or_not(self, event: NoteLine.Answered) -> None:
        self.show_keys()
        job, self._to_cancel = self._to_cancel, None
        if job is None:
            return
        if event.yes:
            self._asked = (job.id, JobState.CANCELLED)
            self._start(job, lambda: actions.cancel(job.job, by="deck"), _cancelled)
        else:
            self.say(f"{text.short_id(job.id)} goes on as it was")

    def action_export(self) -> None:
        """Export the adapter and the merged model."""
        job = self.current
        if self.refused("export") or job is None:
            return
        store = self.deck.store
        adapter = (self.details.spec.get("adapter") or {}).get("type", "lora") != "none"
        kinds = actions.EXPORT_KINDS if adapter else ("merged",)
        self._start(
            job,
            lambda: actions.export(store, job.job, kinds),
            lambda name, _: f"exporting {' and '.join(kinds)} of {name} to {job.job.exports}",
        )

    def action_open(self) -> None:
        """Show everything about the job."""
        if self.current is None:
            self.say(f"{NO_JOB}: {self.deck.keymap.sign('new')} makes one", "wait")
        else:
            self.deck.open_job(self.current)

    def action_log(self) -> None:
        """Show its log on the whole screen."""
        if self.current is None:
            self.say(f"{NO_JOB}: {self.deck.keymap.sign('new')} makes one", "wait")
        else:
            self.deck.open_log(self.current)

    def action_copy(self) -> None:
        """Put the job's id on the clipboard."""
        if self.current is None:
            self.say(f"{NO_JOB}: {self.deck.keymap.sign('new')} makes one", "wait")
        else:
            self.deck.copy(self.current.id)

    def action_help(self) -> None:
        """Show the keys."""
        self.deck.open_help()

    def action_quit_deck(self) -> None:
        """Close the deck; the jobs go on."""
        self.deck.leave()

    @work(thread=True, group="verbs")
    def _start(
        self, job: JobView, verb: Callable[[], Any], words: Callable[[str, Any], str]
    ) -> None:
        """Do the verb in a thread; what became of it comes back as a message."""
        name = text.short_id(job.id)
        try:
            self.post_message(VerbDone(words(name, verb())))
        except TunedeckError as error:
            self.post_message(VerbRefused(error.message, error.hint))
        except OSError as error:
            self.post_message(
                VerbRefused(f"{name}: {error.strerror or error}", f"look at {job.job.folder}")
            )
        self.deck.feed.look_again()

    @on(VerbDone)
    def _verb_done(self, event: VerbDone) -> None:
        event.stop()
        self.say(event.text, "wait" if event.warning else "good")

    @on(VerbRefused)
    def _verb_refused(self, event: VerbRefused) -> None:
        event.stop()
        self._asked = None
        self.say(f"{event.message}: {event.hint}" if event.hint else event.message, "bad")


def _question(job: JobView) -> str:
    """What a cancel would do to this job."""
    name, status = text.short_id(job.id), job.status
    kept = status.checkpoint_step
    stays = f"checkpoint {kept} stays" if kept else "no checkpoint yet"
    if job.state.living:
        return f"Cancel {name} at step {status.step}, unsaved? {stays.capitalize()}."
    return f"Cancel {name}? {stays.capitalize()}."


def _arrived(job: JobView) -> str:
    name, status = text.short_id(job.id), job.status
    kept = f"checkpoint {status.checkpoint_step}" if status.checkpoint_step else "no checkpoint"
    if job.state is JobState.PAUSED:
        freed: dict[bool | None, str] = {
            True: ", its GPU memory is free",
            False: ", its GPU memory is NOT free",
        }
        return f"{name} is paused with {kept}{freed.get(status.gpu_released, '')}: r lets it go on"
    return f"{name} is {job.state} with {kept}"


def _paused(name: str, status: JobStatus) -> str:
    if status.state is JobState.PAUSED:
        return f"{name} is paused: r lets it go on"
    return f"pausing {name}: it saves after this step, then its process ends and frees its memory"


def _resumed(name: str, status: JobStatus) -> str:
    if status.state.living:
        return f"{name} will go on as soon as its pause is done"
    return f"{name} is queued at the head: it goes on from its newest good checkpoint"


def _cancelled(name: str, status: JobStatus) -> str:
    if status.state is JobState.CANCELLED:
        return f"{name} is cancelled"
    return f"cancelling {name}: it stops after this step"
