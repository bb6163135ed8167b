"""`tunedeck data convert IN OUT --to FORMAT`: the same rows in another format, one after another.

OUT is there when all of it is written, or not at all.
"""

import argparse
import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from engine.cli.counting import counting
from engine.cli.output import narrate, say
from engine.data.bad_rows import BadRows
from engine.data.conversion import OpenSource, open_rows
from engine.data.detection import recognise
from engine.data.extent import estimated_rows, files_of
from engine.data.row import AnyRow, BrokenRow
from engine.data.source import HubId, resolve
from engine.data.writers import Writer, writer
from engine.errors import DataError, MachineError, UsageError

TO_STDOUT = "-"
LINES = (".jsonl", ".ndjson")
_TOLD_ROWS = 1000


def run(args: argparse.Namespace) -> int:
    """Read, convert and write."""
    wanted = writer(args.to)
    out = None if args.out == TO_STDOUT else _target(args)
    opened = _opened(args, wanted)
    quarantine = out.with_name(f"{out.name}.bad.jsonl") if out is not None else None
    if args.on_bad_row == "quarantine" and quarantine is None:
        raise UsageError("--on-bad-row quarantine needs a file beside OUT", "name OUT, not -")
    with BadRows(args.on_bad_row, quarantine) as bad, _written(out) as put:
        rows = _convert(opened, wanted, put, bad, args)
        if args.on_bad_row == "fail":
            bad.settle()
        if not rows:
            raise DataError(f"{args.data}: no row can be written", _why(bad))
    kept = f", kept in {quarantine}" if args.on_bad_row == "quarantine" and bad.count else ""
    left = f"; {bad.count:,} left out{kept}" if bad.count else ""
    read = f"{opened.reading.format.name}, {opened.kind}"
    narrate(
        f"wrote {rows:,} row{'s' * (rows != 1)} ({read}) as {wanted.name} to {out or 'stdout'}{left}"
    )
    return 0


def _why(bad: BadRows) -> str:
    return f"the first: {bad.first[0].where}: {bad.first[0].reason}" if bad.first else ""


def _target(args: argparse.Namespace) -> Path:
    out = Path(args.out)
    if _kind(out) not in (*LINES, ".json"):
        raise UsageError(
            f"{args.out}: files of this kind are not written",
            "name OUT .jsonl, .json or .jsonl.gz, or - for stdout",
        )
    if any(out.absolute() == path.absolute() for path in files_of(args.data)):
        raise UsageError("OUT is IN", "name another file to write")
    if out.exists() and not args.force:
        raise UsageError(f"{out} is there already", "--force replaces it")
    return out


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _opened(args: argparse.Namespace, wanted: Writer) -> OpenSource:
    resolved = resolve(args.data, Path.cwd())
    if isinstance(resolved, HubId):
        raise DataError(
            f"{resolved}: data on the Hugging Face hub is not converted",
            f"download it first: hf download --repo-type dataset {resolved.name}",
        )
    return open_rows(
        resolved,
        partial(
            recognise,
            format=args.format,
            columns=dict(args.columns),
            kinds=wanted.kinds,
            refusal=wanted.refusal,
            advice=wanted.advice,
        ),
    )


def _convert(
    opened: OpenSource,
    wanted: Writer,
    put: Callable[[dict[str, Any]], None],
    bad: BadRows,
    args: argparse.Namespace,
) -> int:
    """Writes what can be written; returns how many rows."""
    written = 0
    estimate = estimated_rows(files_of(args.data))
    with counting("converting", estimate, quiet=True) as told:
        for number, row in enumerate(opened.rows, 1):
            if number % _TOLD_ROWS == 0 and told is not None:
                told(number)
            made = _made(opened, wanted, row, conversational=args.conversational)
            if isinstance(made, BrokenRow):
                bad.add(made)
            else:
                put(made)
                written += 1
    return written


def _made(
    opened: OpenSource, wanted: Writer, row: AnyRow, *, conversational: bool
) -> dict[str, Any] | BrokenRow:
    found = opened.understood(row, chat=True)
    if isinstance(found, BrokenRow):
        return found
    try:
        return wanted.write(found, row.where, conversational=conversational)
    except DataError as error:
        reason = error.message.removeprefix(f"{row.where}: ")
        content = getattr(row, "values", None)
        return BrokenRow(row.file, row.line, reason, error.hint, content, row.unit)


# --- writing --------------------------------------------------------------------------------------


@contextmanager
def _written(out: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Takes rows; the file is put in its place when nothing went wrong."""
    if out is None:
        yield lambda row: say(_line(row))
        return
    building = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with building.open("xb") as raw:
            with _packed(raw, out) as file, _rows(file, _kind(out)) as put:
                yield put
            raw.flush()
            os.fsync(raw.fileno())
        building.replace(out)
    except OSError as error:
        raise MachineError(
            f"{out} cannot be written: {error.strerror or error}", "name another file, or make room"
        ) from error
    finally:
        with suppress(OSError):
            building.unlink()


@contextmanager
def _packed(raw: BinaryIO, out: Path) -> Iterator[Any]:
    if not out.name.lower().endswith(".gz"):
        yield raw
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield packed


@contextmanager
def _rows(file: Any, kind: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """One object a line, or all of them in one array."""
    array, first = kind == ".json", True

    def put(row: dict[str, Any]) -> None:
        nonlocal first
        between = ("[\n" if first else ",\n") if array else ""
        first = False
        file.write(f"{between}{_line(row)}{'' if array else chr(10)}".encode())

    yield put
    if array:
        file.write(b"[]\n" if first else b"\n]\n")


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)
