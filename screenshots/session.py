"""A session on a real pseudo-terminal, kept as an asciinema recording."""

import codecs
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect
import pyte

COLUMNS, ROWS = 120, 36
PROMPT = "$ "
PATIENCE_SECONDS = 60.0
IDLE_SECONDS = 1.5
"""The longest wait without anything new that a player shows."""

UNKNOWN_TO_PYTE = re.compile(r"\x1b\[[<=>][0-9;]*[A-Za-z]|\x1b\[[0-9;?]*\$[a-z]")
"""Questions to newer terminals; pyte would take some of them for colours."""


OTHER_SCREEN = re.compile(r"\x1b\[\?1049([hl])")
"""Turns to the screen of full-screen programs, or back; pyte has only one."""


class Screen:
    """What a terminal shows after what was written to it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        self._shell = self.cells = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.cells)

    def feed(self, written: str) -> None:
        """Take in what was written."""
        first, *others = OTHER_SCREEN.split(UNKNOWN_TO_PYTE.sub("", written))
        self._stream.feed(first)
        for turn, part in zip(others[::2], others[1::2], strict=True):
            self.cells = pyte.Screen(*self._size) if turn == "h" else self._shell
            self._stream = pyte.Stream(self.cells)
            self._stream.feed(part)

    @property
    def rows(self) -> list[str]:
        """The letters on it."""
        return list(self.cells.display)

    @property
    def text(self) -> str:
        """Row by row."""
        return "\n".join(self.rows)


class Session:
    """A shell in a terminal, what is typed, and what it writes, each with its time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.screen = Screen(COLUMNS, ROWS)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._events: list[tuple[float, str, str]] = []
        folder = Path(sys.executable).parent
        self._child: Any = pexpect.spawn(
            "bash",
            ["--noprofile", "--norc"],
            env={
                **{name: environ[name] for name in ("HOME", "LANG", "TZ") if name in environ},
                "PATH": f"{folder}:/usr/bin:/bin",
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LC_ALL": "C.UTF-8",
                "PS1": PROMPT,
                "CUDA_VISIBLE_DEVICES": "",
            },
            dimensions=(ROWS, COLUMNS),
            timeout=PATIENCE_SECONDS,
        )
        self._begun = time.monotonic()
        self.until_prompt()

    def watch(self, seconds: float) -> None:
        """Take in what is written within that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(pexpect.TIMEOUT):
                written = self._decoder.decode(self._child.read_nonblocking(65536, timeout=left))
                self._events.append((time.monotonic() - self._begun, "o", written))
                self.screen.feed(written)

    def until_row(self, *words: str) -> None:
        """Watch until one row of the screen holds all of these words."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(all(word in row for word in words) for row in self.screen.rows):
            if time.monotonic() > deadline:
                raise SystemExit(f"waited in vain for {words!r} in:\n{self.screen.text}")
            self.watch(0.1)

    def until_prompt(self) -> None:
        """Watch until the shell waits for a command."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.screen.text.rstrip().splitlines()[-1:] != [PROMPT.rstrip()]:
            if time.monotonic() > deadline:
                raise SystemExit(f"waited in vain for the shell in:\n{self.screen.text}")
            self.watch(0.1)

    def type(self, keys: str, pause: float = 0.0) -> None:
        """Press keys, then watch for a while."""
        self._events.append((time.monotonic() - self._begun, "i", keys))
        self._child.send(keys)
        self.watch(pause)

    def write(self, line: str) -> None:
        """Type a command line as a person does."""
        for letter in line:
            self.type(letter, 0.07)
        self.type("\r")

    def close(self) -> None:
        """End the shell, and the deck if it is there."""
        self._child.close(force=True)

    def save(self, path: Path) -> None:
        """Write it as an asciinema recording, version 2."""
        header = {
            "version": 2,
            "width": COLUMNS,
            "height": ROWS,
            "idle_time_limit": IDLE_SECONDS,
            "title": "tunedeck",
            "env": {"TERM": "xterm-256color", "SHELL": "/bin/bash"},
        }
        lines = [json.dumps(header)]
        for at, kind, data in self._events:
            lines.append(json.dumps([round(at, 3), kind, data], ensure_ascii=False))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def record(path: Path, running: str) -> None:
    """Open the deck while a job trains, look around, pause and resume it, compare two others, and leave.

    `running` is that job's short id, as the deck shows it.
    """
    session = Session(os.environ)
    try:
        _play(session, running)
    finally:
        session.close()
        session.save(path)


def _play(session: Session, running: str) -> None:
    session.watch(0.6)
    session.write("tunedeck")
    session.until_row("▶ running")
    session.watch(2.5)
    for key in "gjjjjj":
        if running not in session.screen.text:
            session.type(key, 1.0)
    session.until_row(running)
    session.watch(1.5)
    session.type("\r")
    session.until_row("[1 Charts]")
    session.watch(2.5)
    for key in ("+", "+", "\x1b[D", "\x1b[D", "\x1b[D", "0"):
        session.type(key, 0.9)
    session.type("z", 2.0)
    session.type("z", 0.8)
    session.type("4", 2.0)
    session.type("1", 1.5)
    for _ in range(2):  # the chart's cursor, then the job
        session.type("\x1b", 1.2)
    session.type("p")
    session.until_row(running, "paused")
    session.watch(2.0)
    session.type("r")
    session.until_row(running, "running")
    session.watch(2.5)
    session.type("/", 0.4)
    for key in "lr":
        session.type(key, 0.25)
    for key in ("\r", "g", " ", " "):
        session.type(key, 0.6)
    session.type("c")
    session.until_row("final loss")
    session.watch(3.0)
    session.type("G", 2.0)
    for _ in range(3):  # compare, filter, marks
        session.type("\x1b", 1.0)
    session.type("q")
    session.until_row("tunedeck shows")
    session.until_prompt()
    session.watch(0.8)
    session.write("tunedeck ls")
    session.until_row("▶ running")
    session.until_prompt()
