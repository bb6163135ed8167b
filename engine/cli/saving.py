"""Writing a file that a command was asked for: whole or not at all."""

from pathlib import Path

from engine.errors import MachineError, UsageError
from engine.files import write_atomic


def check_target(path: Path) -> Path:
    """The file that will be written, before anything is done for it.

    Raises:
        UsageError: its folder is not there, or it is a folder itself.
        MachineError: it cannot be looked at.
    """
    target = path.expanduser()
    try:
        if target.is_dir():
            raise UsageError(f"{path} is a folder", "name a file in it")
        if not target.parent.is_dir():
            raise UsageError(
                f"{target.parent}: no such folder", f"make it: mkdir -p {target.parent}"
            )
        return target.resolve()
    except OSError as error:
        raise _not_written(path, error) from error


def save(path: Path, content: bytes) -> None:
    """Replace `path` by that content.

    Raises:
        UsageError: there can be no such file.
        MachineError: it cannot be written.
    """
    target = check_target(path)
    try:
        write_atomic(target, content, durable=False)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{path} cannot be written: {error.strerror or error}",
        "name a file in a folder that you own, on a disk with free space",
    )
