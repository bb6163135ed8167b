import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from engine.errors import MachineError, UsageError
from engine.schema import ADAPTERS, METHODS, Config, Field, check, config, convert, fields, stored
from engine.schema.convert import MismatchError
from engine.schema.reader import read_fields
from engine.schema.source import Source

LIBRARY = {
    "lib/__init__.py": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from .configs import TrainConfig as TrainConfig
            from .shapes import *
        """,
    "lib/shapes.py": """
        class Shape(ExplicitEnum):
            ROUND = "round"
            FLAT = "flat"
        """,
    "lib/base.py": """
        from dataclasses import dataclass, field
        from lib import Shape
        from unheard_of import Elsewhere
        LIMIT = 7

        class NotADataclass:
            ignored: int = 1

        @dataclass
        class Base(NotADataclass):
            \"\"\"Base.

            Args:
                size (`int`):
                    How big it is. It can
                    be small.
                shape (`Shape`): Its outline.
            \"\"\"
            size: int = LIMIT
            shape: Shape | str = field(default=Shape.FLAT)
            other: "Elsewhere | None" = None
            if True:
                chosen = "a"
            picked: str = field(default=chosen, metadata={"help": "At 20%% e.g. Fine. More."})
        """,
    "lib/configs.py": """
        from dataclasses import dataclass, field
        from typing import ClassVar, Literal, Optional, Union
        from .base import Base as _Base

        @dataclass
        class Nested:
            x: int = 1

        @dataclass(frozen=True)
        class TrainConfig(_Base):
            wanted: int
            size: float = 1e-3
            names: Optional[Union[list[str], str]] = None
            mode: Literal["fast", "slow"] | None = "fast"
            init: bool | Literal["gaussian", "niter_[number]"] = True
            open: Union[str, Literal["auto"]] = "auto"
            pairs: list[tuple[int, int]] = field(default_factory=list)
            losses: list[float] = field(default_factory=lambda: [0.5])
            nested: Nested = field(default_factory=Nested)
            hidden: int = field(default=3, init=False)
            counter: ClassVar[int] = 0
        """,
}


@pytest.fixture
def library(tmp_path: Path) -> Source:
    for name, text in LIBRARY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    return Source(("lib",), lambda package: tmp_path / package)


@pytest.fixture
def read(library: Source) -> dict[str, Field]:
    wanted = Config("train", "method", "TrainConfig", ("lib.gone", "lib"), ("lib",))
    return read_fields(wanted, library)


def test_reader_follows_reexports_and_inherits_in_the_order_of_dataclasses(
    read: dict[str, Field],
) -> None:
    assert list(read)[:6] == ["size", "shape", "other", "picked", "wanted", "names"]
    assert not {"ignored", "hidden", "counter"} & set(read)


@pytest.mark.parametrize(
    ("name", "kind", "optional", "default", "choices"),
    [
        ("size", "float", False, 1e-3, ()),
        ("shape", "str", False, "flat", ("round", "flat")),
        ("other", "any", True, None, ()),
        ("names", "list[str] | str", True, None, ()),
        ("mode", "str", True, "fast", ("fast", "slow")),
        ("init", "bool | str", False, True, ("gaussian", "niter_[number]")),
        ("open", "str", False, "auto", ()),
        ("pairs", "list[list[int]]", False, [], ()),
        ("losses", "list[float]", False, [0.5], ()),
        ("nested", "dict", False, "Nested()", ()),
    ],
)
def test_reader_normalises_annotations_and_defaults(
    read: dict[str, Field],
    name: str,
    kind: str,
    optional: bool,
    default: object,
    choices: tuple[str, ...],
) -> None:
    field = read[name]
    assert (field.type, field.optional, field.choices) == (kind, optional, choices)
    assert field.default == default


def test_reader_marks_what_only_the_library_knows(read: dict[str, Field]) -> None:
    assert [name for name, field in read.items() if field.symbolic] == ["picked", "nested"]
    assert [name for name, field in read.items() if field.required] == ["wanted"]


def test_reader_takes_one_sentence_of_help_from_metadata_or_docstring(
    read: dict[str, Field], library: Source
) -> None:
    base = read_fields(Config("base", "method", "Base", ("lib.base",), ("lib",)), library)
    assert base["size"].help == "How big it is."
    assert base["size"].default == 7
    assert base["shape"].help == "Its outline."
    assert read["picked"].help == "At 20% e.g. Fine."


def test_reader_names_the_class_that_a_release_lacks(library: Source) -> None:
    with pytest.raises(MachineError, match="GoneConfig is not in the installed lib"):
        read_fields(Config("gone", "method", "GoneConfig", ("lib",), ("lib",)), library)


@pytest.mark.parametrize("name", [*METHODS, *ADAPTERS])
def test_every_table_ships_and_holds_only_fields_that_its_defaults_satisfy(name: str) -> None:
    table = stored.read_table(config(name))
    assert set(table["versions"]) == set(config(name).distributions)
    for entry in table["fields"]:
        field = Field.from_json(entry)
        assert Field.from_json(json.loads(json.dumps(field.to_json()))) == field
        if not field.symbolic and not field.required:
            assert convert(field, field.default) == field.default, field


def test_fields_describe_sft_without_its_library() -> None:
    found = fields("sft")
    assert found["learning_rate"].type == "float"
    assert found["max_length"].optional
    assert found["eval_strategy"].choices == ("no", "steps", "epoch")
    assert fields("pretrain") is found


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        fields("sfft")
    assert "sft" in caught.value.hint


@pytest.fixture
def _uncached() -> object:
    stored._fields.cache_clear()
    yield
    stored._fields.cache_clear()


@pytest.mark.usefixtures("_uncached")
def test_another_installed_version_is_read_from_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth = {"brand_new": Field("brand_new", "bool", default=False)}
    monkeypatch.setattr(stored, "installed_version", lambda package: "99.0")
    monkeypatch.setattr(stored, "read_fields", lambda wanted, source: truth)
    assert fields("sft") == truth


@pytest.mark.usefixtures("_uncached")
def test_the_shipped_table_serves_where_no_library_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored, "installed_version", lambda package: None)
    assert "learning_rate" in fields("sft")


def test_checking_a_spec_imports_no_training_library() -> None:
    code = (
        "import sys; from engine.schema import check;"
        "check('sft', {'learnin_rate': 1}); check('lora', {'r': 8});"
        "print([name for name in ('torch', 'trl', 'transformers', 'peft', 'pydantic')"
        " if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_values_are_converted_to_what_the_field_wants() -> None:
    checked = check(
        "sft",
        {
            "learning_rate": "2e-4",
            "num_train_epochs": 3,
            "max_steps": "1e3",
            "seed": 7.0,
            "max_length": None,
            "report_to": "none",
            "label_names": "labels",
            "model_init_kwargs": {"attn_implementation": "eager"},
        },
    )
    assert checked.problems == []
    assert checked.values == {
        "learning_rate": 2e-4,
        "num_train_epochs": 3,
        "max_steps": 1000,
        "seed": 7,
        "max_length": None,
        "report_to": "none",
        "label_names": ["labels"],
        "model_init_kwargs": {"attn_implementation": "eager"},
    }
    assert type(checked.values["seed"]) is int


def test_a_bare_no_of_yaml_is_the_word_it_was_meant_to_be() -> None:
    assert check("sft", {"eval_strategy": False}).values == {"eval_strategy": "no"}


@pytest.mark.parametrize("value", ["pissa", "pissa_niter_16", "lora_ga", True, False])
def test_every_way_to_initialise_lora_is_accepted(value: object) -> None:
    assert check("lora", {"init_lora_weights": value}).problems == []


@pytest.mark.parametrize(
    ("method", "key", "value", "hint"),
    [
        ("sft", "learnin_rate", 1e-4, "did you mean learning_rate?"),
        ("sft", "max_seq_length", 512, "did you mean max_length?"),
        ("sft", "warmup_ratio", 0.1, "use warmup_steps; a number below 1 is a share of all steps"),
        ("sft", "lora_alpha", 32, "it is a field of adapter lora"),
        ("sft", "beta", 0.1, "it is a field of method dpo, kto, orpo, ..."),
        ("sft", "zzzz", 1, "remove it"),
        ("lora", "rank", 8, "use r"),
        ("sft", "save_strategy", "epochs", "did you mean epoch?"),
        ("sft", "packing", "yes", "write true or false without quotes"),
        ("sft", "run_name", 12, "put it in quotes"),
        ("sft", "logging_steps", "often", "leave it out for the default, 10"),
        ("sft", "seed", 1.5, "leave it out for the default, 42"),
        ("sft", "weight_decay", None, "leave it out for the default, 0.0"),
        ("sft", "adam_beta1", True, "leave it out for the default, 0.9"),
        ("sft", "learning_rate", "nan", "leave it out for the default, 2e-05"),
        ("sft", "learning_rate", [1e-4], "leave it out for the default, 2e-05"),
        ("sft", "label_names", {"a": 1}, "leave it out for the default, null"),
    ],
)
def test_a_wrong_key_or_value_is_named_as_typed_and_says_what_to_do(
    method: str, key: str, value: object, hint: str
) -> None:
    checked = check(method, {key: value, "r" if method == "lora" else "seed_": 1}, "training.")
    problem = checked.problems[0]
    assert (problem.field, problem.hint) == (f"training.{key}", hint)
    assert key not in checked.values


def test_all_problems_are_reported_and_the_good_values_kept() -> None:
    typed: dict[Any, Any] = {"learning_rate": "fast", "max_steps": 5, "epochs": 3, 7: 1}
    checked = check("sft", typed)
    assert [problem.field for problem in checked.problems] == ["learning_rate", "epochs", "7"]
    assert checked.values == {"max_steps": 5}


def test_a_refusal_says_what_is_accepted() -> None:
    field = Field("f", "bool | str | list[int]", optional=True, choices=("auto",))
    with pytest.raises(MismatchError, match=r"'x' is not true or false, a list of whole numbers"):
        convert(field, "x")
    assert convert(field, ["3", 4]) == [3, 4]
    assert convert(field, "auto") == "auto"
