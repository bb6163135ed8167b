"""The deck as an application: options, screens, and the feed that tells them what is new."""

from pathlib import Path

from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import Binding
from textual.message import Message

from engine.errors import TunedeckError
from engine.status import JobState
from engine.store import Store
from engine.watch import JobView
from tui.feed import Feed
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
)
from tui.options import Options
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen

DEFAULT_THEME = "tokyo-night"
OF_ONE_JOB = (MetricsGrew, MemoryGrew, LogGrew, DetailsChanged)


class DeckApp(App[int]):
    """Shows jobs and acts on them; holds nothing that would be missed when it dies."""

    CSS_PATH = Path("app.tcss")
    TITLE = "tunedeck"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding("ctrl+c", "quit_deck", "Quit", show=False, priority=True)]

    def __init__(self, store: Store, options: Options) -> None:
        super().__init__()
        self.store = store
        self.options = options
        self.latest: dict[type[Message], Message] = {}
        """The newest message of each kind, for a screen that comes to the top."""
        self.home = HomeScreen(self._first_job())
        self.feed = Feed(store, self.post_message)
        self.animation_level = "none"

    def on_mount(self) -> None:
        """Show home, and begin to read."""
        self.theme = self.options.theme or DEFAULT_THEME
        self._read_first()
        self.push_screen(self.home)
        self.feed.start()

    def on_unmount(self) -> None:
        """Stop reading."""
        self.feed.stop()

    def _read_first(self) -> None:
        """Read the jobs once before anything is painted, so that the first paint shows them."""
        try:
            self.latest[JobsChanged] = self.feed.first()
        except TunedeckError as error:
            self.latest[FeedFailed] = FeedFailed(error.message, error.hint)

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
        if isinstance(message, JobsChanged):
            self.latest.pop(FeedFailed, None)
        if not isinstance(message, SecondPassed | FeedFailed):
            self.latest[type(message)] = message
        top = self.screen_stack[-1] if self.screen_stack else None
        if self.is_running and isinstance(top, DeckScreen) and top.ready:
            with self.batch_update():
                top.take(message)

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
        """Show the end of a job's log."""
        from tui.screens.reading import LogScreen

        self.push_screen(LogScreen(job))

    def open_new(self) -> None:
        """Show the screen that makes a job."""
        from tui.screens.new import NewScreen

        self.push_screen(NewScreen())

    def open_help(self, screen: str) -> None:
        """Show the keys, first those of that screen."""
        from tui.screens.reading import HelpScreen

        self.push_screen(HelpScreen(screen))

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
        said = f"{going} job{'s go' if going != 1 else ' goes'} on; tunedeck shows them again"
        self.exit(0, message=Text(said) if going else None)
