"""`tunedeck data inspect` and `data convert`; what needs a tokenizer is in tests/train/test_preview.py."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine import preview
from engine.cli import data_inspect, main
from engine.data import inspect
from engine.data.lengths import Bar, Spread
from engine.data.preview import Preview, Stretch, View, lines
from engine.errors import DataError
from engine.spec import JobSpec


def chat(*said: str) -> dict:
    roles = ("user", "assistant") * len(said)
    return {"messages": [{"role": r, "content": c} for r, c in zip(roles, said, strict=False)]}


def write(path: Path, *rows: dict | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def view(label: str = "", cut: int = 0) -> View:
    stretches = (Stretch("ask: ", False), Stretch("answer", True))
    return View(label, stretches, 7, 3, cut, 0)


PREVIEW = Preview(
    rows=((view(cut=4),),),
    read_rows=200,
    complete=True,
    bad_rows=0,
    lengths=Spread(6, 9, 11, 1300),
    bars=(Bar(4, 7, 150), Bar(8, 15, 50)),
    max_length=7,
    cut_rows=50,
    tokens=1200,
    trained_tokens=300,
    untrained_rows=2,
    template="the tokenizer's own template",
    note="",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, here: Path) -> list[JobSpec]:
    """What the preview's process would be asked; it answers PREVIEW."""
    specs: list[JobSpec] = []

    def ask(spec: JobSpec, **options: Any) -> Preview:
        specs.append(spec)
        return PREVIEW

    monkeypatch.setattr(preview, "ask", ask)
    model = here / "base"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "tokenizer.json").write_text("{}")
    return specs


# --- inspect --------------------------------------------------------------------------------------


