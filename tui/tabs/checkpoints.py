"""Checkpoints: what there is to go on or to export from, what it is worth, and whether it is whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from engine import checkpoints
from engine.checkpoints import Aside, Checkpoint
from engine.curves import Curve
from engine.series import format_bytes
from engine.status import Phase, utc_now
from engine.text import one_line, shortened
from engine.watch import Details, JobView
from tui import moments, text
from tui.keys import CHECKPOINTS, Key, bindings_of
from tui.messages import DetailsChanged, MetricsGrew
from tui.tabs.facts import fact
from tui.tabs.tab import KeysChanged, Noted, RowsTab
from tui.widgets.canvas import Toned
from tui.widgets.listing import Listing, Table
from tui.widgets.sheet import Sheet

READ_AT_ONCE_BYTES = 512 * 1024**2
"""A checkpoint up to this size is read whole to verify it; of a larger one only the sizes are compared."""

NARROW = 66
"""Columns below which the training loss is left out: the evaluation's says more."""

NONE = "no checkpoint yet"
OF_A_CHECKPOINT = frozenset({"resume_here", "export_here"})


Known = tuple[Path, str | None]
"""A checkpoint that was looked at: its folder, and when it was committed."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a checkpoint's files."""

    damage: str | None = None
    """Why it cannot be trusted."""
    read: bool = True
    """Whether every byte was compared, or the sizes alone."""


@dataclass
class ResumeAsked(Message):
    """The job is to go on from that checkpoint."""

    step: int
    newest: bool


@dataclass
class ExportAsked(Message):
    """That checkpoint is to be exported."""

    step: int


@dataclass
class Judged(Message):
    """A checkpoint's files were looked at."""

    checkpoint: Checkpoint
    verdict: Verdict


