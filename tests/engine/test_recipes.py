import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from engine import document, methods, recipes
from engine import spec as specs
from engine.cli import main
from engine.errors import UsageError
from engine.gpu import GPU
from engine.recipes import Recipe

ALL = list(recipes.all_recipes().values())
DEMO = Path(specs.__file__).parents[1] / "demo"


def gpu(gigabytes: float, **facts: object) -> GPU:
    made = GPU(0, "GPU-1", "some", memory_total_bytes=int(gigabytes * 1e9))
    return replace(made, **facts)  # type: ignore[arg-type]


def parsed(text: str) -> dict[str, object]:
    return document.parse_document(text, ".yaml", "test")


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.name)
def test_a_recipe_is_a_complete_spec_that_opens_with_its_commands(recipe: Recipe) -> None:
    assert recipe.spec.name == recipe.name
    assert recipe.spec.data.train == recipes.PLACEHOLDER
    first, second, *_ = recipe.text.splitlines()
    assert first == f"# tunedeck init DATA --recipe {recipe.name}"
    assert second == "# tunedeck run DATA.yaml"
    assert (recipe.spec.compute.gpus == 0) is (recipe.gpu_gb is None)
    if recipe.gpu_gb is not None:
        assert recipe.name.endswith(f"-{recipe.gpu_gb}gb")


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.name)
def test_a_recipe_says_the_effect_of_its_values(recipe: Recipe) -> None:
    values = [
        line
        for line in recipe.text.splitlines()
        if re.match(r"\s+[\w -]+: \S", line) and not line.lstrip().startswith("#")
    ]
    silent = {"seed", "gpus", "train", "weight", "unit", "maximum"}
    for line in values:
        name = line.strip().removeprefix("- ").partition(":")[0]
        assert " # " in line or name in silent or "warmup" in line, line
    assert max(map(len, recipe.text.splitlines())) <= 112


def test_recipes_cover_every_method_and_every_size_of_machine() -> None:
    assert {one.method for one in ALL} == set(methods.methods())
    assert {one.gpu_gb for one in ALL} == {None, 8, 12, 16, 24}
    quantized = {one.gpu_gb for one in ALL if one.spec.model.quantization == "4bit"}
    assert quantized == {8, 12, 16, 24}
    assert {one.spec.backend for one in ALL} == {"trl", "unsloth"}
    on_cpu = {one.method for one in ALL if one.gpu_gb is None}
    assert on_cpu == {"sft", "pretrain", "dpo", "grpo", "osft"}


def test_what_a_machine_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.backends.find_spec", lambda name: object())
    small, large = recipes.read("qlora-8gb"), recipes.read("qlora-24gb")
    assert recipes.missing(small, []) == "needs a GPU with 8 GB"
    assert recipes.missing(small, [gpu(8.58)]) is None  # 8 GiB, as NVML tells it
    assert recipes.missing(large, [gpu(8.58)]) == "needs a GPU with 24 GB"
    assert recipes.missing(large, [gpu(8.58), gpu(24.1)]) is None
    assert recipes.missing(large, [gpu(24.1, trouble="fell off the bus")]) is not None
    assert recipes.missing(large, [GPU(0, "", "silent")]) is not None
    assert recipes.missing(recipes.read("sft-cpu"), []) is None
    monkeypatch.setattr("engine.backends.find_spec", lambda name: None)
    assert "bitsandbytes" in (recipes.missing(small, [gpu(24.1)]) or "")
    assert recipes.missing(recipes.read("lora-16gb"), [gpu(24.1)]) is None
    assert (
        recipes.missing(recipes.read("lora-16gb"), [gpu(15.84)]) is None
    )  # a T4, less its driver's part


def test_what_fits_best_comes_first() -> None:
    found = [one.name for one in recipes.fitting([gpu(16.1)])]
    assert found[0] == "lora-16gb"
    assert "sft-cpu" in found
    assert "lora-24gb" not in found


