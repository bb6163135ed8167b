"""One job on the whole screen: its facts above, and below them one of its sides at a time, in tabs."""

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import ContentSwitcher

from engine import actions
from engine.status import utc_now
from engine.watch import JobView
from tui import text
from tui.keys import (
    CHARTS,
    CHECKPOINTS,
    DATA,
    EVENTS,
    EXPORTS,
    JOB,
    LOG,
    SAMPLES,
    SPEC,
    TABS,
    TITLES,
    Key,
    bindings_of,
)
from tui.messages import DetailsChanged, JobsChanged, LogGrew, MemoryGrew, MetricsGrew
from tui.screens.acting import READONLY, VERBS
from tui.screens.watching import WatchingScreen
from tui.tabs.charts import ChartsTab
from tui.tabs.checkpoints import CheckpointsTab, ExportAsked, ResumeAsked
from tui.tabs.data import DataTab
from tui.tabs.events import EventsTab
from tui.tabs.exports import ExportsTab
from tui.tabs.log import LOG_BYTES, LogTab
from tui.tabs.samples import SamplesTab
from tui.tabs.spec import SpecTab
from tui.tabs.tab import KeysChanged, Noted, Tab
from tui.widgets.empty import TooSmall
from tui.widgets.job_line import JobLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine
from tui.widgets.status_line import StatusLine
from tui.widgets.tab_bar import TabBar

AGE_SECONDS = 10.0
"""How often ages are looked at while nothing works; only what reads otherwise is painted."""

FROM_A_CHECKPOINT = {"resume_here": "resume", "export_here": "export"}
"""Actions of a tab -> the verb that they do."""

REMOVED = "this job was removed"
UNSAMPLED = "no questions were answered in this job: `samples` in its spec asks them"


