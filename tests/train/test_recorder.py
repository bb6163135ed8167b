"""What becomes of the trainer's log lines."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.curves import read_curves
from engine.metrics import MetricsWriter


def test_a_loss_that_is_no_number_is_said_once_and_measured_each_time(tmp_path: Path) -> None:
    from engine.train.recorder import Recorder

    said: list[str] = []
    reporter: Any = SimpleNamespace(warn=said.append, update=lambda **changes: None)
    recorder = Recorder(MetricsWriter(tmp_path / "metrics.jsonl", 1), reporter, 1)
    for step in range(1, 6):
        loss = 1.0 if step == 1 else math.nan
        state: Any = SimpleNamespace(global_step=step, max_steps=9, epoch=0.5)
        recorder.on_log(None, state, None, {"loss": loss})
    assert len(said) == 1
    assert "step 2" in said[0]
    steps, losses = read_curves(tmp_path / "metrics.jsonl").points("train", "loss")
    assert (steps, losses) == ([1, 2, 3, 4, 5], [1.0, None, None, None, None])
