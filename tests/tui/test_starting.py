"""The form starts from recipes too."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine import recipes
from engine import spec as specs
from engine.gpu import GPU
from tests.tui.builder import Bench
from tests.tui.looking import opened, until, until_said, until_shown
from tests.tui.test_new import at_once, here, open_form, put, submit, typed, until_ready
from tui.form import beginnings, starting
from tui.form.draft import Draft
from tui.screens.new import START

__all__ = ["at_once", "here"]

LARGE = (GPU(0, "GPU-1", "large", memory_total_bytes=24 * 1024**3),)


@pytest.mark.parametrize("name", recipes.all_recipes())
def test_a_recipe_means_in_the_form_what_it_means_as_a_spec(name: str) -> None:
    recipe = recipes.read(name)
    draft, said = beginnings.from_recipe(Draft(), name)
    assert said == f"filled in from the recipe {name}: name your data, {recipe.data}"
    document = draft.typed("data.train", "DATA").typed("name", name).document()
    assert specs.build(document, source="form", base_folder=recipes.FOLDER) == recipe.spec


def test_a_recipe_keeps_the_data_and_the_name_that_were_typed() -> None:
    typed = {"name": "mine", "data.train": "my.csv", "data.columns": "{a: b}", "model.name": "old"}
    draft, said = beginnings.from_recipe(Draft(typed), "sft-cpu")
    assert said == "filled in from the recipe sft-cpu"
    assert {key: draft.text(key) for key in ("name", "data.train", "data.columns")} == {
        "name": "mine",
        "data.train": "my.csv",
        "data.columns": "{a: b}",
    }
    assert draft.text("model.name") == recipes.read("sft-cpu").spec.model.name


def test_the_first_row_completes_recipes_after_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert starting.complete("sft") == "sft-cpu"
    assert starting.is_recipe("sft-cpu")
    (tmp_path / "sft-mine.yaml").write_text("")
    assert starting.complete("sft") == "sft-mine.yaml"
    (tmp_path / "sft-cpu").mkdir()
    assert not starting.is_recipe("sft-cpu")
    assert starting.complete("") is None


def test_those_that_fit_are_proposed_first_and_then_all_others() -> None:
    begin = [starting.next_recipe("", ())]
    while len(begin) < len(recipes.all_recipes()):
        begin.append(starting.next_recipe(begin[-1], ()))
    assert set(begin) == set(recipes.all_recipes())
    assert begin[0] == "sft-cpu"
    assert starting.next_recipe(begin[-1], ()) == "sft-cpu"
    assert recipes.read(starting.next_recipe("", LARGE)).gpu_gb == 24
    broken = (replace(LARGE[0], trouble="fell off the bus"),)
    assert starting.next_recipe("", broken) == "sft-cpu"


def test_what_a_recipe_is_and_lacks_is_said() -> None:
    assert "sft-cpu" in starting.about("", (), "F4")
    assert "lora-24gb" not in starting.about("", (), "F4")
    assert "cannot run it: needs a GPU with 24 GB" in starting.about("lora-24gb", (), "F4")
    assert "cannot run it" not in starting.about("lora-24gb", LARGE, "F4")


async def test_f4_proposes_a_recipe_and_enter_fills_it_in(bench: Bench, here: Path) -> None:
    async with opened(bench, 110, 40) as pilot:
        await open_form(pilot)
        await pilot.press("f4")
        await until(pilot, lambda: typed(pilot, START) == "sft-cpu", "proposed")
        await until_shown(pilot, "LoRA on a chat model of 135 million")
        await pilot.press("enter")
        await until_said(pilot, "filled in from the recipe sft-cpu: name your data")
        await until(pilot, lambda: typed(pilot, "training.max_length") == "512", "filled in")
        await pilot.press(*"sums.jsonl")
        await until(
            pilot, lambda: typed(pilot, "data.train") == "sums.jsonl", "its data has the focus"
        )
        put(pilot, "model.name", "./base")
        await until_ready(pilot, "Fine-tunes work/base with LoRA r=16")
        assert typed(pilot, "early_stopping.patience") == "3"
        assert "epochs" in submit(pilot)