class CheckpointsTab(RowsTab):
    """The newest first; below them what is known of the selected one."""

    table_name = CHECKPOINTS
    BINDINGS = bindings_of(CHECKPOINTS)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._job: JobView | None = None
        self._details = Details()
        self._train_loss = Curve()
        self._verdicts: dict[Known, Verdict] = {}

    def compose(self) -> ComposeResult:
        """Table and facts."""
        yield Listing(empty=f"{NONE}: pause saves one", id="checkpoint-rows")
        yield Sheet(id="checkpoint-facts")

    @property
    def rows(self) -> Listing:
        """The table."""
        return self.query_one(Listing)

    @property
    def selected(self) -> Checkpoint | None:
        """The selected checkpoint; None where there is none, or the selected folder is no checkpoint."""
        name = self.rows.selected
        return next((one for one in self._details.checkpoints if one.folder.name == name), None)

    @property
    def _newest(self) -> Checkpoint | None:
        """The one that a resume takes, as far as is known."""
        sound = (one for one in reversed(self._details.checkpoints) if not self._damage(one))
        return next(sound, None)

    def show_job(self, job: JobView) -> None:
        """A save under way is told from one that was killed."""
        self._job = job
        self.show_second()

    def take(self, message: Message) -> None:
        """Show what was saved, and the loss at its step."""
        match message:
            case DetailsChanged():
                self._details = message.details
                self._judge(list(reversed(message.details.checkpoints)))
            case MetricsGrew():
                self._train_loss = message.curves.curve("train", "loss")
            case _:
                return
        self.show_second()
        self.post_message(KeysChanged())

    def show_second(self) -> None:
        """Bring ages up to date."""
        entries: list[Checkpoint | Aside] = [*self._details.checkpoints, *self._details.aside]
        entries.sort(key=lambda one: (one.step, one.folder.name), reverse=True)
        make = partial(self._table, entries, utc_now())
        newest = self._newest
        first = newest.folder.name if newest is not None else None
        self.rows.show([one.folder.name for one in entries], make, first)
        self._show_facts()

    # --- whether they are whole -------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="judge")
    def _judge(self, present: Sequence[Checkpoint]) -> None:
        """Look at the files of those that were not looked at yet; reading takes a while."""
        worker = get_current_worker()
        for one in present:
            if worker.is_cancelled:
                return
            if _known(one) in self._verdicts:
                continue
            small = one.size_bytes <= READ_AT_ONCE_BYTES
            damage = checkpoints.damage(one.folder, contents=small)
            self.post_message(Judged(one, Verdict(damage, read=small)))

    @on(Judged)
    def _judged(self, event: Judged) -> None:
        event.stop()
        if event.checkpoint.folder.exists():  # else it was rotated away while it was read
            self._verdicts[_known(event.checkpoint)] = event.verdict
        self.show_second()

    def _damage(self, one: Checkpoint) -> str | None:
        verdict = self._verdicts.get(_known(one))
        return verdict.damage if verdict is not None else None

    # --- rows -------------------------------------------------------------------------------------

    def _table(
        self, entries: Sequence[Checkpoint | Aside], now: str, widget: Toned, width: int
    ) -> Table:
        trains = width >= NARROW
        train = f"{'train':>9}" if trains else ""
        head = Text(f"{'step':>8}{train}{'eval':>9}{'size':>11}{'age':>6}  state")
        favourite, newest = checkpoints.best(list(self._details.checkpoints)), self._newest
        marks = {
            one.step: [
                *(["last"] if one is newest else []),
                *(["best"] if one is favourite else []),
            ]
            for one in self._details.checkpoints
        }
        rows = [
            self._row(one, marks.get(one.step, []), now, widget, trains=trains)
            if isinstance(one, Checkpoint)
            else self._aside_row(one, widget, width, trains=trains)
            for one in entries
        ]
        return Table(head, rows)

    def _row(
        self, one: Checkpoint, marks: Sequence[str], now: str, widget: Toned, *, trains: bool
    ) -> Text:
        train = f"{text.loss(self._loss(one.step)):>9}" if trains else ""
        age = moments.age(_created(one), now)
        row = Text(
            f"{one.step:>8}{train}{text.loss(one.eval_loss):>9}"
            f"{format_bytes(one.size_bytes):>11}{age:>6}  ",
            no_wrap=True,
        )
        said, tone = self._state(one)
        row.append(f"{said:<{12 if trains else 10}}", style=widget.tone(tone))
        return row.append(", ".join(marks), style=widget.tone("strong"))

    def _aside_row(self, one: Aside, widget: Toned, width: int, *, trains: bool) -> Text:
        row = Text(f"{one.step:>8}{'':>{35 if trains else 26}}  ", no_wrap=True)
        said = shortened(self._aside_words(one), max(0, width - len(row.plain)))
        return row.append(said, style=widget.tone(_aside_tone(one)))

    def _aside_words(self, one: Aside) -> str:
        if one.why:
            return f"{'damaged' if one.rejected else 'set aside'}: {one_line(one.why)}"
        return "being saved" if self._saving else "never finished: no commit"

    @property
    def _saving(self) -> bool:
        job = self._job
        return job is not None and job.state.living and job.status.phase == Phase.SAVING

    def _state(self, one: Checkpoint) -> tuple[str, str]:
        verdict = self._verdicts.get(_known(one))
        if verdict is None:
            return "committed", "dim"
        if verdict.damage is not None:
            return "damaged", "bad"
        return ("verified", "good") if verdict.read else ("sizes match", "")

    def _loss(self, step: int) -> float | None:
        """The training loss that was measured at that step, or last before it."""
        point = self._train_loss.near(step)
        return point.y if point is not None and point.x <= step and point.y == point.y else None

    # --- facts of the selected one ----------------------------------------------------------------

    @on(Listing.Selected)
    def _selected(self, event: Listing.Selected) -> None:
        event.stop()
        self._show_facts()
        self.post_message(KeysChanged())

    def _show_facts(self) -> None:
        self.query_one("#checkpoint-facts", Sheet).show(self._facts)

    def _facts(self, widget: Toned, width: int) -> list[Text]:
        one, other = self.selected, self._selected_aside
        if one is None and other is None:
            return []
        if one is None:
            assert other is not None
            said = [
                ("path", str(other.folder), ""),
                ("state", self._aside_words(other), _aside_tone(other)),
            ]
        else:
            said = [
                ("path", str(one.folder), ""),
                ("saved", moments.local(_created(one)), ""),
                ("files", _files(one), ""),
                ("state", self._state_words(one), self._state(one)[1]),
            ]
        return [fact(widget, width, title, value, tone) for title, value, tone in said if value]

    @property
    def _selected_aside(self) -> Aside | None:
        name = self.rows.selected
        return next((one for one in self._details.aside if one.folder.name == name), None)

    def _state_words(self, one: Checkpoint) -> str:
        verdict = self._verdicts.get(_known(one))
        if verdict is None:
            return "committed; its files are being looked at"
        if verdict.damage is not None:
            return f"damaged: {verdict.damage}; a resume sets it aside"
        if verdict.read:
            return "verified: every file has the size and the content that were committed"
        return "every file has its size; the contents are compared before a resume or an export"

    # --- keys -------------------------------------------------------------------------------------

    def why_not(self, key: Key) -> str | None:
        """Its keys need a sound checkpoint; a path is enough to copy it."""
        if key.action == "copy_path":
            return None if self.rows.selected is not None else NONE
        return self._not_from_here() if key.action in OF_A_CHECKPOINT else None

    def _not_from_here(self) -> str | None:
        one, other = self.selected, self._selected_aside
        if other is not None:
            return f"this is no checkpoint: {self._aside_words(other)}"
        if one is None:
            return NONE
        damage = self._damage(one)
        return f"checkpoint {one.step} is damaged: {damage}" if damage is not None else None

    def action_resume_here(self) -> None:
        """Go on from the selected checkpoint."""
        one, why_not = self.selected, self._not_from_here()
        if one is None or why_not is not None:
            self.post_message(Noted(why_not or NONE, "wait"))
        else:
            self.post_message(ResumeAsked(one.step, newest=one is self._newest))

    def action_export_here(self) -> None:
        """Export the selected checkpoint."""
        one, why_not = self.selected, self._not_from_here()
        if one is None or why_not is not None:
            self.post_message(Noted(why_not or NONE, "wait"))
        else:
            self.post_message(ExportAsked(one.step))

    def action_copy_path(self) -> None:
        """Copy where the selected one lies."""
        one = self.selected or self._selected_aside
        if one is None:
            self.post_message(Noted(NONE, "wait"))
            return
        self.app.copy_to_clipboard(str(one.folder))
        self.post_message(Noted(f"copied {one.folder}", "good"))


def _known(one: Checkpoint) -> Known:
    """A checkpoint's name may come again after going back; its time of commit does not."""
    return one.folder, _created(one)


def _aside_tone(one: Aside) -> str:
    return "bad" if one.rejected else "dim" if one.why else "wait"


def _created(one: Checkpoint) -> str | None:
    found = one.facts.get("created_at")
    return str(found) if found else None


def _files(one: Checkpoint) -> str:
    """How many, and the largest of them."""
    files: Mapping[str, Mapping[str, int]] = one.facts["files"]
    largest = sorted(files, key=lambda name: files[name]["size"], reverse=True)[:3]
    named = ", ".join(f"{name} {format_bytes(files[name]['size'])}" for name in largest)
    more = f" and {len(files) - len(largest)} more" if len(files) > len(largest) else ""
    return f"{named}{more}"
