import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import demo
from engine import spec as specs
from engine.data import Inspection, extent
from engine.document import parse_document
from engine.errors import DataError, Problem, SpecError
from engine.plan.model_folder import BaseModel
from engine.plan.preflight import inspected
from engine.spec import MANAGED, JobSpec
from tests.tui.builder import Bench
from tui import paths
from tui.form import beginnings, data_look, draft, fields
from tui.form.data_look import DataLook
from tui.form.draft import Draft
from tui.form.findings import check, sentence

DEMO = Path(demo.__file__).parent
PAIRS = '{"prompt": "1+1", "completion": "2"}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data and a model folder in it."""
    made = tmp_path / "work"
    model = made / "base"
    model.mkdir(parents=True)
    (made / "sums.jsonl").write_text(PAIRS * 120)
    (model / "config.json").write_text('{"model_type": "llama", "architectures": ["Llama"]}')
    (model / "tokenizer.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"0" * 2048)
    monkeypatch.chdir(made)
    return made


def problems(texts: dict[str, str]) -> dict[str, str]:
    """What is said to be wrong, by field."""
    found = check(Draft(texts), DataLook(), {})
    return {key: "; ".join(map(str, each)) for key, each in found.problems.items()}


GOOD = {"model.name": "./base", "data.train": "sums.jsonl"}


# --- text and value -------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_a_value_survives_being_shown_as_text(value: object) -> None:
    for key in ("unknown.key", "training.lr_scheduler_kwargs"):
        field = fields.field_of(key)
        typed = fields.text_of(field, value)
        assert typed.isprintable()
        assert fields.value_of(field, typed) == value


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_of_a_plain_field_is_meant_as_it_stands(value: str) -> None:
    field = fields.field_of("name")
    assert fields.value_of(field, fields.text_of(field, value)) == value


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4))
def test_what_is_written_as_yaml_reads_back_as_the_same(values: dict[str, object]) -> None:
    texts = {f"training.{name}": fields.text_of(None, value) for name, value in values.items()}
    made = Draft({key: text for key, text in texts.items() if text})
    read = parse_document(made.to_yaml(Path.cwd()) + "end: 1\n", ".yaml", "")
    assert {"end": 1, **made.document()} == read


def test_every_field_of_the_form_is_a_field_of_the_spec() -> None:
    for key in (key for keys in fields.GROUPS.values() for key in keys):
        assert fields.field_of(key) is not None, key
    assert not any(key.removeprefix("training.") in MANAGED for key in fields.settings("sft"))


def test_the_defaults_that_are_shown_are_those_of_the_spec() -> None:
    bare = specs.build(
        {"model": {"name": "a/b"}, "data": {"train": "a/b"}}, source="", base_folder=Path.cwd()
    )
    said = {key: field.default for key in fields.settings("sft") if (field := fields.field_of(key))}
    assert said["adapter.r"] == str(bare.adapter.r)
    assert said["adapter.lora_alpha"] == "32"
    assert said["model.dtype"] == bare.model.dtype
    assert said["compute.gpus"] == "auto"
    assert said["training.learning_rate"] == "2e-05"


# --- settings by their name -----------------------------------------------------------------------


def test_a_setting_is_found_by_its_name_with_or_without_its_section() -> None:
    assert fields.setting("weight_decay", "sft") == "training.weight_decay"
    assert fields.setting("adapter.use_dora", "sft") == "adapter.use_dora"
    assert fields.setting("use_dora", "sft") == "adapter.use_dora"
    assert fields.setting("samples.rows", "sft") == "samples.rows"
    assert fields.complete_setting("weight_d", "sft") == "weight_decay"
    assert fields.complete_setting("training.weight_d", "sft") == "training.weight_decay"
    assert fields.complete_setting("zzz", "sft") is None


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("weight_decoy", "weight_decay"),
        ("lr", "learning_rate"),
        ("adapter.use_dor", "use_dora"),
        ("modle.name", "model.name"),
        ("output_dir", "job's own folder"),
    ],
)
def test_a_misspelt_setting_names_the_right_one(typed: str, hint: str) -> None:
    found = fields.setting(typed, "sft")
    assert isinstance(found, Problem)
    assert hint in found.hint


