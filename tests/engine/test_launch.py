import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine import launch
from engine.files import write_json
from engine.job import Job
from engine.launch import allow_listed, job_environment


@pytest.fixture
def job(tmp_path: Path) -> Job:
    write_json(
        tmp_path / "launch.json",
        {"environment": {"HF_HOME": "/models", "https_proxy": "http://proxy:3128"}},
    )
    return Job(tmp_path)


def test_only_allow_listed_names_are_stored_and_never_a_secret() -> None:
    stored = allow_listed(
        {
            "HF_HOME": "/models",
            "HF_TOKEN": "secret",
            "https_proxy": "http://me:secret@proxy:3128",
            "no_proxy": "localhost",
            "HF_ENDPOINT": "https://user:secret@hub.test/x@y",
            "PATH": "/bin",
        }
    )
    assert stored == {
        "HF_HOME": "/models",
        "https_proxy": "http://proxy:3128",
        "no_proxy": "localhost",
        "HF_ENDPOINT": "https://hub.test/x@y",
    }


def test_a_job_does_not_depend_on_the_shell_that_started_the_supervisor(job: Job) -> None:
    ours = {"HF_HOME": "/other", "HF_HUB_OFFLINE": "1", "PATH": "/bin", "HF_TOKEN": "kept"}
    environment = job_environment(job, ours, devices="GPU-aa")
    assert environment["HF_HOME"] == "/models"
    assert "HF_HUB_OFFLINE" not in environment
    assert environment["PATH"] == "/bin"
    assert environment["HF_TOKEN"] == "kept"
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-aa"
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_a_proxy_that_differs_only_by_its_credentials_keeps_them(job: Job) -> None:
    with_them = "http://me:secret@proxy:3128"
    assert job_environment(job, {"https_proxy": with_them}, devices="")["https_proxy"] == with_them
    other = job_environment(job, {"https_proxy": "http://me:x@elsewhere"}, devices="")
    assert other["https_proxy"] == "http://proxy:3128"


def test_nothing_is_imported_from_a_path_by_accident(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "checkout_folder", lambda: None)
    environment = job_environment(job, {"PYTHONPATH": "/evil", "PYTHONHOME": "/x"}, devices="")
    assert "PYTHONPATH" not in environment
    assert "PYTHONHOME" not in environment
    assert environment["PYTHONSAFEPATH"] == "1"


def test_a_bare_checkout_is_named_exactly(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "checkout_folder", lambda: Path("/checkout"))
    assert job_environment(job, {"PYTHONPATH": "/evil"}, devices="")["PYTHONPATH"] == "/checkout"


def test_a_copy_that_is_not_installed_is_recognised_as_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "engine").symlink_to(engine.__path__[0])
    copied = tmp_path / "copy"
    copied.mkdir()
    (copied / "engine").mkdir()
    for path in Path(engine.__path__[0]).glob("*.py"):
        (copied / "engine" / path.name).write_bytes(path.read_bytes())
    code = "from engine.launch import checkout_folder; print(checkout_folder())"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(copied)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(copied)


def test_a_folder_named_engine_in_the_working_directory_is_not_imported(
    job: Job, tmp_path: Path
) -> None:
    evil = tmp_path / "engine"
    evil.mkdir()
    (evil / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    environment = job_environment(job, os.environ, devices="")
    found = subprocess.run(
        [sys.executable, "-c", "import engine.job; print('ours')"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.strip() == "ours", found.stderr
