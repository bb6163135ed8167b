"""The released unsloth takes what our code gives it: read from its source, without importing it."""

import ast
import importlib.util
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from engine import methods, schema
from engine.train.backends import unsloth as ours
from engine.train.backends.unsloth import switches

CONSTRAINTS = Path(__file__).parents[1] / "constraints-unsloth.txt"
OURS = ast.parse(Path(ours.__file__).read_text())
LOADERS = ("unsloth/models/loader.py", "unsloth_zoo/cpu/loader.py")
"""Where `FastLanguageModel.from_pretrained` is, on a GPU and without."""
WRAPPERS = ("unsloth/models/llama.py", "unsloth/models/vision.py", "unsloth_zoo/cpu/loader.py")
"""Where `get_peft_model` is: of the families with kernels of their own, of the others, and without a GPU."""


def _file(path: str) -> Path:
    package, _, rest = path.partition("/")
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / rest


def _functions(path: str, name: str) -> list[ast.FunctionDef]:
    tree = ast.parse(_file(path).read_text(encoding="utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name
    ]


def _taken(path: str, name: str) -> set[str]:
    """Parameters of the first function of that name, and what it drops from its `**kwargs` by name."""
    function, *_ = _functions(path, name)
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    popped = {
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    pops = any(
        isinstance(node, ast.Attribute)
        and node.attr == "pop"
        and isinstance(node.value, ast.Name)
        and node.value.id == "kwargs"
        for node in ast.walk(function)
    )
    return {argument.arg for argument in arguments} | (popped if pops else set())


def _given(name: str) -> set[str]:
    """Keywords of our one call of that function."""
    calls = [node for node in ast.walk(OURS) if isinstance(node, ast.Call)]
    found = [
        call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == name
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "FastLanguageModel"
    ]
    assert len(found) == 1
    return {keyword.arg for keyword in found[0].keywords if keyword.arg is not None}


def _literals(*paths: str) -> set[str]:
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(_file(path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


@pytest.mark.parametrize("path", LOADERS)
def test_the_loader_takes_what_we_give(path: str) -> None:
    given = _given("from_pretrained")
    assert {"model_name", "max_seq_length", "full_finetuning"} <= given
    assert given - _taken(path, "from_pretrained") == set()


@pytest.mark.parametrize("path", WRAPPERS)
def test_lora_takes_what_we_give(path: str) -> None:
    """Our own keywords are parameters; those of the spec's adapter are, or go on to PEFT's config."""
    given = _given("get_peft_model")
    assert given == {"use_gradient_checkpointing", "random_state"}
    named = {"r", "target_modules", "lora_alpha", "lora_dropout", "loftq_config"}
    taken = _taken(path, "get_peft_model")
    assert (given | named) - taken == set()
    function, *_ = _functions(path, "get_peft_model")
    assert function.args.kwarg is not None
    assert {"use_rslora", "use_dora", "init_lora_weights"} <= set(schema.fields("lora"))


def test_every_switch_is_one_that_unsloth_reads() -> None:
    known = _literals(
        "unsloth/models/_utils.py", "unsloth_zoo/compiler.py", "unsloth_zoo/device_type.py"
    )
    names = {*switches(Path(), gpu=True), *switches(Path(), gpu=False)}
    assert names - known - {"HF_HUB_DISABLE_TELEMETRY"} == set()


def test_what_we_refuse_without_a_gpu_is_what_unsloth_turns_off() -> None:
    function, *_ = _functions("unsloth_zoo/cpu/trainer.py", "normalize_cpu_training_arguments")
    words = {
        node.attr if isinstance(node, ast.Attribute) else node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    }
    assert set(methods.backend("unsloth").cpu_without) - words == set()


def test_importing_unsloth_is_what_makes_its_trainers() -> None:
    """Nothing else is called for dpo and grpo on a GPU."""
    tree = ast.parse(_file("unsloth/models/llama.py").read_text(encoding="utf-8"))
    called = [
        node.value.func.id
        for node in tree.body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
    ]
    assert "PatchFastRL" in called
    (patch,) = _functions("unsloth/models/dpo.py", "PatchDPOTrainer")
    assert [type(node) for node in patch.body] == [ast.Return]


def test_the_pinned_libraries_are_what_unsloth_asks_for() -> None:
    pins = dict(
        line.split("==")
        for line in CONSTRAINTS.read_text().split()
        if "==" in line and not line.startswith("#")
    )
    for distribution in ("unsloth", "unsloth_zoo"):
        for line in requires(distribution) or []:
            wanted = Requirement(line)
            if wanted.name in {"certifi", "torch"} or (
                wanted.marker and not wanted.marker.evaluate()
            ):
                continue
            if wanted.name in pins:
                assert wanted.specifier.contains(pins[wanted.name]), line
    assert version("unsloth") == version("unsloth_zoo")
