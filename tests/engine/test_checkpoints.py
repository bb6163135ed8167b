"""A checkpoint exists only with its commit; damage is found; rotation goes by step."""

import os
from pathlib import Path

import pytest

from engine import checkpoints
from engine.checkpoints import COMMIT, Checkpoint
from engine.errors import StateError

FILES = {
    "model.safetensors": b"weights",
    "optimizer.pt": b"moments",
    "sub/rng_state.pth": b"random",
}


def save(root: Path, step: int, eval_loss: float | None = None) -> Checkpoint:
    """A committed checkpoint."""
    folder = write_files(root, step)
    return checkpoints.commit(folder, step, {"eval_loss": eval_loss})


def write_files(root: Path, step: int) -> Path:
    folder = checkpoints.folder_of(root, step)
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + str(step).encode())
    return folder


def steps(root: Path) -> list[int]:
    return [one.step for one in checkpoints.committed(root)]


def test_a_folder_without_commit_is_no_checkpoint_and_is_cleared_away(tmp_path: Path) -> None:
    save(tmp_path, 10)
    unfinished = write_files(tmp_path, 20)
    assert steps(tmp_path) == [10]
    selection = checkpoints.select(tmp_path)
    assert selection.checkpoint is not None
    assert (selection.checkpoint.step, selection.rejected) == (10, ())
    assert not unfinished.exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["removed", "truncated", "flipped", "emptied"])
def test_any_damage_to_any_file_falls_back_to_the_checkpoint_before(
    tmp_path: Path, name: str, harm: str
) -> None:
    save(tmp_path, 10)
    newest = save(tmp_path, 20)
    path = newest.folder / name
    content = path.read_bytes()
    if harm == "removed":
        path.unlink()
    else:
        changed = {
            "truncated": content[:-1],
            "flipped": bytes([content[0] ^ 1]) + content[1:],
            "emptied": b"",
        }
        path.write_bytes(changed[harm])
    selection = checkpoints.select(tmp_path)
    assert selection.checkpoint is not None
    assert selection.checkpoint.step == 10
    assert [step for step, _ in selection.rejected] == [20]
    assert name in selection.rejected[0][1]
    (aside,) = tmp_path.glob("rejected-20-*")
    assert steps(tmp_path) == [10]
    assert (aside / COMMIT).exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": {"a": 1}}'])
def test_a_damaged_commit_is_damage_too(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, 10)
    (save(tmp_path, 20).folder / COMMIT).write_bytes(content)
    assert steps(tmp_path) == [10]
    selection = checkpoints.select(tmp_path)
    assert selection.checkpoint is not None
    assert selection.checkpoint.step == 10


def test_nothing_to_resume_from_is_no_error(tmp_path: Path) -> None:
    assert checkpoints.select(tmp_path / "missing") == checkpoints.Selection(None)


def test_rotation_keeps_the_newest_by_step_whatever_the_clock_says(tmp_path: Path) -> None:
    for step in (5, 10, 20, 100):
        save(tmp_path, step)
    os.utime(checkpoints.folder_of(tmp_path, 100), (0, 0))
    assert checkpoints.rotate(tmp_path, 2) == [5, 10]
    assert steps(tmp_path) == [20, 100]


def test_rotation_keeps_the_best(tmp_path: Path) -> None:
    for step, loss in ((5, 0.9), (10, 0.2), (15, 0.5), (20, 0.6)):
        save(tmp_path, step, loss)
    checkpoints.rotate(tmp_path, 1)
    assert steps(tmp_path) == [10, 20]


def test_rotation_leaves_what_an_export_is_reading(tmp_path: Path) -> None:
    read, *_ = [save(tmp_path, step) for step in (5, 10, 15)]
    with checkpoints.reading(read):
        assert checkpoints.rotate(tmp_path, 1) == [10]
    assert checkpoints.rotate(tmp_path, 1) == [5]


def test_choosing_by_last_best_and_step(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no checkpoint yet"):
        checkpoints.choose(tmp_path, "last")
    for step, loss in ((5, 0.2), (10, 0.4)):
        save(tmp_path, step, loss)
    chosen = {name: checkpoints.choose(tmp_path, name).step for name in ("last", "best", "5")}
    assert chosen == {"last": 10, "best": 5, "5": 5}
    with pytest.raises(StateError, match="no checkpoint '7'"):
        checkpoints.choose(tmp_path, "7")


def test_a_damaged_checkpoint_is_not_exported(tmp_path: Path) -> None:
    save(tmp_path, 5)
    (save(tmp_path, 10).folder / "optimizer.pt").write_bytes(b"x")
    assert checkpoints.choose(tmp_path, "last").step == 5
    with pytest.raises(StateError, match="damaged"):
        checkpoints.choose(tmp_path, "10")


def test_a_commit_lists_every_file_with_its_size(tmp_path: Path) -> None:
    done = save(tmp_path, 7)
    assert set(done.facts["files"]) == set(FILES)
    assert done.size_bytes == sum(len(content) + 1 for content in FILES.values())
