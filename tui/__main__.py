"""`python -m tui`: open the deck on this terminal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import TunedeckError
from engine.store import Store
from tui.options import Options


def parser() -> argparse.ArgumentParser:
    """The options of the deck."""
    made = argparse.ArgumentParser(
        prog="tunedeck", description="Open the deck: every job, live, on this terminal."
    )
    made.add_argument("--job", metavar="ID", help="highlight this job first")
    made.add_argument(
        "--home", type=Path, metavar="DIR", help="the home folder, instead of $TUNEDECK_HOME"
    )
    made.add_argument("--readonly", action="store_true", help="refuse every key that acts")
    made.add_argument("--ascii", action="store_true", help="draw with ASCII characters alone")
    made.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    made.add_argument("--theme", metavar="NAME", help="a Textual theme, such as nord or ansi-dark")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the deck until `q`; the exit code is that of every other command."""
    given = parser().parse_args(arguments)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("the deck needs a terminal; `tunedeck ls` needs none", file=sys.stderr)
        return 2
    from tui.app import DeckApp  # late: `--help` does not wait for Textual

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
        if given.theme is not None and given.theme not in app.available_themes:
            names = ", ".join(sorted(app.available_themes))
            print(f"no theme {given.theme!r}\nthere are: {names}", file=sys.stderr)
            return 2
    except TunedeckError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_code
    result = app.run(mouse=not given.no_mouse)
    return result if isinstance(result, int) else app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
