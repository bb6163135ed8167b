"""`compare`: a chart and two tables for people, data for programs, and what it refuses."""

import csv
import json
import os
from pathlib import Path

import pytest

from engine.cli import compare, main
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from engine.text import cells, clean_text
from tests.engine.cli_jobs import make_job, measure


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


@pytest.fixture
def pair(store: Store) -> tuple[Job, Job]:
    one = make_job(store, JobState.COMPLETED, name="one", step=40)
    two = make_job(store, JobState.FAILED, name="two", model="org/other", step=40)
    measure(one)
    measure(two, rate=4e-4)
    return one, two


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> None:
    monkeypatch.setattr(compare, "on_terminal", lambda stream: True)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd=1: os.terminal_size((columns, lines)))


def test_a_pipe_gets_two_tables(pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "one", "two")
    lines = shown.splitlines()
    assert lines[0].split()[:2] == ["result", "A"]
    assert "⣀" not in shown, "no chart"
    state = next(line for line in lines if line.startswith("state"))
    assert state.split() == ["state", "✓", "completed", "✗", "failed"]
    loss = next(line for line in lines if line.startswith("final loss"))
    assert loss.split() == ["final", "loss", "1.049", "1.025", "*"]
    assert lines[-1].split() == ["model.name", "Qwen/Qwen3-0.6B", "org/other"]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 15), (200, 50)])
def test_a_terminal_gets_a_chart_above_them_and_nothing_is_wider(
    pair: tuple[Job, Job],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    lines: int,
) -> None:
    on_a_terminal(monkeypatch, columns, lines)
    shown = out(capsys, "one", "two").splitlines()
    assert shown[0].startswith("loss by optimizer step")
    assert all(cells(clean_text(line)) <= columns for line in shown)
    chart = "\n".join(shown[: shown.index("")])
    assert "A" in chart
    assert "B" in chart


def test_many_jobs_stand_in_tables_below_each_other(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"job-{number}" for number in range(7)]
    for name in names:
        measure(make_job(store, JobState.COMPLETED, name=name), 5)
    on_a_terminal(monkeypatch, 80, 40)
    shown = out(capsys, *names).splitlines()
    heads = [line for line in shown if line.startswith("result")]
    assert len(heads) == 2
    assert all(any(f"{letter} job-" in head for head in heads) for letter in "ABCDEFG")
    assert "their specs are the same" in shown


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_a_number_is_never_cut(
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    names = [f"a-rather-long-name-{number}" for number in range(4)]
    for name in names:
        measure(make_job(store, JobState.INTERRUPTED, name=name), 30)
    on_a_terminal(monkeypatch, columns, 40)
    shown = out(capsys, *names)
    assert shown.count("1.165 at 30") == 4
    assert shown.count("! interrupted") == 4
    assert all(cells(clean_text(line)) <= columns for line in shown.splitlines())


def test_everything_in_ascii_when_asked(
    pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch, 80, 24)
    assert out(capsys, "one", "two", "--ascii").isascii()


def test_a_chart_for_the_asked_metric_and_axis(
    pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch, 100, 40)
    shown = out(capsys, "one", "two", "--metric", "eval_loss", "--by", "tokens")
    assert shown.startswith("eval_loss by tokens")
    shown = out(capsys, "one", "two", "--metric", "memory")
    assert shown.startswith("process memory, MiB by time of work, seconds")


def test_json_has_the_tables_and_the_curves(
    pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = pair
    found = json.loads(out(capsys, "one", "two", "--by", "time", "--json"))
    assert [job["id"] for job in found["jobs"]] == [one.id, two.id]
    assert found["jobs"][1]["state"] == "failed"
    assert found["differences"] == [
        {"field": "model.name", "values": ["Qwen/Qwen3-0.6B", "org/other"]}
    ]
    best = next(result for result in found["results"] if result["name"] == "best eval loss")
    assert (best["steps"], best["best"]) == ([40, 40], [1])
    line = found["series"][0]["line"]
    assert (line["x"][:2], len(line["y"])) == ([0.0, 1.0], 40)
    assert len(found["series"][1]["dots"]["x"]) == 4


def test_the_measurements_go_to_a_file_or_alone_to_stdout(
    pair: tuple[Job, Job], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "both.csv"
    assert main(["compare", "one", "two", "--csv", str(target)]) == 0
    shown = capsys.readouterr()
    assert f"wrote 88 lines to {target}" in shown.err
    assert shown.out.startswith("result")
    written = target.read_text()
    assert out(capsys, "one", "two", "--csv", "-") == written
    rows = list(csv.DictReader(written.splitlines()))
    assert {row["job"] for row in rows} == {job.id for job in pair}


def test_a_job_that_has_measured_nothing_is_compared_by_its_spec(
    store: Store, pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str]
) -> None:
    make_job(store, JobState.QUEUED, name="waits", model="org/third")
    assert main(["compare", "one", "waits"]) == 0
    shown = capsys.readouterr()
    assert "has measured nothing yet" in shown.err
    assert shown.out.splitlines()[-1].split() == ["model.name", "Qwen/Qwen3-0.6B", "org/third"]
    make_job(store, JobState.QUEUED, name="also")
    assert main(["compare", "waits", "also"]) == 0
    assert capsys.readouterr().err.count("has measured nothing yet") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["one"], 2, "one job cannot be compared"),
        (["one", "one"], 2, "stands twice"),
        (["one", "two", "--metric", "los"], 2, "did you mean loss? there are: loss, "),
        (["one", "two", "--by", "epochs"], 2, "invalid choice: 'epochs'"),
        (["one", "two", "--metric", "memory", "--by", "tokens"], 2, "--by time"),
        (["one", "gone"], 3, "no job 'gone'"),
        (["one", "two", "--csv", "no/such/folder/x.csv"], 2, "no such folder"),
        (["one", "two", "--csv", "."], 2, "is a folder"),
        (["one", "two", "--csv", "x" * 300], 5, "cannot be written"),
        (["empty", "void", "--csv", "-"], 4, "measured nothing yet"),
    ],
)
def test_what_cannot_be_compared_is_said(
    store: Store,
    pair: tuple[Job, Job],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    for name in ("empty", "void"):
        make_job(store, JobState.QUEUED, name=name)
    assert main(["compare", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert "hint: " in shown.err


def test_one_job_by_two_names_is_one_job(
    pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "one", pair[0].id]) == 2
    assert "under another name" in capsys.readouterr().err


def test_json_and_csv_cannot_share_stdout(
    pair: tuple[Job, Job], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "one", "two", "--json", "--csv", "-"]) == 2
    assert json.loads(capsys.readouterr().err)["exit_code"] == 2