def test_inspect_says_what_is_there_and_how_to_learn_more(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", *(chat(f"{n}?", f"{n}!") for n in range(120)), chat("0?", "0!"))
    assert main(["data", "inspect", "a.jsonl", "--rows", "1"]) == 0
    out, err = capsys.readouterr()
    assert "messages, read as conversation for sft" in out
    assert "rows         121\n" in out
    assert "roles        user 121, assistant 121" in out
    assert "1 the same as an earlier row" in out
    assert "bad rows     none" in out
    assert "  user       0?\n  assistant  0!\n" in out
    assert "row 2" not in out
    assert "offer        nothing is held out" in out
    assert "add --model NAME" in err


def test_inspect_names_every_bad_row_with_file_line_and_reason(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", chat("a", "b"), '{"messages": [}', chat("c"))
    assert main(["data", "inspect", "a.jsonl"]) == 0
    out = capsys.readouterr().out
    assert "bad rows     2 cannot be learned from:" in out
    assert "a.jsonl, line 2: not JSON" in " ".join(out.split())
    assert "a.jsonl, line 3: messages has no assistant message" in " ".join(out.split())


@pytest.mark.parametrize(
    ("row", "method"),
    [
        (chat("a", "b"), "sft"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "dpo"),
        ({"text": "a b"}, "pretrain"),
        ({"prompt": "a"}, "grpo"),
    ],
)
def test_inspect_finds_out_what_the_data_is_for(
    here: Path, capsys: pytest.CaptureFixture[str], row: dict, method: str
) -> None:
    write(here / "a.jsonl", row)
    assert main(["data", "inspect", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == method


def test_inspect_tells_leaks_between_training_and_evaluation(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", chat("a", "b"), chat("c", "d"))
    write(here / "b.jsonl", chat("A ", "b"), chat("c", "e"), chat("f", "g"))
    assert main(["data", "inspect", "a.jsonl", "--eval", "b.jsonl", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["leaks"] == {"exact": 0, "normalised": 1, "questions": 2, "among": 3}
    assert found["eval_rows"] == 3


def test_both_answers_of_a_preference_are_told_apart(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", {"prompt": "a", "chosen": "good", "rejected": "poor"})
    main(["data", "inspect", "a.jsonl"])
    out = capsys.readouterr().out
    assert "  chosen    good\n  rejected  poor\n" in out


def test_large_data_is_told_of_from_a_sample_and_counted_after_that(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_inspect, "READ_WHOLE_BELOW_BYTES", 100)
    monkeypatch.setattr(data_inspect, "few_rows", lambda files: 20)
    write(here / "a.jsonl", *(chat(f"{n}?", "!") for n in range(150)))
    assert main(["data", "inspect", "a.jsonl"]) == 0
    first, exact = capsys.readouterr().out.split("all of it:")
    assert "a sample: the first 20 of about 150" in first
    assert "rows         150\n" in exact
    assert "row 1" in first
    assert "row 1" not in exact
    assert main(["data", "inspect", "a.jsonl", "--quick"]) == 0
    assert "all of it" not in capsys.readouterr().out
    assert main(["data", "inspect", "a.jsonl", "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["complete"]) == (20, False)


def test_ctrl_c_keeps_the_sample(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_inspect, "READ_WHOLE_BELOW_BYTES", 100)
    monkeypatch.setattr(data_inspect, "few_rows", lambda files: 20)
    write(here / "a.jsonl", *(chat(f"{n}?", "!") for n in range(150)))
    real = inspect

    def interrupted(*args: Any, **options: Any) -> Any:
        if options["sample"] is None:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(data_inspect, "inspect", interrupted)
    assert main(["data", "inspect", "a.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "a sample: the first 20" in out
    assert "stopped: the figures above are those of the first rows" in err
    assert main(["data", "inspect", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 20


def test_with_a_model_tokens_are_counted_and_what_is_learned_is_marked(
    here: Path, asked: list[JobSpec], capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", *(chat(f"{n}?", "!") for n in range(200)))
    words = ["data", "inspect", "a.jsonl", "--model", "./base", "--max-length", "7"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "tokens       a row: half up to 6, 95% up to 9, longest 11" in out
    assert "7 tokens: 25.0% of the rows (50) are cut" in out
    assert "25.0% of the tokens; 2 rows teach nothing" in out
    assert "row 1: 7 tokens, 3 learned, 4 cut\n  ask: ⟦answer⟧\n" in out
    (spec,) = asked
    assert spec.training == {"max_length": 7}
    assert spec.model.name == str(here / "base")
    assert main([*words, "--ascii"]) == 0
    out = capsys.readouterr().out
    assert "ask: [[answer]]" in out
    assert out.isascii()
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"]["cut_rows"] == 50


def test_what_the_tokenizer_refuses_fails_after_what_is_known_was_said(
    here: Path,
    asked: list[JobSpec],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(spec: JobSpec, **options: Any) -> Preview:
        raise DataError("the tokenizer is broken", "get another")

    monkeypatch.setattr(preview, "ask", ask)
    write(here / "a.jsonl", chat("a", "b"))
    assert main(["data", "inspect", "a.jsonl", "--model", "./base"]) == 2
    out, err = capsys.readouterr()
    assert "rows         1\n" in out
    assert "the tokenizer is broken" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.jsonl", "--model", "./nowhere"], "nowhere"),
        (["a.jsonl", "--max-length", "9"], "no model is named"),
        (["a.jsonl", "--eval", "1.5"], "no fraction between 0 and 1"),
        (["a.jsonl", "--method", "sftt"], "there is no method 'sftt'"),
        (["a.jsonl", "--columns", "prompt"], "no OURS=THEIRS"),
        (["missing.jsonl"], "no such file"),
        ([], "required: FILE"),
    ],
)
def test_what_cannot_be_inspected_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    write(here / "a.jsonl", chat("a", "b"))
    assert main(["data", "inspect", *words]) in (1, 2)
    assert said in capsys.readouterr().err


def test_a_row_is_broken_between_words_and_keeps_its_marks() -> None:
    said = [Stretch("one two ", False), Stretch("three fourteen\nfive", True)]
    found = [[(one.text, one.trained) for one in line] for line in lines(said, 12)]
    assert found == [
        [("one two ", False)],
        [("three fourte", True)],  # a word that is half of the line is cut
        [("en", True)],
        [("five", True)],
    ]
    assert [one.text for one in next(lines([Stretch("a", False), Stretch("b", True)], 9))] == [
        "a",
        "b",
    ]


def test_a_preview_survives_its_file() -> None:
    again = Preview.from_json(json.loads(json.dumps(PREVIEW.to_json())))
    assert again == PREVIEW
    with pytest.raises(ValueError, match="no preview"):
        Preview.from_json({"rows": []})


# --- convert --------------------------------------------------------------------------------------


def test_convert_writes_the_same_rows_in_another_format_and_back(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [chat(f"{n}?", f"{n}!") for n in range(5)]
    write(here / "a.jsonl", *rows)
    assert main(["data", "convert", "a.jsonl", "b.json", "--to", "sharegpt"]) == 0
    assert "wrote 5 rows (messages, conversation) as sharegpt to b.json" in capsys.readouterr().err
    written = json.loads((here / "b.json").read_text())
    assert written[0]["conversations"][0] == {"from": "human", "value": "0?"}
    assert main(["data", "convert", "b.json", "c.jsonl.gz", "--to", "messages"]) == 0
    with gzip.open(here / "c.jsonl.gz", "rt") as file:
        assert [json.loads(line) for line in file] == rows


def test_convert_to_stdout_prints_rows_and_nothing_else(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.csv", "q,a", "one,two")
    words = ["data", "convert", "a.csv", "-", "--to", "messages"]
    assert main([*words, "--columns", "prompt=q", "--columns", "completion=a"]) == 0
    assert json.loads(capsys.readouterr().out) == chat("one", "two")


def test_a_bad_row_leaves_no_file_unless_it_may_be_left_out(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.jsonl", chat("a", "b"), "broken", chat("a", "b", "c", "d"))
    words = ["data", "convert", "a.jsonl", "b.jsonl", "--to", "alpaca"]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert "a.jsonl, line 2: not JSON" in err
    assert "a.jsonl, line 3: cannot be written as alpaca" in err
    assert sorted(path.name for path in here.iterdir()) == ["a.jsonl"]
    assert main([*words, "--on-bad-row", "quarantine"]) == 0
    assert "wrote 1 row" in capsys.readouterr().err
    kept = [json.loads(line) for line in (here / "b.jsonl.bad.jsonl").read_text().splitlines()]
    assert [one["line"] for one in kept] == [2, 3]
    assert len((here / "b.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.jsonl", "b.jsonl", "--to", "sharegtp"], "known: messages, sharegpt"),
        (["a.jsonl", "b.csv", "--to", "sharegpt"], "are not written"),
        (["a.jsonl", "a.jsonl", "--to", "sharegpt", "--force"], "OUT is IN"),
        (["a.jsonl", "there.jsonl", "--to", "sharegpt"], "--force replaces it"),
        (["a.jsonl", "b.jsonl", "--to", "preference"], "cannot be written as preference"),
        (["org/name", "b.jsonl", "--to", "sharegpt"], "is not converted"),
        (["a.jsonl", "no/such/b.jsonl", "--to", "sharegpt"], "cannot be written"),
    ],
)
def test_what_cannot_be_converted_is_said_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = write(here / "a.jsonl", chat("a", "b")).read_text()
    write(here / "there.jsonl", "kept")
    assert main(["data", "convert", *words]) in (2, 5)
    assert said in "".join(capsys.readouterr())
    assert (here / "a.jsonl").read_text() == before
    assert (here / "there.jsonl").read_text() == "kept\n"
    assert not (here / "b.jsonl").exists()
