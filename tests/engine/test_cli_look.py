"""`ls`, `status`, `logs`, and the text that they let through to a terminal."""

import json
import threading
import time
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.brief import brief
from engine.cli.table import Column, table
from engine.control import Control
from engine.job import Job
from engine.lock import Lock
from engine.status import Failure, JobState, JobStatus
from engine.store import Store
from engine.text import cells, clean_line, clean_text, one_line, shortened
from tests.engine.cli_jobs import make_job

EVIL = "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\x9b2J\x1b]52;c;AAAA\x07 \u202eabc\x7f\x00"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def harmless(text: str) -> bool:
    return all(c in "\n\t" or c.isprintable() for c in text)


# --- text -----------------------------------------------------------------------------------------


def test_clean_text_leaves_nothing_that_steers_a_terminal() -> None:
    assert clean_text(EVIL) == "red link abc"
    assert clean_text("a\tb\nc ü 漢 🙂") == "a\tb\nc ü 漢 🙂"
    assert clean_text("lone \ud800 half") == "lone  half"
    assert clean_text("\x1b]0;never ended\nnext line") == "\nnext line"
    every = "".join(map(chr, (*range(0xA0), *range(0x600, 0x700), *range(0x2000, 0x2100))))
    left = clean_text(every)
    assert not any(c in left for c in "\x00\x07\x08\x0d\x1b\x7f\x80\x9b\u202e\u2066\u200f")


def test_a_line_is_what_the_terminal_would_leave_of_it() -> None:
    assert clean_line("10%\r50%\r100%\r\n") == "100%"
    assert clean_line("plain\n") == "plain"


def test_text_is_cut_by_cells_not_by_characters() -> None:
    assert cells("漢字") == 4
    assert shortened("漢字漢字", 5) == "漢字…"
    assert shortened("short", 5) == "short"
    assert one_line("a\n\n  b\tc") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


def test_a_table_fits_its_width_by_shrinking_and_then_leaving_out() -> None:
    columns = (Column("id", shrinks_to=4), Column("n", right=True), Column("x", optional=True))
    rows = [["a-long-identifier", "1", "extra"], ["b", "22", ""]]
    assert table(columns, rows, None)[1] == "a-long-identifier   1  extra"
    assert table(columns, rows, 20)[1] == "a-long-i…   1  extra"
    narrow = table(columns, rows, 9)
    assert narrow == ["id     n", "a-l…   1", "b     22"]
    assert all(cells(line) <= 9 for line in narrow)


# --- ls -------------------------------------------------------------------------------------------


