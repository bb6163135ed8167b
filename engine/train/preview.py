"""`python -m engine.train.preview ANSWER`: the first rows of some data as the model will see them.

Reads a resolved spec as JSON from stdin and writes one JSON object into the file ANSWER: a preview, or an
error. Rows are rendered by what trains on them, so the marks are those of the training. Loads no weights.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson

from engine import spec as specs
from engine.data import BadRows, HubId, Part, open_parts
from engine.data.kinds import Canonical
from engine.data.lengths import Lengths
from engine.data.preview import Preview, Stretch, View
from engine.errors import DataError, TunedeckError
from engine.files import write_json
from engine.spec import JobSpec
from engine.train.rendering import IGNORED, SFT_KINDS, Rendered, Renderer

SHOWN_TOKENS = 2000
"""Of one row: enough to see how it is put together."""


def main(arguments: list[str] | None = None) -> int:
    """Answer one question."""
    parser = argparse.ArgumentParser(prog="python -m engine.train.preview", description=__doc__)
    parser.add_argument("answer", type=Path, help="the file that the answer is written into")
    parser.add_argument("--rows", type=int, default=3, help="how many rows are shown")
    parser.add_argument("--sample", type=int, default=2000, help="how many rows are measured")
    options = parser.parse_args(arguments)
    try:
        spec = specs.build(orjson.loads(sys.stdin.buffer.read()), source="", base_folder=Path.cwd())
        answer = preview(spec, rows=options.rows, sample=options.sample).to_json()
    except TunedeckError as error:
        answer = {"error": error.message, "hint": error.hint}
    write_json(options.answer, answer, durable=False)
    return 0


def preview(spec: JobSpec, *, rows: int, sample: int) -> Preview:
    """The first rows as tokens, and the lengths of the first `sample` rows.

    Raises:
        TunedeckError: tokenizer or data cannot be read, or the template refuses a row.
    """
    from engine.train import model

    tokenizer, template = model.load_tokenizer(spec)
    bad = BadRows("skip")
    parts = open_parts(
        spec.data,
        method=spec.method,
        base_folder=Path.cwd(),
        chat=template is not None,
        bad_rows=bad,
        read_hub=_read_hub,
    )
    packs = bool(spec.training.get("packing", spec.method == "pretrain"))
    measure = _Measure(
        tokenizer,
        Renderer(tokenizer, template, spec.training),
        max_length=None if packs else _max_length(spec),
        mode=str(spec.training.get("truncation_mode") or "keep_start"),
        shown_rows=rows,
    )
    seen = chain.from_iterable(measure.rendered(part.rows, part.kind) for part in parts)
    for row in islice(seen, sample):
        measure.add(row)
    return measure.preview(
        complete=next(seen, None) is None,
        bad_rows=bad.count,
        template=template.source if template is not None else "",
        note=_note(parts, packs=packs),
    )


def _note(parts: Iterable[Part], *, packs: bool) -> str:
    if any(part.kind == "question" for part in parts):
        return (
            "the model writes the answers itself: they are rewarded, and no token here is learned"
        )
    return "rows are joined into blocks: none is cut" if packs else ""


def _max_length(spec: JobSpec) -> int | None:
    """Where rows are cut, as the worker decides it."""
    from transformers import AutoConfig

    from engine.train.arguments import row_length
    from engine.train.model import context_length

    try:
        config = AutoConfig.from_pretrained(spec.model.name, revision=spec.model.revision)
    except (OSError, ValueError, KeyError):
        return row_length(spec.training, None)
    return row_length(spec.training, context_length(config))


def _read_hub(hub: HubId) -> Iterable[dict[str, Any]]:
    """The first rows, as they come: nothing is stored for a look."""
    from engine.train.intake import hub_rows

    return hub_rows(replace(hub, streaming=True))


Views = Sequence[tuple[str, Rendered]]
"""One row: what each rendering of it is called, and its tokens."""


class _Measure:
    """Counts and shows rows one by one."""

    def __init__(
        self,
        tokenizer: Any,
        renderer: Renderer,
        *,
        max_length: int | None,
        mode: str,
        shown_rows: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._renderer = renderer
        self._max_length = max_length
        self._mode = mode
        self._shown_rows = shown_rows
        self._lengths = Lengths()
        self._rows: list[tuple[View, ...]] = []
        self._read = self._cut = self._tokens = self._trained = self._untrained = 0
        self._refused = 0
        """Rows that the chat template refuses."""

    def add(self, seen: Views) -> None:
        """Measure a row, and keep the first ones."""
        kept = [one.truncated(self._max_length, self._mode) for _, one in seen]
        longest = max(len(one.input_ids) for _, one in seen)
        self._read += 1
        self._lengths.add(longest)
        self._cut += self._max_length is not None and longest > self._max_length
        self._tokens += sum(len(one.input_ids) for one in kept)
        trained = sum(one.trained_tokens for one in kept)
        self._trained += trained
        self._untrained += not trained
        if len(self._rows) < self._shown_rows:
            self._rows.append(
                tuple(
                    self._view(label, whole, cut)
                    for (label, whole), cut in zip(seen, kept, strict=True)
                )
            )

    def preview(self, *, complete: bool, bad_rows: int, template: str, note: str) -> Preview:
        """What was found."""
        return Preview(
            rows=tuple(self._rows),
            read_rows=self._read,
            complete=complete,
            bad_rows=bad_rows + self._refused,
            lengths=self._lengths.spread,
            bars=self._lengths.bars(),
            max_length=self._max_length,
            cut_rows=self._cut,
            tokens=self._tokens,
            trained_tokens=self._trained,
            untrained_rows=self._untrained,
            template=template,
            note=note,
        )

    def rendered(self, rows: Iterable[Canonical], kind: str) -> Iterator[Views]:
        """Rows as they are trained on; both answers of a preference, each after its prompt."""
        if kind in SFT_KINDS:
            yield from ([("", one)] for one in self._renderer.render(rows, kind, self._refuse))
            return
        for row in rows:
            try:
                yield self._alone(row, kind)
            except DataError:
                self._refused += 1

    def _refuse(self, number: int, row: Canonical, why: DataError) -> None:
        self._refused += 1

    def _alone(self, row: Canonical, kind: str) -> Views:
        match kind:
            case "preference":
                return [(name, self._answered(row, name)) for name in ("chosen", "rejected")]
            case "unpaired":
                return [("good" if row["label"] else "bad", self._answered(row, "completion"))]
        ids = self._renderer.prompt(row["prompt"])
        return [("", Rendered(ids, [IGNORED] * len(ids)))]

    def _answered(self, row: Canonical, answer: str) -> Rendered:
        exchange = {"prompt": row["prompt"], "completion": row[answer]}
        return next(self._renderer.render([exchange], "exchange"))

    def _view(self, label: str, whole: Rendered, kept: Rendered) -> View:
        shown = Rendered(kept.input_ids[:SHOWN_TOKENS], kept.labels[:SHOWN_TOKENS])
        return View(
            label=label,
            stretches=tuple(self._stretches(shown)),
            tokens=len(kept.input_ids),
            trained_tokens=kept.trained_tokens,
            cut_tokens=len(whole.input_ids) - len(kept.input_ids),
            hidden_tokens=len(kept.input_ids) - len(shown.input_ids),
        )

    def _stretches(self, row: Rendered) -> Iterator[Stretch]:
        marks = [label != IGNORED for label in row.labels]
        edges = [n for n in range(1, len(marks)) if marks[n] != marks[n - 1]]
        for start, end in zip([0, *edges], [*edges, len(marks)], strict=True):
            if end > start:
                text = self._tokenizer.decode(
                    row.input_ids[start:end],
                    skip_special_tokens=False,
                    clean_up_tokenization_spaces=False,
                )
                yield Stretch(text, marks[start])


if __name__ == "__main__":
    with suppress(OSError):
        os.nice(10)  # whoever trains beside it comes first
    code = main()
    os._exit(code)
