"""The key table with the user's own keys laid over it: what dispatch, footer, help and palette show.

`[keys]` in `config.toml` names an action and its keys; what makes no sense there is left out and said in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, product

from textual.keys import Keys, _character_to_key  # the latter names every key press of a terminal

from tui.keys import KEYS, SCREEN_OF, TITLES, YES, Key, keys_of

SAYINGS = {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
}
"""What people write for a key, where Textual has another name."""

SIGNS = {
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}
"""How keys without a character of their own are written on the screen."""

ARROWS = {sign: name for name, sign in SIGNS.items() if not sign.isascii()}

RESERVED = frozenset({"ctrl+c"})
"""Keys that leave the deck whatever is on the screen."""

_NAMED = {key.value for key in Keys if not key.value.startswith(("<", "vt100", "scroll", "ignore"))}

_CHARACTERS = {_character_to_key(one): one for one in map(chr, range(0x21, 0x7F))}
"""Textual's name of every key with a sign of ASCII."""

Chosen = Mapping[str, tuple[str, ...]]
"""Action -> the keys that do it, by their Textual names."""


@dataclass(frozen=True)
class Keymap:
    """Which keys do what."""

    chosen: Chosen = field(default_factory=dict)
    """The user's own; every other action has the keys of the table."""
    ascii_only: bool = False
    problems: tuple[str, ...] = ()
    """What the user wrote that makes no sense, in words."""

    def of(self, name: str) -> tuple[Key, ...]:
        """The keys of that screen or tab, as they are now."""
        return tuple(map(self.now, keys_of(name)))

    def now(self, key: Key) -> Key:
        """An entry of the table as the user wants it."""
        keys = self.chosen.get(key.action)
        if keys is not None:
            return replace(key, keys=keys, shown=written(keys, ascii_only=self.ascii_only))
        if self.ascii_only and not key.shown.isascii():
            return replace(key, shown=_spelled(key.shown))
        return key

    def sign(self, action: str) -> str:
        """How the first key of an action is written, for a sentence that names it."""
        return self._signs[action]

    @cached_property
    def _signs(self) -> Mapping[str, str]:
        signs: dict[str, str] = {}
        for key in KEYS:
            keys = self.chosen.get(key.action, key.keys)
            signs.setdefault(key.action, written(keys[:1], ascii_only=self.ascii_only))
        return signs

    @property
    def bindings(self) -> dict[str, str]:
        """Binding -> keys, as `App.set_keymap` wants them."""
        return {
            f"{name}.{key.action}": ",".join(self.chosen[key.action])
            for key in KEYS
            if key.action in self.chosen
            for name in key.screens
        }


def written(keys: Sequence[str], *, ascii_only: bool = False) -> str:
    """How keys are written on the screen: `j/↓`."""
    said = "/".join(_sign(key) for key in keys)
    return _spelled(said) if ascii_only else said


def _sign(key: str) -> str:
    return SIGNS.get(key) or _CHARACTERS.get(key) or key


def _spelled(said: str) -> str:
    for sign, name in ARROWS.items():
        said = said.replace(sign, name)
    return said


def named(said: str) -> str | None:
    """Textual's name of a key as a user writes it; None when there is no such key."""
    if len(said) == 1:
        return _character_to_key(said) if said.isprintable() else None
    name = SAYINGS.get(said.lower(), said.lower())
    return name if name in _NAMED or name in _CHARACTERS else None


# --- what the user wants --------------------------------------------------------------------------


def keymap(wanted: Mapping[str, Sequence[str]], *, ascii_only: bool = False) -> Keymap:
    """The key table with these keys; each wish that cannot be is left out, with a sentence."""
    chosen: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    actions = {key.action for key in KEYS}
    asking = {key.action for key in KEYS if key.asks}
    for action, said in wanted.items():
        names = tuple(dict.fromkeys(name for one in said if (name := named(one)) is not None))
        if action not in actions:
            problems.append(_unknown(action, actions))
        elif bad := [one for one in said if named(one) is None]:
            problems.append(f'[keys] {action}: there is no key "{bad[0]}"')
        elif taken := [name for name in names if name in RESERVED]:
            problems.append(f"[keys] {action}: {taken[0]} always closes the deck")
        elif action in asking and YES in names:
            problems.append(f"[keys] {action}: {YES} answers its question, so it cannot ask it")
        else:
            chosen[action] = names
    while (clash := next(_clashes(chosen), None)) is not None:
        mine, other, key, name = clash
        del chosen[mine]
        sign, place = written((key,), ascii_only=ascii_only), TITLES[name]
        problems.append(
            f'[keys] {mine}: on {place} {sign} is "{other}" already; give that another key'
        )
    return Keymap(chosen, ascii_only, tuple(problems))


def _unknown(action: str, actions: set[str]) -> str:
    from difflib import get_close_matches  # late: seldom needed

    near = get_close_matches(action, sorted(actions), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(actions))}"
    return f"[keys] {action}: there is no such action; {hint}"


def _clashes(chosen: Chosen) -> Iterator[tuple[str, str, str, str]]:
    """A chosen action, the action that has its key already, the key, and where.

    A tab may go on taking the keys from its screen that it takes in the table.
    """
    for name in TITLES:
        own, around = keys_of(name), keys_of(SCREEN_OF.get(name, ""))
        taken = _keys(own) & _keys(around)
        pairs = [(one, two, frozenset[str]()) for one, two in combinations(own, 2)]
        for mine, screens in product(own, around):
            meant = frozenset[str]() if mine.action in chosen else frozenset(taken)
            pairs.append((mine, screens, meant))
        for one, two, meant in pairs:
            if one.action == two.action or not chosen.keys() & {one.action, two.action}:
                continue
            shared = {*chosen.get(one.action, one.keys)} & {*chosen.get(two.action, two.keys)}
            if shared - meant:
                blamed, other = (two, one) if two.action in chosen else (one, two)
                yield blamed.action, other.action, min(shared - meant), name


def _keys(entries: Sequence[Key]) -> set[str]:
    return {key for entry in entries for key in entry.keys}