def test_data_is_a_path_unless_it_is_a_list_of_sources(here: Path) -> None:
    train = fields.field_of("data.train")
    assert fields.value_of(train, "a: b.jsonl") == "a: b.jsonl"
    assert fields.value_of(train, "2024") == "2024"
    sources = [{"path": "sums.jsonl", "weight": 2}, {"path": "org/name"}]
    assert fields.value_of(train, fields.text_of(train, sources)) == sources
    (here / "sub").mkdir()
    (here / "sub" / "mix.yaml").write_text(
        "model: {name: ../base}\ndata: {train: [{path: ../sums.jsonl, weight: 2.0}]}\n"
    )
    made = beginnings.from_spec(here / "sub" / "mix.yaml")
    (source,) = made.document()["data"]["train"]
    assert (source["weight"], Path(source["path"]).resolve()) == (2.0, here / "sums.jsonl")
    written = made.document(here / "sub")["data"]["train"][0]["path"]
    assert (here / "sub" / written).resolve() == here / "sums.jsonl"
    found = check(made, DataLook(), {})
    assert found.spec is not None
    assert "on 120 questions and answers" in sentence(found.spec, found)


# --- a draft and its document ---------------------------------------------------------------------


def test_a_spec_as_a_draft_is_the_same_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (DEMO, Path.cwd()):
        monkeypatch.chdir(folder)
        made = beginnings.from_spec(DEMO / "demo.yaml")
        again = specs.build(made.document(), source="", base_folder=folder)
        assert again == specs.load(DEMO / "demo.yaml")


