"""The file of a reward function: looked at without running it, confirmed by its SHA-256, kept with the job.

Its code runs in the worker alone, from the bytes that were confirmed. Whoever hands a job in says by the hash
in the spec that they know this code; a changed file needs a new hash.
"""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import Problem, SpecError
from engine.files import write_atomic
from engine.spec.rewards import FunctionReward, Reward

LARGEST_FILE_BYTES = 1024**2


def sha256_of(content: bytes) -> str:
    """The hash that a spec confirms a file by."""
    return hashlib.sha256(content).hexdigest()


def kept_name(section: FunctionReward) -> str:
    """What the copy in the job's folder is called."""
    return f"{Path(section.file).stem}-{(section.sha256 or '')[:12]}.py"


def refuse_unconfirmed(rewards: Sequence[Reward]) -> None:
    """Look at every file of a reward function.

    Raises:
        SpecError: with every file that cannot be read, lacks the function, or is not confirmed by its hash.
    """
    problems = [
        problem
        for place, section in _functions(rewards)
        for problem in _problems(place, section)[0]
    ]
    _refuse(problems)


def keep(rewards: Sequence[Reward], folder: Path) -> None:
    """Copy the files of reward functions into a job's folder.

    Raises:
        SpecError: as `refuse_unconfirmed`; what is written is what was looked at.
    """
    problems: list[Problem] = []
    for place, section in _functions(rewards):
        found, content = _problems(place, section)
        problems += found
        if not found:
            folder.mkdir(exist_ok=True)
            write_atomic(folder / kept_name(section), content)
    _refuse(problems)


def _functions(rewards: Sequence[Reward]) -> Iterator[tuple[int, FunctionReward]]:
    for place, section in enumerate(rewards):
        if isinstance(section, FunctionReward):
            yield place, section


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise SpecError(
            "reward function", problems, "the hash confirms that you know the code that will run"
        )


def _problems(place: int, section: FunctionReward) -> tuple[list[Problem], bytes]:
    """What is wrong with one file, and its content."""
    field, path = f"rewards.{place}", Path(section.file)
    try:
        if not path.is_file():
            return [Problem(f"{field}.file", f"{path} is no file", "check the path")], b""
        if path.stat().st_size > LARGEST_FILE_BYTES:
            return [
                Problem(f"{field}.file", f"{path} is larger than 1 MiB", "is it the right file?")
            ], b""
        content = path.read_bytes()
    except OSError as error:
        return [Problem(f"{field}.file", f"{path}: {error.strerror or error}")], b""
    return [
        *_problems_of_code(field, section, content),
        *_problems_of_hash(field, section, content),
    ], content


def _problems_of_hash(field: str, section: FunctionReward, content: bytes) -> list[Problem]:
    digest = sha256_of(content)
    if section.sha256 == digest:
        return []
    if section.sha256 is None:
        message = f"is missing: the code of {section.file} will run on this machine"
    else:
        message = f"is not that of {section.file}, which changed or is another file"
    return [Problem(f"{field}.sha256", message, f"read the file, then write sha256: {digest}")]


def _problems_of_code(field: str, section: FunctionReward, content: bytes) -> list[Problem]:
    """Found by parsing; nothing is run."""
    try:
        tree = ast.parse(content)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return [Problem(f"{field}.file", f"{section.file} is no Python: {where}{error.msg}")]
    except (ValueError, RecursionError, MemoryError) as error:
        return [Problem(f"{field}.file", f"{section.file} is no Python: {error}")]
    defined = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = [node for node in defined if node.name == section.function]
    if not found:
        names = ", ".join(node.name for node in defined[:9]) or "no function at all"
        return [
            Problem(
                f"{field}.function",
                f"{section.file} does not define {section.function!r}",
                f"it defines {names}",
            )
        ]
    if isinstance(found[-1], ast.AsyncFunctionDef):
        return [Problem(f"{field}.function", "is async: write a plain `def`")]
    return []
