"""`tunedeck doctor`: what this machine can do, and what is missing; imports no training library."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from engine import __version__, backends, lock, methods, schedule
from engine.cli.output import on_terminal, say, say_json, speaks_unicode
from engine.errors import MachineError
from engine.gpu import GPU, Snapshot, Telemetry
from engine.series import format_bytes
from engine.store import Store
from engine.text import one_line

TRAINING = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "safetensors")
DECK = ("textual", "rich", "plotext")
OPTIONAL = {"bitsandbytes": "quantization: pip install 'tunedeck[quant]'"}
TITLE_WIDTH = 14
LEAST_PYTHON = (3, 11)
LEAST_DISK_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line."""

    title: str
    verdict: str
    """`ok`, `note` or `missing`."""
    text: str
    hint: str = ""


def run(args: argparse.Namespace) -> int:
    """Print every finding; exit 5 when something needed is missing."""
    findings = list(examined())
    if args.json:
        say_json([_as_json(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{_mark(finding.verdict)} {finding.title:<{TITLE_WIDTH}}{one_line(finding.text)}")
            if finding.hint:
                say(f"  {'':<{TITLE_WIDTH}}{one_line(finding.hint)}")
    missing = [finding for finding in findings if finding.verdict == "missing"]
    if missing:
        raise MachineError(
            f"missing here: {', '.join(finding.title for finding in missing)}",
            missing[0].hint or "see the lines above",
        )
    return 0


def examined() -> Iterator[Finding]:
    """Everything worth knowing, in reading order."""
    store = Store()
    with Telemetry() as telemetry:
        snapshot = telemetry.read()
    yield Finding("tunedeck", "ok", f"{__version__} in {Path(__file__).parents[2]}")
    yield _python()
    yield from _libraries()
    yield _unsloth(gpu=bool(snapshot.gpus))
    yield from _other_packages()
    yield from _gpus(snapshot)
    yield _memory(snapshot)
    yield _home(store)
    yield _disk(store)
    yield _supervisor(store)
    yield _terminal()


def _mark(verdict: str) -> str:
    if not speaks_unicode(sys.stdout):
        return {"ok": "+", "note": "-", "missing": "x"}[verdict]
    return {"ok": "✓", "note": "·", "missing": "✗"}[verdict]


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "title": finding.title,
        "verdict": finding.verdict,
        "text": finding.text,
        "hint": finding.hint,
    }


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < LEAST_PYTHON:
        return Finding("Python", "missing", text, "tunedeck needs Python 3.11 or newer")
    return Finding("Python", "ok", text)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _libraries() -> Iterator[Finding]:
    for title, names in (("training", TRAINING), ("deck", DECK)):
        found = {name: _version(name) for name in names}
        absent = [name for name, there in found.items() if there is None]
        text = ", ".join(f"{name} {there}" for name, there in found.items() if there)
        if absent:
            text = f"not installed: {', '.join(absent)}" + (f"; {text}" if text else "")
            yield Finding(title, "missing", text, f"pip install {' '.join(absent)}")
        elif title == "training" and str(found["trl"]).startswith("1.15."):
            yield Finding(
                title, "note", text, "trl 1.15 cannot train on a CPU: use another release"
            )
        else:
            yield Finding(title, "ok", text)
    for name, hint in OPTIONAL.items():
        there = _version(name)
        yield Finding(
            name, "ok" if there else "note", there or "not installed", "" if there else hint
        )


def _unsloth(*, gpu: bool) -> Finding:
    """Whether the backend is there, what it can train on this machine, and what it wants otherwise."""
    backend = methods.backend("unsloth")
    there = backends.installed(backend)
    if there is None:
        hint = "`backend: unsloth` wants an environment of its own: README, Backends"
        return Finding(backend.name, "note", "not installed", hint)
    text = f"{there}, trains {', '.join(backend.methods)}"
    if not gpu:
        held_back = [name for name in backend.methods if name not in backend.cpu_methods]
        able = ", ".join(backend.cpu_methods)
        text = f"{there}, trains {able} here; {', '.join(held_back)} and QLoRA need a GPU"
    if unmet := backends.unmet(backend, TRAINING):
        hint = "install the versions that it wants: README, Backends"
        return Finding(backend.name, "note", f"{text}; it wants {', '.join(unmet)}", hint)
    return Finding(backend.name, "ok", text)


def _other_packages() -> Iterator[Finding]:
    """What other packages add, and what of it cannot be loaded."""
    for group in (methods.METHODS_GROUP, methods.BACKENDS_GROUP):
        for point in entry_points(group=group):
            kind = group.partition(".")[2]
            try:
                found = point.load()
            except (ImportError, AttributeError) as error:
                text = f"{point.name} ({point.value}) of {kind} cannot be loaded: {error}"
                yield Finding(
                    "packages", "note", text, "install its package again, or uninstall it"
                )
                continue
            if isinstance(found, methods.Method | methods.Backend):
                yield Finding("packages", "ok", f"{point.name} of {kind}, from {point.value}")
            else:
                text = f"{point.name} ({point.value}) of {kind} is no {kind.removesuffix('s')}"
                yield Finding("packages", "note", text, "ask whoever made its package")


def _gpus(snapshot: Snapshot) -> Iterator[Finding]:
    if not snapshot.gpus:
        why, _, advice = snapshot.note.partition(": ")
        yield Finding(
            "GPU", "note", f"{why.removesuffix(' here')}: training runs on the CPU", advice
        )
        return
    for gpu in snapshot.gpus:
        yield _gpu(gpu, snapshot.driver)
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        yield _visible(visible, snapshot)
    build = _version("torch") or ""
    if "+cpu" in build:
        hint = "install the CUDA build: https://pytorch.org/get-started/locally/"
        yield Finding("torch", "note", f"{build} cannot use the GPU", hint)


def _gpu(gpu: GPU, driver: str | None) -> Finding:
    memory = format_bytes(gpu.memory_total_bytes) if gpu.memory_total_bytes else "memory unknown"
    shared = " shared with the CPU" if gpu.shared_memory else ""
    text = f"{gpu.name}, {memory}{shared}, driver {driver or 'unknown'}"
    if gpu.trouble:
        why, _, advice = gpu.trouble.partition(": ")
        return Finding(f"GPU {gpu.index}", "note", f"{gpu.name}: {why}", advice)
    return Finding(f"GPU {gpu.index}", "ok", text)


def _visible(visible: str, snapshot: Snapshot) -> Finding:
    """What this shell's jobs may use."""
    gpus = [schedule.Gpu(gpu.index, gpu.uuid) for gpu in snapshot.gpus]
    left = [str(gpu.index) for gpu in schedule.visible_gpus(gpus, visible)]
    setting = f"CUDA_VISIBLE_DEVICES={visible}"
    if not left:
        hint = "unset it, or name GPUs by the index or UUID that `nvidia-smi -L` shows"
        return Finding("visible", "note", f"{setting} hides every GPU", hint)
    return Finding("visible", "ok", f"{setting}: jobs of this shell use GPU {', '.join(left)}")


def _memory(snapshot: Snapshot) -> Finding:
    host = snapshot.host
    free = host.memory_total_bytes - host.memory_used_bytes
    limited = " (the container's limit)" if host.memory_limited else ""
    text = f"{format_bytes(free)} free of {format_bytes(host.memory_total_bytes)}{limited}"
    return Finding("memory", "ok", f"{text}, {host.cpu_count} CPU cores")


def _home(store: Store) -> Finding:
    """Whether jobs can be written, without making the folder."""
    folder = store.jobs_folder
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not _writable(folder):
        hint = "set TUNEDECK_HOME to a folder that you own, on a disk with free space"
        return Finding("home", "missing", f"{store.home} cannot be written", hint)
    count = len(store.jobs())
    return Finding("home", "ok", f"{store.home} ({count} job{'' if count == 1 else 's'})")


def _writable(folder: Path) -> bool:
    """Whether a folder can be made there, by making one: mode bits say little of /proc or to root."""
    try:
        Path(tempfile.mkdtemp(prefix=".doctor-", dir=folder)).rmdir()
    except OSError:
        return False
    return True


def _disk(store: Store) -> Finding:
    for folder in (store.home, *store.home.parents):
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            continue
        text = f"{format_bytes(free)} free for jobs and checkpoints"
        if free < LEAST_DISK_BYTES:
            return Finding("disk", "note", text, "`tunedeck rm ID` frees what old jobs hold")
        return Finding("disk", "ok", text)
    return Finding("disk", "note", "unknown")


def _supervisor(store: Store) -> Finding:
    if not lock.is_held(store.supervisor_lock):
        return Finding("queue", "ok", "no supervisor runs; the next submit starts one")
    from engine import actions

    record = actions.supervisor(store) or {}
    return Finding("queue", "ok", f"a supervisor runs, process {record.get('pid', 'unknown')}")


def _terminal() -> Finding:
    if not on_terminal(sys.stdout):
        return Finding("terminal", "note", "stdout is no terminal: the deck needs one")
    size = os.get_terminal_size()
    parts = [os.environ.get("TERM", "TERM is not set"), f"{size.columns}x{size.lines}"]
    parts += ["inside tmux"] if os.environ.get("TMUX") else []
    if not speaks_unicode(sys.stdout):
        hint = "set LANG to a UTF-8 locale, for example C.UTF-8"
        return Finding("terminal", "note", f"{', '.join(parts)}, no UTF-8", hint)
    if size.columns < 80 or size.lines < 24:
        return Finding("terminal", "note", ", ".join(parts), "80x24 or more shows everything")
    return Finding("terminal", "ok", f"{', '.join(parts)}, UTF-8")