def test_a_saved_spec_is_the_same_spec_wherever_it_lies(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = Draft({**GOOD, "data.eval": "0.1", "name": "[bold]x", "training.warmup_steps": "5"})
    wanted = specs.build(typed.document(), source="", base_folder=here)
    first, second = draft.save(typed, "x"), draft.save(typed, "x")
    assert (first.name, second.name) == ("x.yaml", "x-2.yaml")
    assert specs.load(first) == specs.load(second) == wanted
    elsewhere = here / "base"
    written = elsewhere / "x.yaml"
    written.write_text(typed.to_yaml(elsewhere))
    assert specs.load(written) == wanted


def test_what_holds_by_default_is_left_out_but_training_counts_always() -> None:
    made = Draft({"adapter.r": "16", "model.dtype": "auto", "data.columns": "{}", "name": " "})
    assert made.document() == {}
    assert made.typed("training.eval_strategy", "no").document() == {
        "training": {"eval_strategy": "no"}
    }


def test_an_adapter_of_a_pretraining_is_never_left_out() -> None:
    made = Draft({"method": "pretrain", "model.name": "a/b", "data.train": "a/b"})
    assert made.default("adapter.type") == "none"
    for key, text in (("adapter.type", "lora"), ("adapter.r", "16")):
        typed = made.typed(key, text)
        spec = specs.build(typed.document(), source="", base_folder=Path.cwd())
        assert spec.adapter.type == "lora"
    assert made.typed("adapter.r", "16").default("adapter.type") == "lora"


def test_a_copy_gets_a_free_name_and_remembers_what_it_was(bench: Bench) -> None:
    job = bench.job("sums-2")
    made = beginnings.copy_of(job, {"sums-2", "sums-3"})
    assert made.text("name") == "sums-4"
    assert made.was("name") == "sums-2"
    assert made.was("training.learning_rate") is None
    changed = made.typed("training.learning_rate", "1e-4").typed("adapter.r", "8")
    assert changed.was("training.learning_rate") == "0.0002"
    assert changed.was("adapter.r") == "16"
    assert changed.typed("adapter.r", "16").was("adapter.r") is None
    spec = JobSpec.model_validate(made.document())
    assert spec.training == {"learning_rate": 2e-4, "num_train_epochs": 3}


def test_a_broken_spec_is_drafted_with_everything_that_stands_in_it(here: Path) -> None:
    broken = here / "broken.yaml"
    broken.write_text("model: base\ndata: {trian: a.jsonl, train: sums.jsonl}\nodd: [1]\n")
    made = beginnings.from_spec(broken)
    assert made.text("model") == "base"
    assert made.text("data.trian") == "a.jsonl"
    assert made.text("odd") == "[1]"
    assert set(made.extras) == {"model", "data.trian", "odd"}
    broken.write_text("{[")
    with pytest.raises(SpecError, match="not valid YAML"):
        beginnings.from_spec(broken)


def test_columns_of_data_are_guessed_and_said(here: Path) -> None:
    (here / "qa.csv").write_text("task,response\n" + "one,two\n" * 3)
    made, said = beginnings.from_data(Draft(), here / "qa.csv")
    assert made.text("data.train") == "qa.csv"
    assert made.document()["data"]["columns"] == {"prompt": "task", "completion": "response"}
    assert "guessed" in said
    (here / "prose.txt").write_text("one\n\ntwo\n")
    assert beginnings.from_data(made, here / "prose.txt")[0].text("method") == "pretrain"
    (here / "junk.jsonl").write_bytes(os.urandom(2000))
    with pytest.raises(DataError):
        beginnings.from_data(Draft(), here / "junk.jsonl")


def test_the_model_of_the_newest_job_is_proposed(bench: Bench, here: Path) -> None:
    assert beginnings.first(bench.store).texts == {}
    bench.job("older", model="org/older", ago=500)
    bench.job("newer", model=str(here / "base"), ago=5)
    assert beginnings.first(bench.store).text("model.name") == "./base"


# --- findings -------------------------------------------------------------------------------------


def test_a_valid_draft_says_what_it_would_do(here: Path) -> None:
    texts = {**GOOD, "training.per_device_train_batch_size": "4", "compute.gpus": "0"}
    found = check(Draft(texts), DataLook(), {})
    assert found.problems == {}
    assert found.spec is not None
    assert sentence(found.spec, found) == (
        "Fine-tunes work/base with LoRA r=16 on 120 questions and answers"
        " for 3 epochs: about 90 steps, on the CPU"
    )


@pytest.mark.parametrize(
    ("texts", "key", "words"),
    [
        ({"model.name": ""}, "model.name", "is missing"),
        ({"model.name": "./bas"}, "model.name", "no such model folder"),
        ({"model.name": "sums.jsonl"}, "model.name", "is a file"),
        ({"data.train": ""}, "data.train", "is missing"),
        ({"data.train": "sumz.jsonl"}, "data.train", "did you mean sums.jsonl"),
        ({"data.eval": "sumz.jsonl"}, "data.eval", "no such file"),
        ({"data.eval": "1.5"}, "data.eval", "between 0 and 1"),
        ({"data.format": "mesages"}, "data.format", "did you mean messages"),
        ({"data.columns": "{prompt: promt}"}, "data.columns", "did you mean prompt"),
        ({"data.columns": "{prompt: "}, "data.columns", "must be a mapping"),
        ({"training.learning_rat": "1"}, "training.learning_rat", "did you mean learning_rate"),
        ({"training.learning_rate": "fast"}, "training.learning_rate", "not a number"),
        ({"training.num_train_epochs": "0"}, "training.num_train_epochs", "too small"),
        ({"training.eval_strategy": "steps"}, "training.eval_strategy", "no data.eval"),
        ({"adapter.r": "x"}, "adapter.r", "must be a whole number"),
        ({"adapter.rr": "1"}, "adapter.rr", "no such field"),
        ({"method": "sftt"}, "method", "did you mean sft?"),
        ({"compute.gpus": "7"}, "compute.gpus", "several GPUs"),
        ({"samples.rows": "nix.jsonl"}, "samples.rows", "no such file"),
    ],
)
def test_each_problem_is_said_at_its_own_field(
    here: Path, texts: dict[str, str], key: str, words: str
) -> None:
    found = problems({**GOOD, **texts})
    assert set(found) == {key}
    assert words in found[key]


def test_a_wrong_field_does_not_hide_what_is_wrong_elsewhere(here: Path) -> None:
    found = problems({"model.name": "./bas", "data.train": "no.jsonl", "training.lr": "1"})
    assert set(found) == {"model.name", "data.train", "training.lr"}


def test_columns_that_fit_no_format_are_proposed(here: Path) -> None:
    (here / "qa.jsonl").write_text('{"task": "a", "response": "b"}\n' * 3)
    found = check(Draft({**GOOD, "data.train": "qa.jsonl"}), DataLook(), {})
    assert set(found.problems) == {"data.columns"}
    assert found.columns == "{prompt: task, completion: response}"
    assert not problems({**GOOD, "data.train": "qa.jsonl", "data.columns": found.columns})


def test_a_model_folder_without_its_config_is_said(here: Path) -> None:
    (here / "base" / "config.json").unlink()
    assert "config.json is missing" in problems(GOOD)["model.name"]


def test_junk_of_any_kind_is_a_problem_and_no_crash(here: Path) -> None:
    (here / "junk.jsonl").write_bytes(os.urandom(4000))
    (here / "zeros.csv").write_bytes(bytes(4000))
    for name in (
        "junk.jsonl",
        "zeros.csv",
        "[/bold]",
        "\\u0000",
        '"\\u0000"',
        "x" * 5000,
        "~no",
        "*",
    ):
        for key in ("data.train", "data.eval", "model.name", "samples.rows"):
            assert problems({**GOOD, key: name}).keys() <= {key, "data.columns"}, (key, name)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*draft.SHOWN, "training.bf16", "x.y"]), st.text(max_size=12))
)
def test_whatever_is_typed_is_checked_without_a_crash(texts: dict[str, str]) -> None:
    found = check(Draft({**texts, "data.train": "a/b", "model.name": "a/b"}), DataLook(), {})
    assert found.problems or found.spec is not None


