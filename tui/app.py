"""The deck as an application: options, screens, and the feed that tells them what is new."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import events, on, work
from textual.app import App
from textual.binding import Binding
from textual.filter import LineFilter
from textual.message import Message

from engine import actions
from engine.config import read_deck_settings
from engine.errors import TunedeckError
from engine.status import JobState, utc_now
from engine.store import Store
from engine.text import one_line
from engine.watch import JobView
from tui import notices, text, themes
from tui.ascii import AsciiOnly
from tui.deck import Deck
from tui.feed import Feed
from tui.keymap import keymap
from tui.memory import Memory
from tui.messages import (
    DetailsChanged,
    FeedBroke,
    FeedFailed,
    JobsChanged,
    LogGrew,
    MemoryGrew,
    MetricsGrew,
    SecondPassed,
    TelemetryRead,
    VerbRefused,
)
from tui.options import Options
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen
from tui.visit import Visit
from tui.widgets.note_line import NoteLine

FIRST_LOOK_SECONDS = 1.0
"""How long the first paint waits for the jobs; what takes longer is filled in later."""

CHECK_SECONDS = 2.0
"""How often to see whether the feed still gets answers."""

SILENT_SECONDS = 3.0
"""How long a storage or a driver may take before the deck says that it does not answer."""

READING = "reading the jobs"
ANSWERS_AGAIN = "it answers again: what is shown is true"

OF_ONE_JOB = (MetricsGrew, MemoryGrew, LogGrew, DetailsChanged)


class DeckApp(App[int]):
    """Shows jobs and acts on them; holds nothing that would be missed when it dies."""

    CSS_PATH = Path("app.tcss")
    TITLE = "tunedeck"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding("ctrl+c", "quit_deck", "Quit", show=False, priority=True)]

    @dataclass
    class DemoQueued(Message):
        """The bundled fine-tune waits in the queue."""

        job_id: str

    def __init__(self, store: Store, options: Options) -> None:
        super().__init__()
        self.store = store
        self.settings = read_deck_settings(store.config_file)
        ascii_only = options.ascii_only or self.settings.ascii
        self.options = replace(options, ascii_only=ascii_only)
        self.keymap = keymap(self.settings.keys, ascii_only=ascii_only)
        self.memory = Memory(store.deck_file)
        self.visit = Visit(self.memory, readonly=options.readonly)
        self.latest: dict[type[Message], Message] = {}
        """The newest message of each kind, for a screen that comes to the top."""
        self.home = HomeScreen(self._first_job())
        supervise = None if options.readonly else partial(actions.ensure_supervisor, store)
        self.feed = Feed(store, self.post_message, supervise=supervise)
        self.animation_level = "none"
        self._ends = notices.Ends()
        self._ascii = AsciiOnly(enabled=ascii_only)
        self._demo_wanted = False
        self._handed_on: events.Key | None = None
        self._standing = ""
        """What is said for as long as it is true: that something does not answer."""
        self._stood = {""}
        """What was said so, which a screen may still show."""
        for theme in themes.OWN:
            self.register_theme(theme)
        self.set_keymap(self.keymap.bindings)

    @property
    def problems(self) -> tuple[str, ...]:
        """What the user's settings say that means nothing, in words."""
        theme = self.settings.theme
        unknown = theme is not None and themes.known(theme, self.available_themes) is None
        said = f"[deck] theme: there is no theme {theme!r}; the palette lists them"
        return (*self.settings.problems, *((said,) if unknown else ()), *self.keymap.problems)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every drawn line goes through: Textual's filters, and ours for `--ascii`."""
        return [*super().get_line_filters(), *([self._ascii] if self._ascii.enabled else [])]

    def on_mount(self) -> None:
        """Show home, and begin to read."""
        configured, remembered = self.settings.theme, self.memory.recall()
        self.theme = themes.first(self.options.theme, configured, remembered, self.available_themes)
        self._read_first()
        self.visit.begin(utc_now())
        self.push_screen(self.home)
        if self._standing:
            self.home.call_after_refresh(self._stand, self._standing)
        self.set_interval(CHECK_SECONDS, self._check_answers)
        if self.problems:
            self.call_after_refresh(self._tell_problems)

    def _tell_problems(self) -> None:
        first, *others = self.problems
        more = f" (and {len(others)} more: {self.keymap.sign('help')} shows them)" if others else ""
        self.home.say(f"{self.store.config_file.name}: {first}{more}", "wait")

    def on_unmount(self) -> None:
        """Stop reading."""
        if not self._standing:  # a storage that does not answer would hold up the end
            self.visit.end()
        self.feed.stop()

    async def on_event(self, event: events.Event) -> None:
        """Somebody is there who presses keys: the news are told to those who were away."""
        pressed = isinstance(event, events.Key | events.MouseDown) and not event.is_forwarded
        if pressed and self.visit.touch(utc_now()):
            self.home.tell_news()
        await super().on_event(event)

    def _read_first(self) -> None:
        """Wait a moment for the jobs before anything is painted, so that the first paint shows them."""
        first = self.feed.start(FIRST_LOOK_SECONDS)
        if first is None:
            self._standing = READING
            return
        self.latest[type(first)] = first
        if isinstance(first, JobsChanged):
            self._ends.among(first.jobs)

    def _check_answers(self) -> None:
        """Say when what is shown may be old since something does not answer; take it back when it does."""
        looking = self.feed.looking
        silent = time.monotonic() - looking.since if looking is not None else 0.0
        if looking is not None and silent >= SILENT_SECONDS:
            self._stand(
                f"{looking.at} has not answered for {silent:.0f} s: what is shown may be old"
            )
        elif self._standing == READING:
            self._stand(READING)
        elif self._standing:
            self._stand("")
            self.say(ANSWERS_AGAIN, "good")

    def _stand(self, said: str) -> None:
        """Say it until it is no longer true; what a key has to say comes first."""
        self._standing = said
        self._stood.add(one_line(said))
        note = next(iter(self.screen.query(NoteLine)), None)
        if note is not None and note.said in self._stood:
            note.say(said, "wait")

    def _first_job(self) -> str | None:
        """The id of the job that the command line named."""
        if self.options.job is None:
            return None
        try:
            return self.store.find(self.options.job).id
        except TunedeckError:
            return None

    @on(JobsChanged)
    @on(MetricsGrew)
    @on(MemoryGrew)
    @on(LogGrew)
    @on(DetailsChanged)
    @on(TelemetryRead)
    @on(SecondPassed)
    @on(FeedFailed)
    def _hand_on(self, message: Message) -> None:
        """Give the screen on top what the feed read; the others catch up when they come back."""
        if isinstance(message, JobsChanged | FeedFailed) and self._standing == READING:
            self._stand("")
        if isinstance(message, JobsChanged):
            self.latest.pop(FeedFailed, None)
            self._tell_ends(message.jobs)
        if not isinstance(message, SecondPassed | FeedFailed):
            self.latest[type(message)] = message
        top = self.screen_stack[-1] if self.screen_stack else None
        if self.is_running and isinstance(top, DeckScreen) and top.ready:
            with self.batch_update():
                top.take(message)

    def _tell_ends(self, jobs: Sequence[JobView]) -> None:
        """Ring, or tell the desktop, when jobs have ended that were under way a moment ago."""
        ended = self._ends.among(jobs)
        if not ended:
            return
        said = ", ".join(f"{text.short_id(job.id)} {job.state}" for job in ended)
        good = all(job.state is JobState.COMPLETED for job in ended)
        self.say(said, "good" if good else "bad")
        if self.settings.notify != "off":
            self._write(notices.sequence(said, self.settings.notify, os.environ))

    def _write(self, sequence: str) -> None:
        """Send something to the terminal that is no part of the screen."""
        if self._driver is not None:  # Textual has no public way to it
            self._driver.write(sequence)

    def on_key(self, event: events.Key) -> None:
        """Give a key that came before its question or its input had the focus to where it belongs."""
        focused = self.focused
        if focused is None or event is self._handed_on:
            return
        if focused.check_consume_key(event.key, event.character):
            event.prevent_default()
            self._handed_on = events.Key(event.key, event.character)
            focused.post_message(self._handed_on)

    @on(FeedBroke)
    def _break(self, message: FeedBroke) -> None:
        """End with the traceback rather than show what is no longer true."""
        raise message.error

    def follow(self, job: JobView | None) -> None:
        """Read this job's curves, log and details from now on."""
        for kind in OF_ONE_JOB:
            self.latest.pop(kind, None)
        self.feed.follow(job)

    def open_job(self, job: JobView) -> None:
        """Show everything about a job."""
        from tui.screens.job import JobScreen  # this and the others late: home comes first

        self.push_screen(JobScreen(job))

    def open_log(self, job: JobView) -> None:
        """Show a job's log."""
        from tui.keys import LOG
        from tui.screens.job import JobScreen

        self.push_screen(JobScreen(job, LOG))

    def open_new(self, copy_of: JobView | None = None) -> None:
        """Show the screen that makes a job, filled in as a copy where there is one to copy."""
        from tui.screens.new import NewScreen

        self.push_screen(NewScreen(copy_of))

    def open_edit(self, job: JobView) -> None:
        """Show what can still be changed of a paused job."""
        from tui.screens.edit import EditScreen

        self.push_screen(EditScreen(job))

    def go_home(self) -> None:
        """Close every screen above home."""
        while self.screen is not self.home and len(self.screen_stack) > 1:
            self.pop_screen()

    def open_compare(self, jobs: Sequence[JobView]) -> None:
        """Show the curves of several jobs in one chart."""
        from tui.screens.compare import CompareScreen

        self.push_screen(CompareScreen(jobs))

    def open_help(self) -> None:
        """Show the keys, first those of the screen and tab on top."""
        from tui.screens.help import HelpScreen

        if isinstance(self.screen, DeckScreen):
            self.push_screen(HelpScreen(self.screen.table_names))

    def open_palette(self) -> None:
        """Show everything that can be done now."""
        from tui.palette import Palette

        if isinstance(self.screen, DeckScreen):
            self.push_screen(Palette())

    def choose_theme(self, name: str) -> None:
        """Take other colours, at the next visit too."""
        self.theme = name
        said, tone = f"the theme is {name} from now on", "good"
        if self.options.readonly:
            said = f"the theme is {name}; with --readonly it is not remembered"
        else:
            try:
                self.memory.remember(**themes.remembered(name, self.settings.theme))
            except OSError as error:
                why = error.strerror or error
                said, tone = f"the theme is {name}, but {self.memory.path} says: {why}", "wait"
        self.say(said, tone)

    def say(self, said: str, tone: str = "") -> None:
        """Show a note on the screen on top."""
        if isinstance(self.screen, DeckScreen) and self.screen.ready:
            self.screen.say(said, tone)

    def copy(self, copied: str) -> None:
        """Put something on the clipboard of the terminal, through SSH too, and say so."""
        self.copy_to_clipboard(copied)
        self.say(f"copied {copied}", "good")

    def run_demo(self) -> None:
        """Queue the bundled fine-tune."""
        if self._demo_wanted:
            self.say("the demo is being checked", "wait")
            return
        self._demo_wanted = True
        self.say("checking the demo", "busy")
        self._queue_demo()

    @work(thread=True, group="demo")
    def _queue_demo(self) -> None:
        """Check and queue it, which takes a while."""
        from engine.demo.submission import queue_demo

        try:
            self.post_message(self.DemoQueued(queue_demo(self.store, by="deck").job.id))
        except TunedeckError as error:
            self.post_message(VerbRefused(error.message, error.hint))
        except OSError as error:
            self.post_message(VerbRefused(f"the demo: {error.strerror or error}"))

    @on(DemoQueued)
    def _demo_queued(self, event: DemoQueued) -> None:
        self._demo_wanted = False
        self.made(event.job_id)
        self.say(f"{text.short_id(event.job_id)} is queued: it trains for a few minutes", "good")

    @on(VerbRefused)
    def _demo_refused(self, event: VerbRefused) -> None:
        self._demo_wanted = False
        self.say(f"{event.message}: {event.hint}" if event.hint else event.message, "bad")

    def made(self, job_id: str) -> None:
        """Highlight a new job as soon as it is seen."""
        self.home.highlight(job_id)
        self.feed.look_again()

    def tell_home(self, said: str, warning: bool) -> None:
        """Say something on the home screen."""
        self.home.say(said, "wait" if warning else "good")

    def action_quit_deck(self) -> None:
        """Close the deck."""
        self.leave()

    def leave(self) -> None:
        """Close the deck, and say what goes on without it."""
        changed = self.latest.get(JobsChanged)
        jobs = changed.jobs if isinstance(changed, JobsChanged) else ()
        going = sum(job.state.living or job.state is JobState.QUEUED for job in jobs)
        one = going == 1
        said = f"{going} job{' goes' if one else 's go'} on; tunedeck shows {'it' if one else 'them'} again"
        self.exit(0, message=Text(said) if going else None)


_AS_SCREENS_SEE_IT: type[Deck] = DeckApp
