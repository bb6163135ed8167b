"""The palette: everything that can be done now, found by typing a part of its name.

It offers the keys of the screen and tab beneath it, every job, and every theme. What is impossible now stands
there with the reason, and says it when it is chosen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.color import Color
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style

from engine.status import utc_now
from engine.text import one_line, shortened
from tui import text
from tui.keys import CHARTS, COMPARE, TITLES, Key
from tui.messages import JobsChanged
from tui.order import in_order
from tui.screens.acting import OF_A_JOB
from tui.screens.base import DeckScreen
from tui.themes import OWN

NAME_WIDTH = 26
KEY_WIDTH = 8
EDGES = 12
"""Cells of a row that the palette's frame and margins take."""
WIDEST = 100

DECK_ACTIONS = ("help", "quit_deck", "back")
FOUND_IN_WORDS = 0.05
"""How much a hit in what an entry says is worth, beside one in its name."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the palette."""

    name: str
    """`area: what it does`."""
    run: Callable[[], Any]
    sign: str = ""
    """Its key."""
    says: str = ""
    why_not: str | None = None
    """Why it is impossible now."""


def area(key: Key, name: str) -> str:
    """What a key is about; `name` is the screen or tab whose key it is."""
    if key.action in DECK_ACTIONS:
        return "deck"
    if key.action.startswith("tab_"):
        return "tab"
    if key.verb is not None or key.acts or key.action in OF_A_JOB:
        return "job"
    if {CHARTS, COMPARE} & key.screens:
        return "chart"
    return TITLES[name].lower()


def entries(screen: DeckScreen) -> list[Entry]:
    """Everything that the palette offers on that screen."""
    return [*_actions(screen), *_jobs(screen), *_themes(screen)]


def _actions(screen: DeckScreen) -> Iterator[Entry]:
    deck = screen.deck
    nodes = {active.binding.id: active.node for active in screen.active_bindings.values()}
    seen = set()
    for name in screen.table_names:
        for key in deck.keymap.of(name):
            node = nodes.get(f"{name}.{key.action}")
            if node is None or key.action in seen or not key.listed:
                continue
            seen.add(key.action)
            if key.acts and screen.options.readonly:
                continue
            yield Entry(
                name=f"{area(key, name)}: {key.label.lower()}",
                run=partial(screen.app.run_action, key.action, node),
                sign=key.shown,
                says=key.says,
                why_not=screen.why_not(key),
            )


def _jobs(screen: DeckScreen) -> Iterator[Entry]:
    changed = screen.deck.latest.get(JobsChanged)
    for job in in_order(changed.jobs, now=utc_now()) if isinstance(changed, JobsChanged) else ():
        sign = text.glyph(job.state, ascii_only=screen.options.ascii_only)
        yield Entry(
            name=f"job: open {text.short_id(job.id)}",
            run=partial(screen.deck.open_job, job),
            says=f"{sign} {job.state}  {text.short_model(one_line(job.model))}",
        )


def _themes(screen: DeckScreen) -> Iterator[Entry]:
    deck = screen.deck
    own = [theme.name for theme in OWN]
    for name in sorted(screen.app.available_themes, key=lambda name: (name not in own, name)):
        says = "as it is now" if name == screen.app.theme else ""
        yield Entry(name=f"theme: {name}", run=partial(deck.choose_theme, name), says=says)


class Everything(Provider):
    """Shows and finds entries."""

    async def startup(self) -> None:
        """Look once: what can be done does not change while the palette is open."""
        assert isinstance(self.screen, DeckScreen)
        self._entries = entries(self.screen)

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for entry in self._entries:
            yield DiscoveryHit(self._row(entry, Content(entry.name)), entry.run, text=entry.name)

    async def search(self, query: str) -> Hits:
        """What fits, best first."""
        matcher = self.matcher(query)
        for entry in self._entries:
            score = matcher.match(entry.name)
            if score > 0:
                row = self._row(entry, matcher.highlight(entry.name))
                yield Hit(score, row, entry.run, text=entry.name)
            elif query.lower() in entry.says.lower():
                row = self._row(entry, Content(entry.name))
                yield Hit(FOUND_IN_WORDS, row, entry.run, text=entry.name)

    def _row(self, entry: Entry, name: Content) -> Content:
        """Name, key, and what it does or why it cannot be done, in one line."""
        taken = max(NAME_WIDTH, name.cell_length + 1) + KEY_WIDTH
        room = min(WIDEST, self.app.size.width - EDGES) - taken
        said = shortened(entry.says if entry.why_not is None else f"not now: {entry.why_not}", room)
        dim = self._tone("dim")
        sign = Content(f"{entry.sign:<{KEY_WIDTH}}")
        if entry.why_not is None:
            sign = sign.stylize(self._tone("key"))
        else:
            name = name.stylize_before(dim)
        gap = " " * max(1, NAME_WIDTH - name.cell_length)
        return Content.assemble(name, gap, sign, Content(said).stylize(dim))

    def _tone(self, name: str) -> Style:
        """The style of a meaning, without a background: a highlighted row shows through."""
        whole = self.screen.get_component_rich_style(f"tone--{name}")
        colour = Color.from_rich_color(whole.color) if whole.color is not None else None
        return Style(foreground=colour, bold=whole.bold)


class Palette(CommandPalette):
    """Textual's palette with the deck's entries."""

    def __init__(self) -> None:
        super().__init__([Everything], placeholder="what to do, a job, or a theme")
