"""The spec: what is read, what is refused, and how every problem is said."""

from pathlib import Path

import pytest

from engine import document, spec
from engine.errors import SpecError
from engine.spec import JobSpec

MINIMAL = {"model": {"name": "Qwen/Qwen3-0.6B"}, "data": {"train": "train.jsonl"}}


def built(folder: Path, **sections: object) -> JobSpec:
    return spec.build({**MINIMAL, **sections}, source="spec.yaml", base_folder=folder)


def problems(folder: Path, **sections: object) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        built(folder, **sections)
    return {one.field: str(one) for one in caught.value.problems}


def test_yaml_toml_and_json_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "name: x\nmodel: {name: org/m}\ndata: {train: t.jsonl}\ntraining: {learning_rate: 1e-4}\n"
    )
    (tmp_path / "a.toml").write_text(
        'name = "x"\n[model]\nname = "org/m"\n[data]\ntrain = "t.jsonl"\n'
        "[training]\nlearning_rate = 1e-4\n"
    )
    (tmp_path / "a.json").write_text(
        '{"name": "x", "model": {"name": "org/m"}, "data": {"train": "t.jsonl"},'
        ' "training": {"learning_rate": 1e-4}}'
    )
    read = [spec.load(tmp_path / f"a.{suffix}") for suffix in ("yaml", "toml", "json")]
    assert read[0] == read[1] == read[2]
    assert read[0].training == {"learning_rate": 0.0001}


def test_the_stored_form_reads_back_as_the_same_spec(tmp_path: Path) -> None:
    first = built(
        tmp_path,
        name="straße: 1",
        data={"train": "t.jsonl", "eval": 0.1, "columns": {"prompt": "q", "completion": "yes"}},
        adapter={"r": 8, "use_rslora": True},
    )
    stored = tmp_path / "spec.yaml"
    stored.write_text(first.to_yaml(), encoding="utf-8")
    assert spec.read_resolved(stored) == first


@pytest.mark.parametrize("text", ["2e-4", "2E-4", "2.0e-4", ".2e-3", "+2e-04"])
def test_an_exponent_without_a_point_is_a_number(text: str) -> None:
    read = document.parse_document(f"a: {text}", ".yaml", "s")
    assert read == {"a": pytest.approx(0.0002)}


def test_an_unknown_key_names_the_nearest_one(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        trainnig={},
        model={"name": "m", "dtpe": "auto"},
        training={"learning_rte": 1},
        adapter={"lora_alhpa": 3},
    )
    assert "did you mean training?" in found["trainnig"]
    assert "did you mean dtype?" in found["model.dtpe"]
    assert "did you mean learning_rate?" in found["training.learning_rte"]
    assert "did you mean lora_alpha?" in found["adapter.lora_alhpa"]


def test_all_problems_come_at_once_and_each_names_its_field_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        built(
            tmp_path,
            method="sfft",
            adapter={"r": 0, "target_modules": 3, "nonsense": 1},
            data={"train": "t.jsonl", "eval": 2},
            compute={"gpus": "x"},
            training={"max_length": 0},
        )
    fields = [one.field for one in caught.value.problems]
    assert sorted(fields) == [
        "adapter.nonsense",
        "adapter.r",
        "adapter.target_modules",
        "compute.gpus",
        "data.eval",
        "method",
    ]
    assert caught.value.message.startswith("spec.yaml: 6 problems\n")
    assert "must be text or a list, not 3" in caught.value.message


