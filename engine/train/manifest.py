"""What a run was made of: versions, hardware, data, base model, seeds; enough to say why two runs differ."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

import torch

from engine.files import read_json, write_json
from engine.job import Job

LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "safetensors")
BACKEND_LIBRARIES = ("unsloth", "unsloth_zoo", "bitsandbytes")
"""What it depends on besides where a worker has imported it."""


def versions(imported: Container[str] = sys.modules) -> dict[str, str]:
    """Installed versions of what training depends on, with what a backend has imported."""
    names = (*LIBRARIES, *(name for name in BACKEND_LIBRARIES if name in imported))
    return {name: importlib.metadata.version(name) for name in names}


def hardware(gpu: bool) -> dict[str, Any]:
    """The machine, as far as results depend on it."""
    return {
        "host": platform.node(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if gpu else None,
        "cuda": torch.version.cuda if gpu else None,
    }


def git_commit(folder: Path) -> str | None:
    """The commit that the data's folder is at, if it is a git checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def read(job: Job) -> dict[str, Any]:
    """The job's manifest; empty before the first attempt got that far."""
    return read_json(job.manifest_file) or {}


def write(job: Job, content: dict[str, Any]) -> None:
    """Store the manifest."""
    write_json(job.manifest_file, content)