class JobScreen(WatchingScreen):
    """Everything about one job; only the tab that is seen is told what is new."""

    table_name = JOB
    BINDINGS = bindings_of(JOB)

    def __init__(self, job: JobView, tab: str = CHARTS) -> None:
        super().__init__()
        self._job: JobView | None = job
        self._followed = job.id
        self._first = tab
        self._to_rewind: tuple[JobView, int] | None = None
        """The job and the step that a question is about."""

    def compose(self) -> ComposeResult:
        """Machine, facts, tabs, note, keys."""
        ascii_only = self.options.ascii_only
        yield TooSmall(id="too-small")
        yield StatusLine(ascii_only=ascii_only, id="status")
        yield JobLine(ascii_only=ascii_only, id="facts")
        yield TabBar(id="tab-bar")
        with ContentSwitcher(initial=_id(self._first), id="tabs"):
            yield ChartsTab(ascii_only=ascii_only, id=_id(CHARTS))
            yield LogTab(ascii_only=ascii_only, id=_id(LOG))
            yield SpecTab(ascii_only=ascii_only, id=_id(SPEC))
            yield CheckpointsTab(ascii_only=ascii_only, id=_id(CHECKPOINTS))
            yield ExportsTab(ascii_only=ascii_only, id=_id(EXPORTS))
            yield EventsTab(ascii_only=ascii_only, id=_id(EVENTS))
            yield DataTab(ascii_only=ascii_only, keeps=not self.options.readonly, id=_id(DATA))
            yield SamplesTab(ascii_only=ascii_only, id=_id(SAMPLES))
        yield NoteLine(ascii_only=ascii_only, id="note")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Show the first tab; what is known of the job comes right after."""
        self._read()
        self.show_tab(self._first)
        self.set_interval(AGE_SECONDS, self._show_ages)

    def on_screen_resume(self) -> None:
        """A screen above this one may have had another job read."""
        if self.ready:
            self._read()

    def _read(self) -> None:
        """Have this job read, whichever was before."""
        if self._job is None or self.deck.feed.followed == self._followed:
            return
        self.deck.follow(self._job)
        if self.ready and self.tab.table_name == LOG:
            self.deck.feed.lengthen_log(LOG_BYTES)

    # --- the job ----------------------------------------------------------------------------------

    @property
    def current(self) -> JobView | None:
        """The job; None when it was removed."""
        return self._job

    def possible(self) -> Mapping[str, str | None]:
        """Nothing more, when it was removed."""
        return super().possible() if self._job is not None else dict.fromkeys(VERBS, REMOVED)

    def show_jobs(self, message: JobsChanged) -> None:
        """Show what became of the job."""
        before = self._job
        self._jobs, self._waits = message.jobs, message.waits
        self._job = next((job for job in message.jobs if job.id == self._followed), None)
        if self._job is None and before is not None:
            self.say(f"{REMOVED}: {self.deck.keymap.sign('back')} goes back", "wait")
        if self._job != before:
            self.show_facts()
            self.show_keys()
            if self._job is not None:
                self.tab.show_job(self._job)

    def show_second(self) -> None:
        """Bring elapsed times up to date."""
        super().show_second()
        self.tab.show_second()

    def _show_ages(self) -> None:
        if self.is_current:
            self.tab.show_second()

    def show_facts(self) -> None:
        """Show the job's line."""
        line = self.query_one(JobLine)
        if self._job is None:
            line.show_removed(text.short_id(self._followed or ""))
        else:
            line.show(self._job, self._details, self._waits, utc_now())

    def show_details(self) -> None:
        """Another tab may be there now."""
        super().show_details()
        self._show_bar()

    def _show_followed(self, message: Message) -> None:
        if isinstance(message, DetailsChanged):
            before, self._details = self._details, message.details
            self.show_details()
            self._tell_exports(before)
        self.tab.take(message)

    # --- tabs -------------------------------------------------------------------------------------

    @property
    def tab(self) -> Tab:
        """The one that is seen."""
        return self.query_one(f"#{self.query_one(ContentSwitcher).current}", Tab)

    @property
    def tab_names(self) -> list[str]:
        """Those that there are: without answers there is no tab for them."""
        return [name for name in TABS if name != SAMPLES or self._details.samples]

    def show_tab(self, name: str) -> None:
        """Show that tab with all that is known now, and give it the keys."""
        if name not in self.tab_names:
            self.say(UNSAMPLED, "wait")
            return
        self.query_one(ContentSwitcher).current = _id(name)
        if name == LOG:
            self.deck.feed.lengthen_log(LOG_BYTES)
        tab = self.tab
        if self._job is not None:
            tab.show_job(self._job)
        for message in list(self.deck.latest.values()):
            match message:
                case MetricsGrew() | MemoryGrew() | LogGrew() | DetailsChanged():
                    if message.job_id == self._followed:
                        tab.take(message)
        self.set_focus(tab)  # at once: the next key may be there already
        self._show_bar()
        self.show_keys()

    def _show_bar(self) -> None:
        names = [(name, TITLES[name]) for name in self.tab_names]
        self.query_one(TabBar).show(names, self.tab.table_name)

    @on(TabBar.Chosen)
    def _chosen(self, event: TabBar.Chosen) -> None:
        event.stop()
        self.show_tab(event.name)

    def action_next_tab(self) -> None:
        """Show the next tab; after the last comes the first."""
        self._step(1)

    def action_previous_tab(self) -> None:
        """Show the tab before; before the first comes the last."""
        self._step(-1)

    def _step(self, by: int) -> None:
        names = self.tab_names
        self.show_tab(names[(names.index(self.tab.table_name) + by) % len(names)])

    def action_tab_charts(self) -> None:
        """Show the charts."""
        self.show_tab(CHARTS)

    def action_tab_log(self) -> None:
        """Show the log."""
        self.show_tab(LOG)

    def action_log(self) -> None:
        """Show the log."""
        self.show_tab(LOG)

    def action_tab_spec(self) -> None:
        """Show the spec."""
        self.show_tab(SPEC)

    def action_tab_checkpoints(self) -> None:
        """Show the checkpoints."""
        self.show_tab(CHECKPOINTS)

    def action_tab_exports(self) -> None:
        """Show the exports."""
        self.show_tab(EXPORTS)

    def action_tab_events(self) -> None:
        """Show what happened."""
        self.show_tab(EVENTS)

    def action_tab_data(self) -> None:
        """Show the data."""
        self.show_tab(DATA)

    def action_tab_samples(self) -> None:
        """Show the answers."""
        self.show_tab(SAMPLES)

    def action_back(self) -> None:
        """A step back inside the tab, else back to home."""
        if not self.tab.leave():
            self.dismiss()

    def action_copy(self) -> None:
        """Put the job's id on the clipboard, even that of a removed one."""
        self.deck.copy(self._followed or "")

    # --- keys -------------------------------------------------------------------------------------

    def why_not(self, key: Key) -> str | None:
        """Why that key, of the tab or of the screen, can do nothing now; None when it can."""
        if self.tab.table_name not in key.screens:
            return super().why_not(key)
        if key.acts and self.options.readonly:
            return READONLY
        if key.acts and self._job is None:
            return REMOVED
        verb = FROM_A_CHECKPOINT.get(key.action)
        impossible = self.possible().get(verb) if verb is not None else None
        return impossible or self.tab.why_not(key)

    def show_keys(self) -> None:
        """Put the keys that do something now into the footer: first the tab's, then the screen's."""
        tab = self.tab
        silent = self.query_one(NoteLine).asking or (isinstance(tab, LogTab) and tab.typing)
        own = self.deck.keymap.of(tab.table_name)
        taken = {one for key in own for one in key.keys}
        others = [key for key in self.deck.keymap.of(JOB) if not taken & set(key.keys)]
        shown = [key for key in (*own, *others) if key.footer and self.why_not(key) is None]
        self.query_one(KeyBar).show([] if silent else shown)

    @on(KeysChanged)
    def _keys_changed(self, event: KeysChanged) -> None:
        event.stop()
        self.show_keys()

    @on(Noted)
    def _noted(self, event: Noted) -> None:
        event.stop()
        self.say(event.said, event.tone)

    # --- from a checkpoint --------------------------------------------------------------------------

    @on(ResumeAsked)
    def _resume_from(self, event: ResumeAsked) -> None:
        event.stop()
        job = self._job
        if self.refused("resume") or job is None:
            return
        if event.newest:
            self.action_resume()
            return
        newer = [str(one.step) for one in self._details.checkpoints if one.step > event.step]
        self._to_rewind = (job, event.step)
        self.query_one(NoteLine).ask(
            f"Go on from checkpoint {event.step}? {', '.join(newer)} will be set aside."
        )
        self.show_keys()

    @on(NoteLine.Answered)
    def _rewind_or_not(self, event: NoteLine.Answered) -> None:
        """Runs before the same answer reaches the screen's own question, which is not open then."""
        asked, self._to_rewind = self._to_rewind, None
        if asked is None:
            return
        job, step = asked
        if not event.yes:
            self.say(f"{text.short_id(job.id)} stays as it is")
            return
        store = self.deck.store
        self._start(
            job,
            lambda: actions.resume(store, job.job, by="deck", from_step=step),
            lambda name, _: f"{name} is queued at the head: it goes on from checkpoint {step}",
        )

    @on(ExportAsked)
    def _export_from(self, event: ExportAsked) -> None:
        event.stop()
        job = self._job
        if self.refused("export") or job is None:
            return
        store, step = self.deck.store, str(event.step)

        def export() -> tuple[str, ...]:
            kinds = actions.export_kinds(job.job)
            actions.export(store, job.job, kinds, checkpoint=step)
            return kinds

        def words(name: str, kinds: tuple[str, ...]) -> str:
            return f"exporting {' and '.join(kinds)} of {name} at step {step} to {job.job.exports}"

        self._start(job, export, words)


def _id(name: str) -> str:
    """The id of a tab's widget; home has a `#log` too, with other looks."""
    return f"{name}-tab"
