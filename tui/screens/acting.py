"""A screen with a job in its focus: the keys that act on it, their answers and their questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on, work
from textual.message import Message

from engine import actions
from engine.errors import TunedeckError
from engine.footprint import Footprint, footprint
from engine.series import format_bytes
from engine.status import JobState, JobStatus
from engine.watch import Details, JobView
from tui import text
from tui.keys import Key, keys_of
from tui.messages import VerbDone, VerbRefused
from tui.screens import answers
from tui.screens.base import DeckScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine

READONLY = "the deck was opened with --readonly: this key changes nothing"
NO_JOB = "there is no job yet"
OF_A_JOB = frozenset({"open", "log", "copy", "duplicate", "edit"})
"""Actions of the highlighted job that change nothing about it by themselves."""

VERBS = tuple(actions.verbs(JobStatus(), has_checkpoint=False))
"""Every verb of the engine that a key may stand for."""

OF_ONE_JOB = frozenset({"edit"})
"""Verbs that act on the highlighted job alone, whatever is marked."""


WANTED = {"pause": JobState.PAUSED, "cancel": JobState.CANCELLED}
"""What the user waits for after a verb."""


@dataclass(frozen=True)
class Question:
    """A verb that waits for `y`."""

    verb: str
    jobs: tuple[JobView, ...]
    not_done: list[str]
    """What is to be said of the other targets."""


class ActingScreen(DeckScreen):
    """Turns keys into verbs, which run in threads; says what each did or why it did not."""

    @dataclass
    class Weighed(Message):
        """It is known what removing these jobs would delete."""

        jobs: tuple[JobView, ...]
        weight: Footprint

    @dataclass
    class DoneToAll(Message):
        """A verb was done to several jobs, of which some are still on their way."""

        outcome: answers.Outcome
        under_way: dict[str, JobState]

    _question: Question | None = None

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[str, JobState] = {}
        """Jobs that a key acted on, and the state that the user waits for."""
        self._arrived: list[tuple[JobView, bool]] = []
        """Those of them that came to rest, and whether in that state; told when none is left."""

    @property
    def current(self) -> JobView | None:
        """The job that is shown."""
        raise NotImplementedError

    @property
    def targets(self) -> Sequence[JobView]:
        """The jobs that the keys act on."""
        return [self.current] if self.current is not None else []

    @property
    def no_job(self) -> str:
        """Why there is no job to act on."""
        return NO_JOB

    @property
    def details(self) -> Details:
        """What is known of the current job's folder."""
        return Details()

    def say(self, said: str, tone: str = "") -> None:
        """Show a note above the footer."""
        self.query_one(NoteLine).say(said, tone)

    # --- what is possible -------------------------------------------------------------------------

    def possible(self) -> Mapping[str, str | None]:
        """For each verb: None when it can be done to one of the targets now, else why not."""
        targets = self.targets
        if not targets:
            return dict.fromkeys(VERBS, self.no_job)
        each = [self._possible(job) for job in targets]
        return {
            verb: None if any(one[verb] is None for one in each) else each[0][verb]
            for verb in each[0]
        }

    def _possible(self, job: JobView) -> Mapping[str, str | None]:
        held = job.status.checkpoint_step is not None
        if self.current is not None and job.id == self.current.id:
            held = held or bool(self.details.checkpoints)
        return actions.verbs(job.status, held)

    def why_not(self, key: Key) -> str | None:
        """Why that key can do nothing now; None when it can."""
        if key.acts and self.options.readonly:
            return READONLY
        if key.verb is not None and key.verb not in OF_ONE_JOB:
            return self.possible().get(key.verb)
        if key.verb is not None and self.current is not None:
            return self._possible(self.current)[key.verb]
        return self.no_job if key.action in OF_A_JOB and self.current is None else None

    def refused(self, verb: str) -> bool:
        """Say why the verb is not possible now; False when it is for at least one target."""
        if self.options.readonly:
            self.say(READONLY, "wait")
            return True
        why_not = self.possible().get(verb)
        if why_not is None:
            return False
        targets = self.targets
        if len(targets) > 1:
            outcome = answers.Outcome(not_done=[self._why_not(job, verb) for job in targets])
            self.say(outcome.said(), "wait")
        else:
            self.say(f"{text.short_id(targets[0].id)} {why_not}" if targets else why_not, "wait")
        return True

    def _why_not(self, job: JobView, verb: str) -> str:
        return f"{text.short_id(job.id)} {self._possible(job)[verb]}"

    def show_keys(self) -> None:
        """Put the keys that do something now into the footer."""
        asking = self.query_one(NoteLine).asking
        keys = () if asking else keys_of(self.table_name)
        self.query_one(KeyBar).show([k for k in keys if k.footer and self.why_not(k) is None])

    def tell_arrival(self, jobs: Sequence[JobView]) -> None:
        """Say when all jobs have come to the state that the user asked for, or to rest elsewhere."""
        known = {job.id: job for job in jobs}
        for job_id, wanted in list(self._asked.items()):
            job = known.get(job_id)
            if job is None or job.state.settled or job.state is wanted:
                del self._asked[job_id]
                self._arrived += [(job, job.state is wanted)] if job is not None else []
        if self._arrived and not self._asked:
            arrived, self._arrived = self._arrived, []
            said = answers.arrived([job for job, _ in arrived], self.deck.keymap.sign("resume"))
            self.say(said, "good" if all(as_wanted for _, as_wanted in arrived) else "wait")

    # --- verbs ------------------------------------------------------------------------------------

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
            self._say_no_job()
        else:
            self.deck.open_new(copy_of=self.current)

    def action_edit(self) -> None:
        """Open the form of what can still be changed."""
        job = self.current
        if self.options.readonly:
            self.say(READONLY, "wait")
        elif job is None:
            self._say_no_job()
        elif (why_not := self._possible(job)["edit"]) is not None:
            self.say(f"{text.short_id(job.id)} {why_not}", "wait")
        else:
            self.deck.open_edit(job)

    def action_pause(self) -> None:
        """Ask for a checkpoint and the end of the worker."""
        self._act("pause")

    def action_resume(self) -> None:
        """Queue the job again."""
        self._act("resume")

    def action_cancel(self) -> None:
        """Ask whether to cancel."""
        if not self.refused("cancel"):
            jobs = self._able("cancel")
            self._ask("cancel", jobs, answers.ask_cancel(jobs))

    def action_export(self) -> None:
        """Export the adapter and the merged model; of several jobs after a question."""
        if self.refused("export"):
            return
        jobs = self._able("export")
        if len(jobs) > 1:
            self._ask("export", jobs, answers.ask_export(jobs))
        else:
            self._act("export")

    def action_remove(self) -> None:
        """Weigh what would be deleted, which may take a moment, and ask."""
        if not self.refused("remove"):
            self._weigh(tuple(self._able("remove")))

    @work(thread=True, group="weigh", exclusive=True)
    def _weigh(self, jobs: tuple[JobView, ...]) -> None:
        weight = Footprint()
        for job in jobs:
            weight += footprint(job.job)
        self.post_message(self.Weighed(jobs, weight))

    @on(Weighed)
    def _ask_remove(self, event: Weighed) -> None:
        event.stop()
        if self.is_current and not self.query_one(NoteLine).asking:
            self._ask("remove", event.jobs, answers.ask_remove(event.jobs, event.weight))

    def _unable(self, verb: str) -> list[str]:
        """Why not, for each of the others."""
        unable = [job for job in self.targets if self._possible(job)[verb] is not None]
        return [*(self._why_not(job, verb) for job in unable), *self.left_out()]

    def _able(self, verb: str) -> list[JobView]:
        """The targets to which it can be done now."""
        return [job for job in self.targets if self._possible(job)[verb] is None]

    def _ask(self, verb: str, jobs: Sequence[JobView], question: str) -> None:
        self._question = Question(verb, tuple(jobs), self._unable(verb))
        self.query_one(NoteLine).ask(question)
        self.show_keys()

    @on(NoteLine.Answered)
    def _do_or_not(self, event: NoteLine.Answered) -> None:
        self.show_keys()
        question, self._question = self._question, None
        if question is None:
            return
        if event.yes:
            self._begin(question.verb, question.jobs, question.not_done)
        else:
            self.say(answers.kept(question.verb, question.jobs))

    def _act(self, verb: str) -> None:
        """Do it to every target that allows it, and say why not of the others."""
        if not self.refused(verb):
            self._begin(verb, self._able(verb), self._unable(verb))

    def left_out(self) -> list[str]:
        """Sentences about jobs that the user may think of as targets too."""
        return []

    def _begin(self, verb: str, jobs: Sequence[JobView], not_done: list[str]) -> None:
        if len(jobs) == 1 and not not_done:
            if verb in WANTED:
                self._asked[jobs[0].id] = WANTED[verb]
            job = jobs[0]
            self._start(
                job,
                lambda: self._do(verb, job),
                lambda name, result: self._words(verb, name, job, result),
            )
        else:
            self._do_to_all(verb, jobs, not_done)

    def _do(self, verb: str, job: JobView) -> Any:
        """One verb of the engine; runs in a thread."""
        store = self.deck.store
        match verb:
            case "pause":
                return actions.pause(job.job, by="deck")
            case "resume":
                return actions.resume(store, job.job, by="deck")
            case "cancel":
                return actions.cancel(job.job, by="deck")
            case "export":
                kinds = actions.export_kinds(job.job)
                actions.export(store, job.job, kinds)
                return kinds
        weight = footprint(job.job)
        actions.remove(store, job.job)
        return weight

    @work(thread=True, group="verbs")
    def _start(
        self, job: JobView, verb: Callable[[], Any], words: Callable[[str, Any], str]
    ) -> None:
        """Do the verb in a thread; what became of it comes back as a message."""
        try:
            self.post_message(VerbDone(words(text.short_id(job.id), verb())))
        except TunedeckError as error:
            self.post_message(VerbRefused(error.message, error.hint))
        except OSError as error:
            self.post_message(VerbRefused(_broken(job, error), f"look at {job.job.folder}"))
        self.deck.feed.look_again()

    def _words(self, verb: str, name: str, job: JobView, result: Any) -> str:
        match verb:
            case "pause":
                return answers.paused(name, result, self.deck.keymap.sign("resume"))
            case "resume":
                return answers.resumed(name, result)
            case "cancel":
                return answers.cancelled(name, result)
            case "export":
                return f"exporting {' and '.join(result)} of {name} to {job.job.exports}"
        return f"deleted {name}: {format_bytes(result.size_bytes)} are free again"

    @work(thread=True, group="verbs")
    def _do_to_all(self, verb: str, jobs: Sequence[JobView], not_done: list[str]) -> None:
        """The same for several: each that fails says why, the others go on."""
        outcome, under_way = answers.Outcome(not_done=not_done), {}
        # The last that is resumed comes to the head of the queue: in the end they stand as shown.
        for job in reversed(jobs) if verb == "resume" else jobs:
            try:
                result = self._do(verb, job)
            except TunedeckError as error:
                outcome.not_done.append(error.message)
            except OSError as error:
                outcome.not_done.append(_broken(job, error))
            else:
                outcome.done.append(_word(verb, result))
                if verb in WANTED and result.state is not WANTED[verb]:
                    under_way[job.id] = WANTED[verb]
        self.post_message(self.DoneToAll(outcome, under_way))
        self.deck.feed.look_again()

    @on(DoneToAll)
    def _done_to_all(self, event: DoneToAll) -> None:
        event.stop()
        self._asked |= event.under_way
        self.say(event.outcome.said(), "wait" if event.outcome.not_done else "good")

    @on(VerbDone)
    def _verb_done(self, event: VerbDone) -> None:
        event.stop()
        self.say(event.text, "wait" if event.warning else "good")

    @on(VerbRefused)
    def _verb_refused(self, event: VerbRefused) -> None:
        event.stop()
        self._asked.clear()
        self.say(f"{event.message}: {event.hint}" if event.hint else event.message, "bad")

    # --- looking ----------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Show everything about the job."""
        if self.current is None:
            self._say_no_job()
        else:
            self.deck.open_job(self.current)

    def action_log(self) -> None:
        """Show its log on the whole screen."""
        if self.current is None:
            self._say_no_job()
        else:
            self.deck.open_log(self.current)

    def action_copy(self) -> None:
        """Put the job's id on the clipboard."""
        if self.current is None:
            self._say_no_job()
        else:
            self.deck.copy(self.current.id)

    def _say_no_job(self) -> None:
        begins = f": {self.deck.keymap.sign('new')} makes one"
        self.say(self.no_job + (begins if self.no_job == NO_JOB else ""), "wait")

    def action_help(self) -> None:
        """Show the keys."""
        self.deck.open_help()

    def action_quit_deck(self) -> None:
        """Close the deck; the jobs go on."""
        self.deck.leave()


def _broken(job: JobView, error: OSError) -> str:
    return f"{text.short_id(job.id)}: {error.strerror or error}"


def _word(verb: str, result: Any) -> str:
    """What a verb made of a job, in one word."""
    if isinstance(result, JobStatus):
        return str(result.state)
    return "exporting" if verb == "export" else "deleted"
