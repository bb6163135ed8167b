"""The deck's colours: two themes of its own beside Textual's, and which one a visit begins with."""

from collections.abc import Collection, Mapping
from typing import Any

from textual.theme import Theme

DEFAULT = "tokyo-night"

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#66d9ff",
    secondary="#ff9dff",
    accent="#ffff00",
    warning="#ffd000",
    error="#ff8a80",
    success="#5dff8f",
    foreground="#ffffff",
    background="#000000",
    surface="#1c1c1c",
    panel="#262626",
    variables={
        "text-muted": "#d0d0d0",
        "primary-muted": "#00466b",
        "border": "#ffffff",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "block-cursor-blurred-background": "#ffff00",
        "block-cursor-blurred-foreground": "#000000",
    },
)
"""Black, white, and colours that are far from both."""

COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#f0e442",
    warning="#f0e442",
    error="#ff8c1a",
    success="#56b4e9",
    foreground="#e8e8e8",
    background="#10141a",
    surface="#1b222c",
    panel="#242d39",
    variables={"text-muted": "#a9b4c0", "primary-muted": "#1f4e6e"},
)
"""Blue is good and orange is bad, after the palette of Okabe and Ito: nothing is told by red and green."""

OWN = (HIGH_CONTRAST, COLOUR_BLIND)

SHORT = {"dark": DEFAULT, "light": "catppuccin-latte", "ansi": "ansi-dark"}
"""Names that say what they are, for those who look for no theme in particular."""


def known(name: str, available: Collection[str]) -> str | None:
    """The theme that is meant; None when there is none of that name."""
    wanted = SHORT.get(name, name)
    return wanted if wanted in available else None


def first(
    asked: str | None, configured: str | None, remembered: Mapping[str, Any], there: Collection[str]
) -> str:
    """The theme to begin with.

    The command line comes first; then what was chosen in the deck, unless `config.toml` names another
    theme now than it did then; then `config.toml`.
    """
    chosen = remembered.get("theme")
    if remembered.get("theme_instead_of") != configured:
        chosen = None
    wanted = [name for name in (asked, chosen, configured) if isinstance(name, str)]
    return next((meant for name in wanted if (meant := known(name, there)) is not None), DEFAULT)


def remembered(name: str, configured: str | None) -> dict[str, str | None]:
    """What to remember of a choice, so that a later change of `config.toml` counts more."""
    return {"theme": name, "theme_instead_of": configured}
