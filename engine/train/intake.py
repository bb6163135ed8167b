"""Takes the rows of a job in: read, converted, rendered, mixed and divided into training and evaluation.

The same spec and files give the same rows in the same order, whatever attempt it is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import datasets

from engine import methods
from engine.data import BadRows, HubId, Part, data_fingerprint, open_eval, open_parts, split_indices
from engine.data.kinds import Canonical
from engine.data.row import BrokenRow
from engine.errors import DataError
from engine.job import Job
from engine.spec import DataSection, JobSpec
from engine.status import Phase
from engine.train import manifest
from engine.train.arguments import row_length
from engine.train.model import Loaded
from engine.train.questions import Questions
from engine.train.rendering import MASK_FIELDS, SFT_KINDS, Rendered, Renderer
from engine.train.reporter import Reporter
from engine.train.rows import RowFolder, lengths, mixed

SAID_EVERY_ROWS = 50_000
EVAL = "eval"


@dataclass(frozen=True)
class Intake:
    """The rows of one job."""

    train: datasets.Dataset
    eval: datasets.Dataset | None
    kind: str
    format: str
    given_rows: int
    """Training rows that could be read, with those of which nothing would be learned."""
    eval_given_rows: int
    max_length: int | None
    bad_rows: int = 0
    """Rows that could not be learned from, and were left out as `data.on_bad_row` says."""

    @property
    def longest_tokens(self) -> int:
        """Of the training rows; where they are no tokens yet, the length that they are cut to."""
        if "input_ids" not in self.train.column_names:
            return self.max_length or 0
        return int(lengths(self.train).max(initial=0))


class Taker:
    """Reads what one job trains on."""

    def __init__(
        self, job: Job, spec: JobSpec, base: Loaded, reporter: Reporter, seed: int
    ) -> None:
        self._job = job
        self._spec = spec
        self._base = base
        self._reporter = reporter
        self._seed = seed
        self._method = methods.method(spec.method)
        self._max_length = row_length(spec.training, base.context_length)
        self._renderer = Renderer(base.tokenizer, base.template, spec.training)
        self._bad = BadRows(spec.data.on_bad_row, job.quarantine_file)
        self._folder = RowFolder(job.prepared, self._made_of())

    def take(self) -> Intake:
        """Everything; what was prepared by an earlier attempt is used again.

        Raises:
            DataError: rows cannot be read or learned from.
        """
        if (facts := self._folder.facts) is None:
            with self._bad:
                facts = self._write()
                self._bad.settle()
            self._folder.commit(facts)
        section, weights = self._spec.data, [one.weight for one in self._spec.data.sources]
        written = [self._folder.written(name) for name in _names(section)]
        train = mixed([one.dataset for one in written], weights, self._seed)
        given, held_out, held_out_given = sum(one.given_rows for one in written), None, 0
        if isinstance(section.eval, str):
            found = self._folder.written(EVAL)
            held_out, held_out_given = found.dataset, found.given_rows
        elif section.eval is not None:
            kept, drawn = split_indices(len(train), section.eval, self._seed)
            held_out, train = train.select(drawn), train.select(kept)
            held_out_given, given = len(drawn), given - len(drawn)
        return Intake(
            train=train,
            eval=held_out,
            kind=facts["kind"],
            format=facts["format"],
            given_rows=given,
            eval_given_rows=held_out_given,
            max_length=self._max_length,
            bad_rows=facts["bad_rows"],
        )

    def _write(self) -> dict[str, Any]:
        """Read, convert and render every source; what is to be known of them."""
        section = self._spec.data
        parts = dict(zip(_names(section), open_parts(section, **self._reading()), strict=True))
        held_out = open_eval(section, **self._reading())
        if held_out is not None:
            parts[EVAL] = held_out
        kinds = {part.kind if part.kind not in SFT_KINDS else "tokens" for part in parts.values()}
        if len(kinds) > 1:
            raise DataError(
                f"the sources are of several kinds: {', '.join(sorted(kinds))}",
                "name sources of one kind, or set their format and columns",
            )
        given = {name: self._written(name, part) for name, part in parts.items()}
        self._bad.settle()  # before anything is said of rows that are only there in part
        for name, part in parts.items():
            if not given[name]:
                raise DataError(
                    f"{part.source.path}: no row can be learned from",
                    "name data with at least one row",
                )
        formats = dict.fromkeys(part.format for part in parts.values())
        kind = next(iter(parts.values())).kind
        return {"kind": kind, "format": ", ".join(formats), "bad_rows": self._bad.count}

    def close(self) -> None:
        """Remove the prepared rows."""
        self._folder.close()

    def _reading(self) -> dict[str, Any]:
        return {
            "method": self._spec.method,
            "base_folder": self._job.folder,
            "chat": self._base.chat,
            "read_hub": hub_rows,
            "bad_rows": self._bad,
        }

    def _written(self, name: str, part: Part) -> int:
        """Rows of one source that could be read."""
        rows = part.rows
        if self._spec.data.streaming and (needed := self._needed_rows()) is not None:
            rows = islice(rows, needed)
        said = _Counted(self._reporter, part.source.path)
        if part.kind in SFT_KINDS:
            return self._folder.tokens(name, self._rendered(part, rows), said)
        if part.kind == "question":
            rows = self._answerable(part, rows)
        return self._folder.values(name, rows, said)

    def _answerable(self, part: Part, rows: Iterable[Canonical]) -> Iterator[Canonical]:
        """Questions that the model can be asked and whose answers can be judged; others are bad rows."""
        asked = Questions(self._spec, self._renderer, self._base.context_length)
        for number, row in enumerate(rows, start=1):
            if (problem := asked.problem(row)) is None:
                yield row
            else:
                path = part.source.path
                self._bad.add(BrokenRow(path, number, *problem, row, unit="row"))

    def _rendered(self, part: Part, rows: Iterable[Canonical]) -> Iterator[Rendered]:
        """As tokens; a row that the chat template refuses is a bad row like others."""
        mode = str(self._spec.training.get("truncation_mode") or "keep_start")
        length = None if self._packs else self._max_length

        def refused(number: int, row: Canonical, error: DataError) -> None:
            path = part.source.path
            self._bad.add(BrokenRow(path, number, error.message, error.hint, row, unit="row"))

        made = self._renderer.render(rows, part.kind, refused)
        return (row.truncated(length, mode) for row in made)

    @property
    def _packs(self) -> bool:
        """Blocks are cut by the packing, not here."""
        return bool(self._spec.training.get("packing", self._spec.method == "pretrain"))

    def _needed_rows(self) -> int | None:
        """Rows that `max_steps` steps take; None without it."""
        training = self._spec.training
        steps = int(training.get("max_steps") or 0)
        if steps <= 0:
            return None
        batch = self._spec.compute.effective_batch_size or (
            int(training.get("per_device_train_batch_size") or 8)
            * int(training.get("gradient_accumulation_steps") or 1)
        )
        return steps * batch

    def _made_of(self) -> dict[str, Any]:
        tokenizer: Any = self._base.tokenizer
        fast = getattr(tokenizer, "backend_tokenizer", None)
        words = fast.to_str() if fast is not None else repr(tokenizer)
        template = self._base.template
        data = self._spec.data
        return {
            "data": data.model_dump(mode="json"),
            "files": data_fingerprint(data, base_folder=self._job.folder),
            "method": self._spec.method,
            "tokenizer": hashlib.sha256(words.encode()).hexdigest(),
            "template": template.jinja if template else None,
            "max_length": None if self._packs else self._max_length,
            "rewards": [reward.model_dump(mode="json") for reward in self._spec.rewards],
            "max_completion_length": self._spec.training.get("max_completion_length"),
            "truncation_mode": self._spec.training.get("truncation_mode"),
            "masks": [self._spec.training.get(name) for name in MASK_FIELDS],
            "needed_rows": self._needed_rows() if data.streaming else None,
            "versions": manifest.versions(),
        }


def sample_rows(path: str, spec: JobSpec, base: Loaded, job: Job, limit: int) -> list[Canonical]:
    """The first rows of a file in the format of the training rows."""
    section = DataSection(train=path, format=spec.data.format, columns=spec.data.columns)
    bad = BadRows("fail", None)
    parts = open_parts(
        section,
        method=spec.method,
        base_folder=job.folder,
        chat=base.chat,
        read_hub=hub_rows,
        bad_rows=bad,
    )
    rows = [row for part in parts for row in islice(part.rows, limit)][:limit]
    bad.settle()
    return rows


def hub_rows(hub: HubId) -> Iterator[dict[str, Any]]:
    """The rows of a data set of the Hub through the real client, downloaded or read as they come.

    Raises:
        OSError: the Hub cannot be reached.
        ValueError: it has no such data set, or one that `datasets` cannot load.
    """
    try:
        yield from datasets.load_dataset(
            hub.name, hub.subset, split=hub.split, streaming=hub.streaming
        )
    except datasets.exceptions.DatasetsError as error:
        raise ValueError(str(error)) from error


class _Counted:
    """Says in the log how many rows are prepared, now and then."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._name = name
        self._said = 0

    def __call__(self, rows: int) -> None:
        self._reporter.phase(Phase.TOKENIZING)
        if rows - self._said >= SAID_EVERY_ROWS:
            self._said = rows
            print(f"{self._name}: {rows:,} rows prepared", flush=True)


def _names(section: DataSection) -> list[str]:
    """The files of the training sources."""
    return [f"train-{number}" for number in range(len(section.sources))]