@pytest.mark.parametrize(
    ("section", "values", "field", "words"),
    [
        ("model", "foo", "model", "must be a mapping of fields to values, not 'foo'"),
        ("model", {"name": 3}, "model.name", "must be text, not 3"),
        ("model", {}, "model.name", "is missing"),
        ("adapter", {"lora_dropout": "a"}, "adapter.lora_dropout", "must be a number, not 'a'"),
        ("adapter", {"r": 0}, "adapter.r", "must be 1 or more, not 0"),
        ("adapter", {"type": "none", "use_dora": True}, "adapter.use_dora", "has no meaning"),
        ("data", {"train": "t", "eval": [1]}, "data.eval", "must be a number or text, not [1]"),
        ("data", {"train": "t", "eval": 1.0}, "data.eval", "between 0 and 1"),
        ("data", None, "data", "must be a mapping of fields to values, not None"),
        ("compute", {"gpus": -1}, "compute.gpus", "must be auto, 0 (CPU) or 1"),
        ("compute", {"gpus": True}, "compute.gpus", "must be a whole number or 'auto', not True"),
        ("backend", "unslot", "backend", "did you mean unsloth?"),
        ("training", 3, "training", "must be a mapping"),
        ("training", {"num_train_epochs": 0}, "training.num_train_epochs", "(above 0)"),
        ("training", {"max_length": 0}, "training.max_length", "(1 or more)"),
        ("training", {"weight_decay": float("nan")}, "training.weight_decay", "nan is no number"),
        ("training", {"learning_rate": "fast"}, "training.learning_rate", "is not a number"),
        ("training", {"output_dir": "x"}, "training.output_dir", "is set by tunedeck"),
        ("training", {"save_strategy": "best"}, "training.save_strategy", "no, steps, epoch"),
    ],
)
def test_a_wrong_value_is_said_in_words(
    tmp_path: Path, section: str, values: object, field: str, words: str
) -> None:
    assert words in problems(tmp_path, **{section: values})[field]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' stands twice"),
        ("a: {b: 1, b: 2}", "the key 'b' stands twice"),
        ("a: [", "not valid YAML: line 1"),
        ("\tb: 1", "not valid YAML: line 1"),
        ("a: \x00", "special characters are not allowed"),
        ("- x", "holds no mapping"),
        ("", "holds no mapping"),
        ("? [1]\n: 2", "a key must be a word"),
        ("a: 2026-13-45", "month must be in 1..12"),
        ("a: !!timestamp x", "cannot be read"),
        ("a: !!int ''", "cannot be read"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_mapping_is_one_problem(text: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        document.parse_document(text, ".yaml", "s.yaml")
    assert words in caught.value.message
    assert len(caught.value.problems) == 1


def test_what_is_no_toml_and_no_json_is_one_problem() -> None:
    for text, suffix in (("a =", ".toml"), ('{"a": ', ".json"), ("[1]", ".json")):
        with pytest.raises(SpecError):
            document.parse_document(text, suffix, "s")


def test_a_missing_spec_proposes_the_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").touch()
    with pytest.raises(SpecError, match="no such file") as caught:
        spec.load(tmp_path / "trian.yaml")
    assert "did you mean train.yaml?" in caught.value.message


def test_a_spec_that_is_no_text_or_a_folder_or_huge_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"name: \xff\xfe")
    (tmp_path / "c.yaml").write_bytes(b"#" * 2_000_000)
    for path in (tmp_path / "b.yaml", tmp_path / "c.yaml", tmp_path):
        with pytest.raises(SpecError):
            spec.load(path)


def test_set_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("model: {name: org/m}\ndata: {train: t.jsonl}\n")
    read = spec.load(
        path, ["training.learning_rate=2e-4", "data.columns={prompt: q, completion: a}", "name=b"]
    )
    assert read.training["learning_rate"] == 0.0002
    assert read.data.columns == {"prompt": "q", "completion": "a"}
    assert read.name == "b"
    assert spec.load(path).name == "a"


def test_an_override_without_a_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("model: {name: org/m}\ndata: {train: t.jsonl}\n")
    with pytest.raises(SpecError, match="is no FIELD=VALUE"):
        spec.load(path, ["training.learning_rate"])


def test_paths_are_relative_to_the_spec_and_a_hub_id_stays(tmp_path: Path) -> None:
    (tmp_path / "models" / "base").mkdir(parents=True)
    resolved = built(
        tmp_path,
        model={"name": "models/base"},
        data={"train": "data/*.jsonl", "eval": "eval.csv"},
        samples={"rows": "../rows.jsonl"},
    )
    assert resolved.model.name == str(tmp_path / "models" / "base")
    assert resolved.data.train == str(tmp_path / "data" / "*.jsonl")
    assert resolved.data.eval == str(tmp_path / "eval.csv")
    assert resolved.samples is not None
    assert resolved.samples.rows is not None
    assert Path(resolved.samples.rows).is_absolute()
    assert built(tmp_path).model.name == "Qwen/Qwen3-0.6B"
    assert built(tmp_path, data={"train": "org/rows"}).data.train == "org/rows"
    assert built(tmp_path, model={"name": "./gone"}).model.name == str(tmp_path / "gone")


def test_the_fingerprint_is_of_what_decides_the_weights(tmp_path: Path) -> None:
    one = spec.fingerprint(built(tmp_path, name="a"))
    assert one == spec.fingerprint(built(tmp_path, name="b"))
    assert one != spec.fingerprint(built(tmp_path, training={"seed": 7}))
