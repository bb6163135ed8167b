"""What the job screen says in rows: facts, checkpoints, exports, and the answers of the model."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from engine.checkpoints import best
from engine.series import format_bytes, format_value
from engine.text import one_line, shortened
from engine.watch import Details, JobView
from tui import text
from tui.widgets.canvas import Toned

TITLE_WIDTH = 12


def fact(widget: Toned, width: int, title: str, value: str) -> Text:
    """One line: a title and what it is."""
    room = max(8, width - TITLE_WIDTH)
    return Text.assemble(
        (f"{title:<{TITLE_WIDTH}}", widget.tone("dim")), shortened(one_line(value), room)
    )


def fact_rows(job: JobView, details: Details, widget: Toned, width: int) -> list[Text]:
    """What the job is: its spec, and how far it came."""
    spec, status = details.spec, job.status
    facts = [
        ("id", job.id),
        ("method", _method(job, _section(spec, "adapter"))),
        ("model", text.home_path(job.model)),
        ("data", _data(_section(spec, "data"))),
        *_training(_section(spec, "training")),
        ("steps", _steps(job)),
        ("runs on", _device(job)),
        ("started", _when(status.started_at)),
        ("ended", _when(status.ended_at)),
        ("attempts", str(status.attempt) if status.attempt > 1 else ""),
        ("exact", _exact(job)),
        ("folder", text.home_path(job.job.folder)),
    ]
    return [fact(widget, width, title, value) for title, value in facts if value]


def _section(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = spec.get(name)
    return found if isinstance(found, Mapping) else {}


def _method(job: JobView, adapter: Mapping[str, Any]) -> str:
    kind = adapter.get("type", "lora")
    if kind == "none":
        return f"{job.method}, full fine-tuning"
    return f"{job.method} with {kind} (r {adapter.get('r', '?')}, alpha {adapter.get('lora_alpha', '?')})"


def _data(data: Mapping[str, Any]) -> str:
    held_out = data.get("eval")
    said = str(data.get("train", "?"))
    if isinstance(held_out, float):
        return f"{said}, {held_out:.0%} held out"
    return f"{said}, evaluated on {Path(str(held_out)).name}" if held_out else said


def _training(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    said = ", ".join(f"{name} {_plain(value)}" for name, value in training.items())
    lines = textwrap.wrap(said, 64, break_on_hyphens=False)[:4]
    return [("training" if number == 0 else "", line) for number, line in enumerate(lines)]


def _plain(value: Any) -> str:
    return format_value(value) if isinstance(value, float) else str(value)


def _steps(job: JobView) -> str:
    status = job.status
    said = text.steps(status)
    if status.epoch is not None:
        said += f", epoch {status.epoch:.2f}"
    return said if said != text.UNKNOWN else ""


def _device(job: JobView) -> str:
    gpus = job.status.gpus
    if gpus is None:
        return ""
    return f"GPU {', '.join(map(str, gpus))}" if gpus else "the CPU"


def _when(stamp: str | None) -> str:
    return stamp.replace("T", " ").partition(".")[0] + " UTC" if stamp else ""


def _exact(job: JobView) -> str:
    if job.status.exact is None:
        return ""
    return "resumes bit for bit" if job.status.exact else f"no: {job.status.exact_reason or '?'}"


def file_rows(job: JobView, details: Details, widget: Toned, width: int) -> list[Text]:
    """Checkpoints, newest first, then exports."""
    rows = [Text("checkpoints", style=widget.tone("title"))]
    favourite = best(list(details.checkpoints))
    for checkpoint in reversed(details.checkpoints):
        said = f"{checkpoint.step:>8}  {format_bytes(checkpoint.size_bytes):>9}"
        if checkpoint.eval_loss is not None:
            said += f"  eval {text.loss(checkpoint.eval_loss)}"
        row = Text(shortened(said, width))
        if favourite is not None and checkpoint.step == favourite.step:
            row.append("  best", style=widget.tone("good"))
        rows.append(row)
    if not details.checkpoints:
        rows.append(Text("    none yet", style=widget.tone("dim")))
    rows += [Text(), Text("exports", style=widget.tone("title"))]
    for export in details.exports:
        rows += _export_rows(export.kind, export.facts, export.folder, widget, width)
    if not details.exports:
        hint = "none yet" + (": e makes them" if details.checkpoints else "")
        rows.append(Text(f"    {hint}", style=widget.tone("dim")))
    return rows


def _export_rows(
    kind: str, facts: Mapping[str, Any], folder: Path, widget: Toned, width: int
) -> list[Text]:
    state = one_line(str(facts.get("state") or "unknown"))
    tone = {"completed": "good", "failed": "bad"}.get(state, "busy")
    row = Text.assemble(f"    {one_line(kind):<9} ", (state, widget.tone(tone)))
    progress, phase = facts.get("progress"), facts.get("phase")
    if tone == "busy" and isinstance(progress, int | float):
        row.append(f" {progress:.0%}")
    if tone == "busy" and phase:
        row.append(f" {one_line(str(phase), 30)}", style=widget.tone("dim"))
    rows = [row]
    error = facts.get("error")
    if isinstance(error, Mapping):
        said = f"{error.get('message', '')}: {error.get('hint', '')}"
        lines = textwrap.wrap(one_line(said), max(20, width - 4))[:3]
        rows += [Text(f"    {line}", style=widget.tone("bad")) for line in lines]
    elif tone == "good":
        rows.append(Text(f"    {shortened(str(folder), width - 4)}", style=widget.tone("dim")))
    return rows


def sample_rows(
    job: JobView, details: Details, ascii_only: bool, widget: Toned, width: int
) -> list[Text]:
    """Before against after, on rows that the model never saw."""
    before = next((one for one in details.samples if one.get("when") == "before"), None)
    after = next((one for one in reversed(details.samples) if one.get("when") == "after"), None)
    if before is None and after is None:
        return []
    known = after or before or {}
    head = Text.assemble(
        (f"{'':<14}{'before':>10}{'after':>10}", widget.tone("dim")),
        (f"   on {known.get('rows', '?')} held-out rows", widget.tone("dim")),
    )
    rows = [head]
    for key, title, words in (
        ("eval_loss", "eval loss", text.loss),
        ("exact_match", "exact match", _percent),
    ):
        pair = [words(_number(one, key)) for one in (before, after)]
        rows.append(
            Text.assemble((f"{title:<14}", widget.tone("dim")), f"{pair[0]:>10}{pair[1]:>10}")
        )
    for number, answer in enumerate(_answers(known)):
        earlier = _answers(before)[number : number + 1]
        compared = before is not None and after is not None
        said = _said(answer, earlier if compared else ())
        rows += [Text(), *(_answer_row(*one, answer, ascii_only, widget, width) for one in said)]
    return rows


def _said(answer: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Title and words of every line about one question."""
    said = [("asked", answer.get("prompt")), ("expected", answer.get("expected"))]
    if earlier:
        said.append(("before", earlier[0].get("answer")))
    said.append(("after" if earlier else "answer", answer.get("answer")))
    return [(title, one_line(str(words or ""))) for title, words in said]


def _answer_row(
    title: str, words: str, answer: Mapping[str, Any], ascii_only: bool, widget: Toned, width: int
) -> Text:
    row = Text.assemble((f"{title:<14}", widget.tone("dim")))
    if title in {"before", "after", "answer"}:
        right = words == one_line(str(answer.get("expected", "")))
        sign = ("+" if right else "x") if ascii_only else ("✓" if right else "✗")
        row.append(f"{sign} ", style=widget.tone("good" if right else "bad"))
    room = max(8, width - len(row.plain))
    tone = "strong" if title == "asked" else ""
    return row.append(shortened(words or "(nothing)", room), style=widget.tone(tone))


def _answers(sample: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    found = (sample or {}).get("answers")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _number(sample: Mapping[str, Any] | None, key: str) -> float | None:
    value = (sample or {}).get(key)
    return float(value) if isinstance(value, int | float) else None


def _percent(value: float | None) -> str:
    return text.UNKNOWN if value is None else f"{value:.1%}"
