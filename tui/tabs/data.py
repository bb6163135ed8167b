"""Data: what the worker found in it, and the first rows as the model sees them, once somebody asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from engine import preview
from engine.data import preview as tokens
from engine.data.preview import Preview, Stretch, View
from engine.errors import TunedeckError
from engine.files import read_json
from engine.job import Job
from engine.status import JobState
from engine.text import one_line
from engine.watch import JobView
from tui.keys import DATA, Key, bindings_of
from tui.tabs.facts import fact, path_in
from tui.tabs.tab import KeysChanged, Noted, RowsTab
from tui.widgets.about import wrapped
from tui.widgets.canvas import Toned
from tui.widgets.sheet import Scroll

LONGEST_ROW = 4000
"""Characters of a row that are shown."""
BAR_WIDTH = 24
NOT_YET = "the worker counts the data when it begins; `tunedeck plan` looks at it before"
READING = "reading the first rows as the model sees them: the training libraries take their time"
NO_WRITING = "they are read already"


@dataclass
class Looked(Message):
    """The job's folder was looked at."""

    job_id: str
    data: Mapping[str, Any]
    """The data of the manifest; empty before there is one."""
    preview: Preview | None


@dataclass
class Previewed(Message):
    """The first rows were read, or could not be."""

    job_id: str
    preview: Preview | None
    said: str = ""


class DataTab(RowsTab):
    """Facts first, then the rows; nothing is read before the tab is seen, and no token before `t`."""

    table_name = DATA
    BINDINGS = bindings_of(DATA)

    def __init__(self, *, ascii_only: bool, keeps: bool, id: str | None = None) -> None:
        """`keeps` leaves what was read in the job's folder."""
        super().__init__(ascii_only=ascii_only, id=id)
        self._keeps = keeps
        self._job: Job | None = None
        self._seen: tuple[str, JobState, int] | None = None
        """Job, state and attempt when the folder was looked at."""
        self._data: Mapping[str, Any] = {}
        self._preview: Preview | None = None
        self._reading = False
        self._said = ""
        """What went wrong."""

    def compose(self) -> ComposeResult:
        """Rows that scroll."""
        yield Scroll(id="data-rows")

    @property
    def rows(self) -> Scroll:
        """What is shown."""
        return self.query_one(Scroll)

    def show_job(self, job: JobView) -> None:
        """Look at the folder, where that was not done since the job's state is what it is."""
        seen = (job.id, job.status.state, job.status.attempt)
        if seen == self._seen:
            return
        self._seen, self._job = seen, job.job
        self._look(job.job)
        self._show()

    @work(thread=True, exclusive=True, group="look")
    def _look(self, job: Job) -> None:
        """Read the manifest, and what an earlier look left; the folder may lie on a slow disk."""
        data: Mapping[str, Any] = {}
        found = None
        try:
            manifest = read_json(job.manifest_file) or {}
            data = manifest["data"] if isinstance(manifest.get("data"), Mapping) else {}
            found = preview.known(job)
        except (TunedeckError, OSError, ValueError):
            pass  # the spec's tab says what is wrong with it
        self.post_message(Looked(job.id, data, found))

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        event.stop()
        if self._job is None or event.job_id != self._job.id:
            return
        self._data = event.data
        self._preview = event.preview or self._preview
        self._show()

    # --- tokens -----------------------------------------------------------------------------------

    def why_not(self, key: Key) -> str | None:
        """The rows are read once."""
        if key.action != "tokens":
            return super().why_not(key)
        return READING if self._reading else NO_WRITING if self._preview is not None else None

    def action_tokens(self) -> None:
        """Read the first rows as the model sees them."""
        if self._job is None or self._reading or self._preview is not None:
            self.post_message(Noted(READING if self._reading else NO_WRITING, "wait"))
            return
        self._reading, self._said = True, ""
        self._read(self._job)
        self._show()

    @work(thread=True, exclusive=True, group="tokens")
    def _read(self, job: Job) -> None:
        """Ask a process of its own, which ends with the deck."""
        worker = get_current_worker()
        try:
            found = preview.of_job(job, keep=self._keeps, stop=lambda: worker.is_cancelled)
        except preview.Stopped:
            return
        except TunedeckError as error:
            self.post_message(Previewed(job.id, None, f"{error.message}: {error.hint}"))
        except (OSError, ValueError) as error:
            self.post_message(Previewed(job.id, None, f"the rows cannot be read: {error}"))
        else:
            self.post_message(Previewed(job.id, found))

    @on(Previewed)
    def _previewed(self, event: Previewed) -> None:
        event.stop()
        self._reading = False
        self._preview, self._said = event.preview, event.said
        self._show()

    def _show(self) -> None:
        state = READING if self._reading else self._said
        make = partial(data_rows, self._data, self._preview, state, self._reading, self.ascii_only)
        self.rows.show(make)
        self.post_message(KeysChanged())


# --- rows -----------------------------------------------------------------------------------------


