"""An edit in words: its values, and a sentence for each thing that it leads to; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.edits.editable import ACCUMULATION, BATCH, LENGTH, SCHEDULE
from engine.edits.rate import rate


def shown(name: str, value: Any, *, is_default: bool) -> str:
    """A value as a diff shows it."""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    if name in ("eval_steps", "save_steps") and (value is None or value < 1):
        text = "a tenth of the run"
    elif value is None:
        text = "none"
    return f"{text} (default)" if is_default else text


def rows_of_a_step(values: Mapping[str, Any]) -> int:
    """The effective batch of these fields."""
    return int(values[BATCH]) * int(values[ACCUMULATION])


@dataclass(frozen=True)
class Outcome:
    """An edit that is possible, to be put in words."""

    names: frozenset[str]
    """Fields that change."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    """Every field in force, without and with the edit."""
    step: int
    """Step of the checkpoint that the job goes on from; 0 begins anew."""
    place: tuple[int, int] | None
    """Epoch (from 0) and rows of it that are trained there; None where that is not known."""
    was: int | None
    total: int | None
    """Steps of the run without and with the edit, where they are known."""

    def consequences(self) -> Iterator[str]:
        """One sentence each."""
        step, names = self.step, self.names
        longer = self.total != self.was
        if longer or names & set(LENGTH):
            yield self._length()
        if step and (longer or names & set(SCHEDULE)):
            yield from self._rates()
        if names & {BATCH, ACCUMULATION}:
            yield from self._batches()
        for verb, kind in (("evaluates", "eval"), ("saves", "save")):
            if names & {f"{kind}_strategy", f"{kind}_steps"}:
                yield _cadence(verb, self.after[f"{kind}_strategy"], self.after[f"{kind}_steps"])
        if "save_total_limit" in names:
            kept = self.after["save_total_limit"]
            yield f"from the next save on the newest {kept} checkpoints are kept, and the best"
        if step:
            yield f"it goes on from the checkpoint of step {step}; what was measured before stays"
        else:
            yield "nothing that could be resumed is trained yet: the whole run has the new settings"

    def _length(self) -> str:
        if self.total is None:
            return "how many steps the run has is known when it goes on"
        instead = "" if self.was in (None, self.total) else f" instead of {self.was:,}"
        left = f", {self.total - self.step:,} of them still to come" if self.step else ""
        return f"the run has {self.total:,} steps{instead}{left}"

    def _rates(self) -> Iterator[str]:
        """What the learning rate is next, with and without the edit."""
        coming = self.step + 1
        yield (
            f"from step {coming} on the learning rate is that of a fresh run with these settings at "
            "the same step (a warmup counts from step 0)"
        )
        new = None if self.total is None else rate(self.after, coming, self.total)
        old = None
        if self.was is not None and self.was >= coming:
            old = rate(self.before, coming, self.was)
        if new is not None and old is not None:
            yield f"at step {coming} it is {new:.3g} instead of {old:.3g}"
        elif new is not None:
            yield f"at step {coming} it is {new:.3g}"

    def _batches(self) -> Iterator[str]:
        was, now = rows_of_a_step(self.before), rows_of_a_step(self.after)
        shape = f"{self.after[ACCUMULATION]} x {self.after[BATCH]}"
        if was == now:
            yield f"a step takes {now} rows as before, as {shape}: the same rows in the same order"
            if self.step:
                yield "they are summed in other portions, so the last bits differ from before"
            return
        yield f"a step takes {now} rows instead of {was}, as {shape}; the learning rate stays as set"
        if self.step and self.place is not None:
            epoch, seen = self.place
            place = (
                f"after row {seen:,} of epoch {epoch + 1}" if seen else f"with epoch {epoch + 1}"
            )
            yield f"it goes on {place}: in every epoch each row comes once"


def _cadence(verb: str, strategy: str, steps: Any) -> str:
    if strategy == "no":
        return f"{verb} no more" + (", but at a pause and at the end" if verb == "saves" else "")
    if strategy == "epoch":
        return f"{verb} at the end of every epoch"
    if steps is None or steps < 1:
        return f"{verb} ten times in the run"
    return f"{verb} every {steps:g} steps"
