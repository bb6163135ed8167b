"""`python -m tui`: open the deck on this terminal."""

import argparse
import sys
from collections.abc import Sequence

from engine.cli import deck
from engine.errors import TunedeckError
from engine.store import Store
from tui.options import Options


def parser() -> argparse.ArgumentParser:
    """The options of the deck."""
    made = argparse.ArgumentParser(
        prog="tunedeck",
        description="Open the deck: every job, live, on this terminal. `q` closes it, and no job ends.",
        epilog="Lasting choices (theme, keys, notices) stand in config.toml: press `?` for where it is.",
    )
    deck.add_options(made)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the deck until `q`; the exit code is that of every other command."""
    given = parser().parse_args(arguments)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("the deck needs a terminal; `tunedeck ls` needs none", file=sys.stderr)
        return 2
    from tui import themes  # late: `--help` does not wait for Textual
    from tui.app import DeckApp

    store = Store(given.home.expanduser().absolute() if given.home else None)
    try:
        store.prepare()
        if given.job is not None:
            store.find(given.job)
        options = Options(
            job=given.job,
            readonly=given.readonly,
            ascii_only=given.ascii,
            theme=given.theme,
        )
        app = DeckApp(store, options)
        if given.theme is not None and themes.known(given.theme, app.available_themes) is None:
            names = ", ".join((*themes.SHORT, *sorted(app.available_themes)))
            print(f"no theme {given.theme!r}\nthere are: {names}", file=sys.stderr)
            return 2
    except TunedeckError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_code
    result = app.run(mouse=app.settings.mouse and not given.no_mouse)
    return result if isinstance(result, int) else app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