def test_values_are_put_in_and_comments_stay() -> None:
    recipe = recipes.read("sft-cpu")
    values = {"name": "mine", "data.train": '"my data.csv"', "data.columns": "{prompt: q}"}
    text = recipes.filled(recipe, ["# mine"], {**values, "model.name": "./base"})
    spec = parsed(text)
    assert spec["name"] == "mine"
    assert spec["data"] == {
        "train": "my data.csv",
        "eval": 0.05,
        "format": "auto",
        "columns": {"prompt": "q"},
    }
    assert spec["model"] == {"name": "./base", "dtype": "float32"}
    assert text.startswith("# mine\n\nname: mine\n")
    assert "Qwen" not in text  # what was said of the recipe's own model
    notes = re.compile(r"(?<= )# .*")
    before, after = (notes.findall(one) for one in (recipe.text, text))
    assert [one for one in before if one not in after] == [
        "# Qwen/Qwen3-0.6B answers better, and takes four times as long"
    ]
    unchanged = {name: value for name, value in recipe.document.items() if name not in values}
    assert {name: spec[name] for name in unchanged if name not in ("data", "model")} == {
        name: value for name, value in unchanged.items() if name not in ("data", "model")
    }


def test_sections_and_fields_become_comments() -> None:
    text = recipes.without(recipes.read("sft-cpu").text, ("data.eval", "early_stopping"))
    spec = parsed(text)
    assert "early_stopping" not in spec
    assert "eval" not in spec["data"]  # type: ignore[operator]
    assert "# early_stopping:" in text
    assert "#   patience: 3" in text
    assert "  # eval: 0.05" in text


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        recipes.read("qlora-8g")
    assert "did you mean qlora-8gb?" in caught.value.hint


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_recipes_are_listed_with_what_this_machine_lacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["recipes"]) == 0
    shown = capsys.readouterr()
    rows = {line.split()[0]: line for line in shown.out.splitlines()}
    assert set(rows) == {"recipe", *recipes.all_recipes()}
    assert "yes" in rows["sft-cpu"]
    assert main(["recipes", "--json"]) == 0
    listed = {one["name"]: one for one in yaml.safe_load(capsys.readouterr().out)}
    assert listed["qlora-8gb"]["gpu_gb"] == 8
    assert listed["sft-cpu"]["fits"] is True
    assert main(["recipes", "qlora-8gb"]) == 0
    assert capsys.readouterr().out == recipes.read("qlora-8gb").text


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "sft-cpu",
            '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        ),
        ("osft-cpu", '{"instruction": "a", "input": "", "output": "b"}'),
        ("dpo-cpu", '{"prompt": "a", "chosen": "b", "rejected": "c"}'),
        ("grpo-cpu", '{"question": "1+1?", "answer": "so #### 2"}'),
        ("pretrain-cpu", '{"text": "once upon a time"}'),
    ],
)
def test_init_fills_a_recipe_with_data(
    name: str, rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "my rows.jsonl"
    data.write_text("".join(f'{rows[:-1]}, "id": {i}}}\n' for i in range(50)))
    base = DEMO / "base"
    assert main(["init", str(data), "--recipe", name, "--model", str(base), "-o", "s.yaml"]) == 0
    assert capsys.readouterr().out == "tunedeck run s.yaml\n"
    spec = specs.load(tmp_path / "s.yaml")
    assert spec.method == recipes.read(name).method
    assert (spec.data.train, spec.model.name) == (str(data), str(base))
    assert spec.training == recipes.read(name).spec.training


def test_of_few_rows_nothing_is_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "few.jsonl"
    data.write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    assert main(["init", str(data), "--recipe", "sft-cpu", "-o", "-"]) == 0
    spec = parsed(capsys.readouterr().out)
    assert spec["data"] == {"train": "few.jsonl", "format": "auto"}
    assert "early_stopping" not in spec


def test_data_that_a_recipe_cannot_learn_from_is_refused_with_what_it_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "chats.jsonl"
    data.write_text('{"instruction": "a", "output": "b"}\n' * 3)
    assert main(["init", str(data), "--recipe", "dpo-cpu"]) != 0
    said = capsys.readouterr().err
    assert "dpo-cpu learns from prompts with a chosen and a rejected answer" in said
    assert not (tmp_path / "chats.yaml").exists()


def test_the_wheel_has_the_recipes() -> None:
    import tomllib

    with (Path(specs.__file__).parents[2] / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    assert "engine/recipes/*.yaml" in project["tool"]["hatch"]["build"]["artifacts"]