def test_ls_shows_the_running_first_then_the_queue_in_its_order(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    later = make_job(store, JobState.QUEUED, name="later", order=2.0)
    first = make_job(store, JobState.QUEUED, name="first", order=1.0)
    done = make_job(store, JobState.COMPLETED, name="done", step=7, total_steps=7, loss=0.0312)
    running = make_job(store, JobState.RUNNING, name="busy", step=12, total_steps=350)
    held = Lock.take(running.worker_lock)
    assert held is not None
    with held:
        lines = out(capsys, "ls").splitlines()
    names = [line.split()[2] for line in lines[1:]]
    assert names == [running.id, first.id, later.id, done.id]
    assert "▶ running" in lines[1]
    assert "12/350" in lines[1]
    assert "waits for" in lines[2]
    assert "0.0312" in lines[4]


def test_ls_json_is_an_array_of_ids_with_observed_states(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(out(capsys, "ls", "--json")) == []
    job = make_job(store, JobState.RUNNING, step=3)
    [shown] = json.loads(out(capsys, "ls", "--json"))
    assert (shown["id"], shown["state"], shown["step"]) == (job.id, "interrupted", 3)
    assert json.loads(out(capsys, "status", job.id, "--json")) == shown


def test_ls_hides_old_settled_jobs_unless_asked(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(23):
        make_job(store, JobState.COMPLETED, created_at=f"2026-01-{number + 1:02}T00:00:00Z")
    assert main(["ls"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 21
    assert "3 older settled jobs" in shown.err
    assert len(out(capsys, "ls", "--all").splitlines()) == 24
    assert len(out(capsys, "ls", "--quiet").splitlines()) == 23
    assert len(json.loads(out(capsys, "ls", "--json"))) == 23


def test_no_jobs_and_no_home_are_no_error(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "tunedeck demo" in shown.err
    assert not store.home.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a b\nmethod: sft\nmodel:\n  name: /m/x\n", ("a b", "sft", "/m/x")),
        ("name: '2'\nmethod: sft\nmodel:\n  name: \"/m/\\x41\"\n", ("2", "sft", "/m/A")),
        (
            "name: a\nmethod: sft\nmodel:\n  name: /m/very\n    long name\n",
            ("a", "sft", "/m/very long name"),
        ),
        ("adapter:\n  name: no\nmodel: {name: q}\nname: n\n", ("n", "sft", "q")),
        ("not: [yaml", ("", "", "")),
        ("- a\n", ("", "", "")),
    ],
)
def test_a_brief_says_what_a_parser_would(
    tmp_path: Path, text: str, expected: tuple[str, str, str]
) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    found = brief(Job(tmp_path))
    assert (found.name, found.method, found.model) == expected


def test_nothing_from_a_file_reaches_the_terminal_as_a_command(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(
        store,
        JobState.FAILED,
        model='"\\e[31mevil\\u202e/\\x9b2Jname"',
        log=EVIL + "\n",
        error=Failure(message=EVIL, hint=EVIL),
        warnings=(EVIL,),
        host=EVIL,
        reason=EVIL,
        gpus=(),
    )
    for verb in (["ls"], ["status", job.id], ["logs", job.id], ["ls", "--json"], ["ls", "--line"]):
        assert main(verb) == 0
        shown = capsys.readouterr()
        assert harmless(shown.out)
        assert harmless(shown.err)
    assert main(["watch", job.id]) == 1
    shown = capsys.readouterr()
    assert harmless(shown.out + shown.err)
    assert "red link abc" in shown.err


# --- status and logs ------------------------------------------------------------------------------


def test_status_says_what_happened_and_what_comes_next(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(
        store,
        JobState.FAILED,
        step=4,
        total_steps=10,
        error=Failure(message="the labels are all masked", hint="check data.columns"),
        exact=False,
        exact_reason="a sampler of yours",
    )
    shown = out(capsys, "status", "-")
    for words in (job.id, "✗ failed", "4/10", "all masked", "data.columns", "not exact", "logs"):
        assert words in shown


def test_logs_print_the_end_when_asked(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    job = make_job(
        store, JobState.COMPLETED, log="".join(f"line {n}\n" for n in range(5000)) + "end"
    )
    assert out(capsys, "logs", job.id, "-n", "2") == "line 4999\nend\n"
    assert out(capsys, "logs", job.id, "-n", "0") == ""
    assert len(out(capsys, "logs", job.id, "-n", "4000").splitlines()) == 4000
    assert len(out(capsys, "logs", job.id, "-n", "9000").splitlines()) == 5001
    whole = out(capsys, "logs", job.id).splitlines()
    assert (len(whole), whole[0]) == (5001, "line 0")


def test_one_endless_line_and_bytes_that_are_no_text_are_shown(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.COMPLETED, log="")
    job.log_file.write_bytes(b"\xff\xfe ok\n" + b"x" * 300_000)
    shown = out(capsys, "logs", job.id)
    assert "ok" in shown
    assert shown.count("x") == 300_000


def test_logs_of_a_job_that_never_started_say_so(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.CANCELLED)
    for flags in ([], ["-f"]):
        assert main(["logs", job.id, *flags]) == 0
        assert "was never started" in capsys.readouterr().err


def test_following_a_log_ends_with_the_job(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.RUNNING, log="one\nhal")
    held = Lock.take(job.worker_lock)
    assert held is not None

    def work() -> None:
        time.sleep(0.4)
        with job.log_file.open("a") as log:
            log.write("f\ntwo\n")
        job.write_status(JobStatus(state=JobState.COMPLETED))
        held.close()

    worker = threading.Thread(target=work)
    worker.start()
    shown = out(capsys, "logs", "-f", job.id)
    worker.join()
    assert shown.splitlines() == ["one", "half", "two"]


def test_a_status_file_that_is_damaged_is_shown_as_such(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.RUNNING)
    job.status_file.write_text("{half")
    job.write_control(Control())
    assert "status.json cannot be read" in out(capsys, "status", job.id)
    assert "interrupted" in out(capsys, "ls")