def data_rows(
    data: Mapping[str, Any],
    found: Preview | None,
    said: str,
    reading: bool,
    ascii_only: bool,
    widget: Toned,
    width: int,
) -> list[Text]:
    """What is known of the data, then its first rows."""
    rows = [fact(widget, width, title, value, tone) for title, value, tone in _facts(data, width)]
    if not data:
        rows = [Text(line, style=widget.tone("dim")) for line in wrapped(NOT_YET, width, 2)]
    if found is not None:
        rows += [fact(widget, width, title, value) for title, value in _token_facts(found)]
        rows += _bars(found, widget)
        for number, views in enumerate(found.rows, 1):
            for view in views:
                rows += [Text(), _headline(number, view, widget)]
                rows += _token_rows(view, widget, width, ascii_only=ascii_only)
    elif said:
        tone = "busy" if reading else "bad"
        rows += [Text(), *(Text(one, style=widget.tone(tone)) for one in wrapped(said, width, 4))]
    else:
        hint = "t shows the first rows as the model sees them, with what is learned in them"
        rows += [Text(), *(Text(one, style=widget.tone("dim")) for one in wrapped(hint, width, 2))]
    return rows


def _facts(data: Mapping[str, Any], width: int) -> Iterator[tuple[str, str, str]]:
    """Title, value and tone of what the manifest says."""
    bad, share = data.get("bad_rows"), data.get("trained_share")
    kind = f", read as {one_line(str(data['kind']))}" if data.get("kind") else ""
    if data.get("format"):
        yield "format", f"{one_line(str(data['format']))}{kind}", ""
    rows = [
        f"{value:,} {what}"
        for name, what in (("train_rows", "to train on"), ("eval_rows", "to evaluate on"))
        if isinstance(value := data.get(name), int) and (value or name == "train_rows")
    ]
    if rows:
        yield "rows", ", ".join(rows), ""
    if isinstance(bad, int):
        yield "bad rows", f"{bad:,} left out" if bad else "none", "wait" if bad else ""
    tokens_ = data.get("tokens")
    if isinstance(tokens_, int) and tokens_:
        learned = f", {share:.1%} of them learned" if isinstance(share, int | float) else ""
        yield "tokens", f"{tokens_:,} an epoch{learned}", ""
    if isinstance(data.get("fingerprint"), str):
        yield "fingerprint", data["fingerprint"], "dim"
    files = data.get("files")
    files = files if isinstance(files, list) else []
    for number, path in enumerate(files[:3]):
        more = f" and {len(files) - 3:,} more" if number == 2 and len(files) > 3 else ""
        yield "files" if number == 0 else "", f"{path_in(str(path), width - 30)}{more}", ""


def _token_facts(found: Preview) -> Iterator[tuple[str, str]]:
    rows = f"of {'all' if found.complete else 'the first'} {found.read_rows:,} rows"
    if found.lengths is not None:
        spread = found.lengths
        yield "lengths", f"half up to {spread.p50:,} tokens, longest {spread.max:,}, {rows}"
    if found.max_length is not None:
        cut = f"{found.cut_share:.1%} of the rows are cut" if found.cut_rows else "no row is cut"
        yield "max_length", f"{found.max_length:,} tokens: {cut}"
    if found.untrained_rows and found.trained_tokens:
        untrained = found.untrained_rows
        yield "learned", f"nothing in {untrained:,} row{'s' * (untrained != 1)}"
    if found.template:
        yield "template", found.template
    if found.note:
        yield "note", found.note


def _bars(found: Preview, widget: Toned) -> list[Text]:
    """One row a bar: how many rows are so long."""
    highest = max((bar.count for bar in found.bars), default=0)
    words = [f"{bar.low:,} to {bar.high:,}" for bar in found.bars]
    room = max(map(len, words), default=0)
    rows = []
    for bar, label in zip(found.bars, words, strict=True):
        full = max(1, round(bar.count / highest * BAR_WIDTH)) if bar.count else 0
        row = Text.assemble((f"{'':<12}{label:>{room}} ", widget.tone("dim")), no_wrap=True)
        rows.append(row.append("█" * full, style=widget.tone("bar")).append(f" {bar.count:,}"))
    return rows


def _headline(number: int, view: View, widget: Toned) -> Text:
    label = f" {one_line(view.label)}" if view.label else ""
    cut = f", {view.cut_tokens:,} cut" if view.cut_tokens else ""
    said = f"{view.tokens:,} tokens, {view.trained_tokens:,} learned{cut}"
    return Text.assemble(
        (f"row {number}{label}  ", widget.tone("title")), (said, widget.tone("dim"))
    )


def _token_rows(view: View, widget: Toned, width: int, *, ascii_only: bool) -> list[Text]:
    """What is learned is coloured and stands between marks, since no colour tells anything alone."""
    before, after = ("[[", "]]") if ascii_only else ("⟦", "⟧")
    kept, more = tokens.shown(view, LONGEST_ROW)
    marked = [Stretch(f"{before}{one.text}{after}", True) if one.trained else one for one in kept]
    rows = [
        Text.assemble(
            *((one.text, widget.tone("good" if one.trained else "")) for one in line), no_wrap=True
        )
        for line in tokens.lines(marked, width)
    ]
    return [*rows, Text("…", style=widget.tone("dim"))] if more else rows