# --- looks at data --------------------------------------------------------------------------------


def test_large_data_is_looked_at_by_its_first_rows_and_counted_roughly(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_look, "LOOKED_AT_BYTES", 2000)
    monkeypatch.setattr(data_look, "LOOKED_AT_ROWS", 50)
    found = check(Draft(GOOD), DataLook(), {})
    assert found.spec is not None
    assert found.facts is not None
    assert found.facts.inspection is not None
    assert found.facts.inspection.rows == 50
    assert found.estimated_rows == 120
    assert "on about 120 questions and answers for 3 epochs: about 45 steps" in sentence(
        found.spec, found
    )


def test_unchanged_data_is_not_read_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[JobSpec] = []

    def counted(spec: JobSpec, model: BaseModel, **limits: int) -> Inspection:
        read.append(spec)
        return inspected(spec, model, **limits)

    monkeypatch.setattr(data_look, "inspected", counted)
    look = DataLook()
    for rate in ("1e-4", "2e-4"):
        check(Draft({**GOOD, "training.learning_rate": rate}), look, {})
    assert len(read) == 1
    (here / "sums.jsonl").write_text(PAIRS * 121)
    check(Draft(GOOD), look, {})
    assert len(read) == 2
    (here / "sums.jsonl").unlink()
    assert "no such file" in str(check(Draft(GOOD), look, {}).problems["data.train"])


def test_a_file_that_would_be_read_as_a_whole_is_not_looked_at(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent, "LONGEST_ROW_BYTES", 1000)
    for name, content, words in (
        ("one.json", "[" + PAIRS.strip() + "]" + " " * 2000, "one large JSON document"),
        ("one.jsonl", '{"text": "' + "x" * 2000 + '"}', "no line break"),
        ("one.txt", "line\n" * 500, "no blank line"),
    ):
        (here / name).write_text(content)
        found = check(Draft({**GOOD, "data.train": name}), DataLook(), {})
        assert words in found.warnings[0], name
        assert found.spec is not None
        assert "data that is read when it starts" in sentence(found.spec, found)
    (here / "many.txt").write_bytes(b"one\r\n\r\n" * 500)
    assert extent.endless(here / "many.txt") is None


# --- paths ----------------------------------------------------------------------------------------


def test_a_path_completes_to_the_first_that_fits(here: Path) -> None:
    (here / "base" / "data.csv").touch()
    (here / "spec.yaml").touch()
    assert paths.complete("su") == "sums.jsonl"
    assert paths.complete("ba") == "base/"
    assert paths.complete("base/d") == "base/data.csv"
    assert paths.complete("base/d", paths.Wanted.MODEL) is None
    assert paths.complete("sp") == "spec.yaml"
    assert paths.complete("sp", paths.Wanted.DATA) is None
    assert paths.complete(f"{here}/su") == f"{here}/sums.jsonl"
    for nothing in ("", "zzz", "none/such", "base/", "\0", "~nobody/x"):
        assert paths.complete(nothing) is None


def test_a_json_file_is_a_spec_when_it_holds_one(here: Path) -> None:
    spec, rows = here / "spec.json", here / "rows.json"
    spec.write_text('{"model": {"name": "m"}, "data": {"train": "x"}}')
    rows.write_text('[{"prompt": "a"}]')
    assert paths.is_spec(spec)
    assert not paths.is_spec(rows)
    assert not paths.is_spec(here / "sums.jsonl")
    assert paths.is_spec(here / "any.TOML")
