"""What each reward gives for which text, how answers are cut out, and whose code may run."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import actions, rewards
from engine.errors import PlanError, SpecError
from engine.plan.preflight import preflight
from engine.rewards import Reward, judges, sha256_of
from engine.rewards.answers import cut
from engine.rewards.numeric import last_number
from engine.rewards.source import kept_name
from engine.spec import JobSpec, build, read_resolved
from engine.store import Store

GSM8K = "Natalia sold 48/2 = <<48/2=24>>24 clips.\nShe sold 48+24 = 72 clips altogether.\n#### 72"


def spec_of(*sections: dict[str, Any], folder: Path = Path("/nowhere")) -> JobSpec:
    data = {
        "model": {"name": "m"},
        "method": "grpo",
        "data": {"train": "a.jsonl"},
        "rewards": list(sections),
    }
    return build(data, source="spec", base_folder=folder)


def judge(section: dict[str, Any]) -> Reward:
    (made,) = judges(spec_of(section).rewards, Path("/nowhere"))
    return made


def given_for(section: dict[str, Any], text: str, answer: str = "", tokens: int = 0) -> float:
    (value,) = judge(section)(["?"], [text], [[0] * tokens], answer=[answer])
    assert value is not None
    return value


# --- the answer in a text -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source", "answer"),
    [
        (GSM8K, "auto", "72"),
        ("just words", "auto", "just words"),
        ("#### 1\nno\n#### 2\nQuestion: more", "auto", "2"),
        ("####\n  7  ", "auto", "7"),
        ("<answer> 5 </answer> #### 6", "auto", "5"),
        ("<answer>1</answer><answer>2</answer>", "auto", "2"),
        ("so \\boxed{\\frac{1}{2}} it is", "auto", "\\frac{1}{2}"),
        ("<think>#### 3</think> #### 4", "auto", "4"),
        ("<think>still thinking #### 3", "auto", None),
        ("", "auto", None),
        ("  ", "whole", None),
        (GSM8K, "whole", GSM8K),
        ("\\boxed{4", "boxed", None),
        ("4", "boxed", None),
        ("Answer: yes\nand more", "Answer:", "yes"),
        ("no mark", "Answer:", None),
    ],
)
def test_the_answer_is_cut_out_where_the_section_says(
    text: str, source: str, answer: str | None
) -> None:
    assert cut(text, source) == answer


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("72", 72),
        ("it is 1,234.50 in all.", 1234.5),
        ("48/2 = 24", 24),
        ("3/4", 0.75),
        ("1/0", None),
        ("-5 degrees", -5),
        ("16-3", 3),
        ("\N{MINUS SIGN}7", -7),
        ("$-5? -$6", -6),
        ("50%", 50),
        (".5", 0.5),
        ("2.5e3", 2500),
        ("1\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000", 1e6),
        ("in 3 100 rooms", 100),
        ("1,2,3", 3),
        ("1,234,5678", 5678),
        ("72.", 72),
        ("one", None),
        ("9" * 400, None),
        ("٣", None),
    ],
)
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


def test_a_decimal_comma() -> None:
    assert last_number("1.234,5", decimal=",") == 1234.5
    assert given_for({"type": "numeric", "decimal": ","}, "3,5", "3,50") == 1


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{}", "{:,}", "so {:,} .", "#### {}\n"]))
def test_a_number_that_is_written_is_read(number: int, form: str) -> None:
    assert last_number(form.format(number)) == number


# --- what each reward gives -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "text", "answer", "reward"),
    [
        ({"type": "exact"}, " Paris\n", "Paris", 1),
        ({"type": "exact"}, "<answer>New   York</answer>", "New York", 1),
        ({"type": "exact"}, "caf\u0065\u0301", "caf\u00e9", 1),
        ({"type": "exact"}, "paris", "Paris", 0),
        ({"type": "exact", "ignore_case": True}, "PARIS", "Paris", 1),
        ({"type": "exact"}, "", "", 0),
        ({"type": "exact", "answer_from": "A:"}, "Paris", "Paris", 0),
        ({"type": "exact", "reference_from": "####"}, "72", GSM8K, 1),
        ({"type": "numeric"}, "I think #### 72", GSM8K, 1),
        ({"type": "numeric"}, "so it is 72.00 clips", GSM8K, 1),
        ({"type": "numeric"}, "24", GSM8K, 0),
        ({"type": "numeric"}, "no idea", GSM8K, 0),
        ({"type": "numeric"}, "1,000", "#### 1000", 1),
        ({"type": "numeric", "abs_tol": 1}, "71", GSM8K, 1),
        ({"type": "numeric", "rel_tol": 0.1}, "70", GSM8K, 1),
        ({"type": "numeric", "answer_from": "####"}, "72", GSM8K, 0),
        ({"type": "regex", "pattern": "[0-9]+ apples"}, "I have 12 apples", "", 1),
        ({"type": "regex", "pattern": "apples"}, "Apples", "", 0),
        ({"type": "regex", "pattern": "apples", "ignore_case": True}, "Apples", "", 1),
        ({"type": "regex", "pattern": "yes|no", "fully": True}, " yes\n", "", 1),
        ({"type": "regex", "pattern": "yes|no", "fully": True}, "yes or no", "", 0),
        ({"type": "regex", "pattern": "x"}, "\ud800x", "", 1),
        ({"type": "json"}, '{"a": [1, 2]}', "", 1),
        ({"type": "json"}, 'Here:\n```json\n{"a": 1}\n```', "", 1),
        ({"type": "json"}, '{"a": 1', "", 0),
        ({"type": "json"}, "7", "", 0),
        ({"type": "json"}, "[" * 100_000, "", 0),
        ({"type": "json"}, '{"a": NaN}', "", 0),
        ({"type": "json", "json_schema": {"required": ["a"]}}, '{"a": 1}', "", 1),
        ({"type": "json", "json_schema": {"required": ["a"]}}, '{"b": 1}', "", 0),
        ({"type": "json", "json_schema": {"items": {"pattern": "^b"}}}, '["a"]', "", 0),
        ({"type": "json", "json_schema": {"$ref": "#"}}, "{}", "", 0),
        ({"type": "format"}, "<think>hm</think>\n<answer>4</answer>", "", 1),
        ({"type": "format"}, "<think>hm</think> so <answer>4</answer>", "", 0),
        ({"type": "format"}, "<answer>4</answer><think>hm</think>", "", 0),
        ({"type": "format"}, "<think></think><answer>4</answer>", "", 0),
        ({"type": "format"}, "<think>hm</think><answer>4</answer> bye", "", 0),
        ({"type": "format"}, "<think>a</think><answer>4</answer><answer>5</answer>", "", 0),
        ({"type": "format", "opened": True}, "hm</think><answer>4</answer>", "", 1),
        ({"type": "format", "partial": True}, "<think>hm</think> and then", "", 0.5),
        ({"type": "format", "tags": ["a"]}, "<a>1</a>", "", 1),
    ],
)
def test_what_a_text_earns(section: dict[str, Any], text: str, answer: str, reward: float) -> None:
    assert given_for(section, text, answer) == reward


@pytest.mark.parametrize(
    ("section", "tokens", "reward"),
    [
        ({"target": 10}, 10, 1),
        ({"target": 10}, 5, 0.5),
        ({"target": 10}, 40, 0),
        ({"target": 10, "slack": 2}, 11, 0.5),
        ({"minimum": 3, "maximum": 5}, 4, 1),
        ({"minimum": 3, "maximum": 5}, 6, 0),
        ({"maximum": 5, "slack": 10}, 10, 0.5),
        ({"minimum": 3}, 1000, 1),
    ],
)
def test_a_length_earns_less_the_further_away(
    section: dict[str, Any], tokens: int, reward: float
) -> None:
    assert given_for({"type": "length", **section}, "x", tokens=tokens) == reward


def test_lengths_are_of_words_and_characters_too() -> None:
    assert given_for({"type": "length", "unit": "words", "target": 2}, "two words", tokens=9) == 1
    assert given_for({"type": "length", "unit": "characters", "target": 9}, "two words") == 1


def test_a_completion_may_be_messages() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "call", "tool_calls": []},
        {"role": "tool", "content": "#### 71"},
        {"role": "assistant", "content": [{"type": "text", "text": "#### 72"}]},
    ]
    assert judge({"type": "numeric"})(["?"], [messages], [[1]], answer=[GSM8K]) == [1]
    thought = [{"role": "assistant", "reasoning_content": "hm", "content": "<answer>4</answer>"}]
    assert judge({"type": "format"})(["?"], [thought], [[1]]) == [1]


KINDS: list[dict[str, Any]] = [
    {"type": "exact"},
    {"type": "numeric"},
    {"type": "regex", "pattern": "(a|a)*b"},
    {"type": "json", "json_schema": {"properties": {"a": {"pattern": "(a|a)*b"}}}},
    {"type": "length", "unit": "words", "target": 3},
    {"type": "format"},
]


@given(st.text(), st.text())
def test_every_text_earns_between_nothing_and_one(text: str, answer: str) -> None:
    for section in KINDS:
        assert 0 <= given_for(section, text, answer) <= 1


@pytest.mark.parametrize("section", KINDS, ids=lambda one: one["type"])
@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "1," * 100_000,
        "1,111" * 40_000,
        "1/" * 100_000,
        "\\boxed{" * 30_000,
        "<think>" * 30_000,
        "<answer>" * 30_000 + "</answer>",
        '{"a":' * 900 + "1" + "}" * 900,
    ],
    ids=["a", "commas", "thousands", "fractions", "boxes", "thoughts", "answers", "nested"],
)
def test_no_text_takes_long(section: dict[str, Any], text: str) -> None:
    """A pattern that backtracks takes hours with these."""
    begun = time.perf_counter()
    given_for(section, text, "#### 1")
    assert time.perf_counter() - begun < 2


# --- the data's answers ---------------------------------------------------------------------------


def test_answers_that_can_never_be_met_are_found() -> None:
    assert judge({"type": "numeric"}).why_unusable(GSM8K) is None
    assert "no number" in str(judge({"type": "numeric"}).why_unusable("none"))
    assert "no answer" in str(judge({"type": "exact"}).why_unusable(""))
    assert "no answer" in str(judge({"type": "exact", "reference_from": "####"}).why_unusable("72"))
    assert judge({"type": "json"}).why_unusable("") is None


# --- the sections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"type": "numric"}, "rewards.0.type: there is no 'numric' (did you mean numeric?"),
        ({"weight": 1}, "rewards.0: has no `type`"),
        ({"type": "numeric", "tol": 1}, "rewards.0.tol: unknown key (did you mean rel_tol?)"),
        ({"type": "numeric", "rel_tol": -1}, "rewards.0.rel_tol: must be 0.0 or more"),
        ({"type": "numeric", "weight": 0}, "rewards.0.weight: 0 counts nothing"),
        ({"type": "regex", "pattern": "(?=a)"}, "rewards.0.pattern: is no RE2 pattern"),
        ({"type": "length"}, "say what is wanted"),
        ({"type": "length", "minimum": 2, "maximum": 1}, "minimum 2 is above maximum 1"),
        ({"type": "json", "json_schema": {"type": "objekt"}}, "is no JSON Schema"),
        ({"type": "json", "json_schema": {"pattern": "(?=a)"}}, "is no RE2 pattern"),
        ({"type": "json", "json_schema": {"$ref": "#/x"}}, "points to nothing"),
        ({"type": "json", "json_schema": {"$ref": "http://x/y"}}, "points outside"),
        ({"type": "format", "tags": ["<think>"]}, "is no tag's name"),
        ({"type": "function", "file": "https://x/y.py"}, "is no file of this machine"),
        ({"type": "function"}, "rewards.0.file: is missing"),
    ],
)
def test_a_wrong_section_says_which_field(section: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(section)
    assert said in caught.value.message


def test_rewards_are_read_back_as_they_were_typed(tmp_path: Path) -> None:
    typed = spec_of(
        {"type": "numeric", "weight": 2},
        {"type": "json", "json_schema": {"properties": {"a": {"const": None}}}},
        {"type": "function", "file": "r.py"},
    )
    path = tmp_path / "spec.yaml"
    path.write_text(typed.to_yaml())
    assert read_resolved(path).rewards == typed.rewards


def test_each_reward_has_a_name_of_its_own() -> None:
    made = judges(spec_of({"type": "exact"}, {"type": "json"}, {"type": "exact"}).rewards, Path())
    assert [one.name for one in made] == ["exact", "json", "exact_2"]


# --- a function of the user's ---------------------------------------------------------------------

CODE = """
def score(completions, answer, **columns):
    assert "prompts" in columns
    return [float(text == right) for text, right in zip(completions, answer)]

