"""What goes to the terminal: data to stdout, narration to stderr, errors in two lines or as JSON."""

import re
import sys
from typing import Any, TextIO

from engine.errors import SpecError, TunedeckError
from engine.text import clean_text

_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def prepare() -> None:
    """A character that the terminal's encoding lacks becomes a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a stream that a test put there may lack it
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """A line of data, on stdout."""
    sys.stdout.write(text + "\n")


def narrate(text: str) -> None:
    """A line for the reader, on stderr."""
    try:
        sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:  # nobody reads the narration; the data may still be wanted
        pass


def say_json(value: Any) -> None:
    """One JSON value, on stdout."""
    say(json_text(value, indented=on_terminal(sys.stdout)))


def json_text(value: Any, *, indented: bool = False) -> str:
    """JSON that is safe to show: what could steer a terminal is written as `\\uXXXX`."""
    import orjson

    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
    text = orjson.dumps(value, option=options, default=str).decode()
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def report(error: TunedeckError, *, as_json: bool) -> None:
    """An error: what happened and what to do; with `--json` one object."""
    if as_json:
        narrate(json_text(error_object(error)))
        return
    narrate(f"tunedeck: {clean_text(error.message)}")
    if error.hint:
        narrate(f"hint: {clean_text(error.hint)}")


def error_object(error: TunedeckError) -> dict[str, Any]:
    """The error as `--json` prints it; an invalid spec lists its problems one by one."""
    data = {
        key: clean_text(value) if isinstance(value, str) else value
        for key, value in error.to_json().items()
    }
    if isinstance(error, SpecError):
        data["problems"] = [
            {
                "field": clean_text(problem.field),
                "message": clean_text(problem.message),
                "hint": clean_text(problem.hint),
            }
            for problem in error.problems
        ]
    return data


def on_terminal(stream: TextIO) -> bool:
    """Whether a person sees this stream."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def speaks_unicode(stream: TextIO) -> bool:
    """Whether the stream can carry our glyphs."""
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") in {
        "utf8",
        "utf16",
    }