def short(texts):
    return [None if not text else -len(text) for text in texts]
"""


def written(folder: Path, code: str = CODE) -> str:
    (folder / "rewards.py").write_text(code)
    return sha256_of(code.encode())


def function(folder: Path, **fields: Any) -> JobSpec:
    return spec_of({"type": "function", "file": "rewards.py", **fields}, folder=folder)


def test_a_function_without_its_hash_is_refused_and_told_the_hash(tmp_path: Path) -> None:
    digest = written(tmp_path)
    for fields, said in (({}, "is missing"), ({"sha256": "0" * 64}, "is not that of")):
        with pytest.raises(SpecError) as caught:
            rewards.refuse_unconfirmed(function(tmp_path, **fields).rewards)
        assert f"rewards.0.sha256: {said}" in caught.value.message
        assert f"write sha256: {digest}" in caught.value.message
    rewards.refuse_unconfirmed(function(tmp_path, sha256=digest).rewards)


@pytest.mark.parametrize(
    ("code", "fields", "said"),
    [
        ("def score(:", {}, "is no Python: line 1"),
        ("x = 1", {}, "does not define 'score'"),
        (CODE, {"function": "scorer"}, "it defines score, short"),
        ("async def score(): ...", {}, "is async"),
        ("\0", {}, "is no Python"),
    ],
)
def test_a_file_is_looked_at_before_it_runs(
    tmp_path: Path, code: str, fields: dict[str, Any], said: str
) -> None:
    digest = written(tmp_path, code)
    with pytest.raises(SpecError) as caught:
        rewards.refuse_unconfirmed(function(tmp_path, sha256=digest, **fields).rewards)
    assert said in caught.value.message


def test_looking_at_a_file_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')\n{CODE}"
    digest = written(tmp_path, code)
    section = function(tmp_path, sha256=digest).rewards
    rewards.refuse_unconfirmed(section)
    rewards.keep(section, tmp_path / "kept")
    assert not mark.exists()
    judges(section, tmp_path / "kept")
    assert mark.exists()


def test_the_copy_that_the_job_keeps_runs_and_not_the_file(tmp_path: Path) -> None:
    digest = written(tmp_path)
    section = function(tmp_path, sha256=digest).rewards
    kept = tmp_path / "job"
    rewards.keep(section, kept)
    written(tmp_path, "def score(completions):\n    return [9.0 for _ in completions]\n")
    (made,) = judges(section, kept)
    assert made.name == "score"
    assert made(["?", "?"], ["a", "b"], [[1], [1]], answer=["a", "a"], extra=[0, 0]) == [1, 0]
    with pytest.raises(SpecError, match="changed"):
        rewards.keep(section, tmp_path / "other")


def test_a_copy_that_was_changed_does_not_run(tmp_path: Path) -> None:
    section = function(tmp_path, sha256=written(tmp_path)).rewards
    rewards.keep(section, tmp_path / "job")
    copy = tmp_path / "job" / kept_name(section[0])  # type: ignore[arg-type]
    copy.write_text("raise SystemExit")
    with pytest.raises(PlanError, match="was changed"):
        judges(section, tmp_path / "job")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return [1.0]", "gave 1 values for 2 completions"),
        ("return 1.0", "gave float, no list"),
        ("return ['a', 'b']", "gave 'a', which is no number"),
        ("return [float('nan')] * 2", "gave nan"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_function_that_misbehaves_is_named(tmp_path: Path, body: str, said: str) -> None:
    digest = written(tmp_path, f"def score(completions):\n    {body}\n")
    section = function(tmp_path, sha256=digest).rewards
    rewards.keep(section, tmp_path / "job")
    (made,) = judges(section, tmp_path / "job")
    with pytest.raises(PlanError) as caught:
        made(["?", "?"], ["a", "b"], [[1], [1]])
    assert said in caught.value.message
    assert "score in" in caught.value.message


def test_a_function_may_take_what_it_needs_and_give_nothing(tmp_path: Path) -> None:
    section = function(tmp_path, sha256=written(tmp_path), function="short").rewards
    rewards.keep(section, tmp_path / "job")
    (made,) = judges(section, tmp_path / "job")
    message = [{"role": "assistant", "content": "abc"}]
    assert made(["?"] * 2, ["", message], [[], [1]], answer=["", ""]) == [None, -3]


def test_an_unconfirmed_function_is_neither_planned_nor_queued(tmp_path: Path) -> None:
    written(tmp_path)
    asked = function(tmp_path)
    assert any("write sha256:" in problem.message for problem in preflight(asked).problems)
    store = Store(tmp_path / "home")
    with pytest.raises(SpecError, match="write sha256:"):
        actions.submit(store, asked, by="test")
    assert not store.jobs()
