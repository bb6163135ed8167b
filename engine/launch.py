"""Starts processes that outlive whoever starts them: a worker, an export, the supervisor.

None of them gets a terminal, a pipe, or a path to import from by accident; each is a session
of its own.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from engine.errors import MachineError
from engine.job import Job
from engine.lock import Lock
from engine.store import Store

ALLOWED = (
    "HF_HOME",
    "HF_ENDPOINT",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_CACHE",
    "HF_DATASETS_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "XDG_CACHE_HOME",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)
"""What a job keeps of the shell that submitted it; a queued job depends on no other shell."""

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

JOB_MARK = "TUNEDECK_JOB"
"""Names the job's folder to a worker and all its children: what belongs to a job is found by it."""

WORKER_OVERRIDE = "TUNEDECK_WORKER"
"""For tests only: a Python file that is started in place of `-m engine.train`."""

START_SECONDS = 20.0

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


def without_credentials(value: str) -> str:
    """A URL without its `user:password@`."""
    return _CREDENTIALS.sub("", value)


def allow_listed(environ: Mapping[str, str]) -> dict[str, str]:
    """What may be stored of a shell's environment; never a secret."""
    return {name: without_credentials(environ[name]) for name in ALLOWED if name in environ}


def has_token(environ: Mapping[str, str]) -> bool:
    """Whether that environment carries a Hugging Face token."""
    return any(environ.get(name) for name in TOKENS)


def job_environment(job: Job, environ: Mapping[str, str], *, devices: str) -> dict[str, str]:
    """The environment of a job's process: ours, with every allow-listed name as it was submitted.

    `devices` is the UUID of its GPU, or empty. A proxy that differs from ours only by our own
    credentials stays ours.
    """
    stored = job.launch().get("environment")
    submitted = stored if isinstance(stored, Mapping) else {}
    result = _base_environment(environ)
    for name in ALLOWED:
        value = submitted.get(name)
        if not isinstance(value, str):
            result.pop(name, None)
        elif without_credentials(result.get(name, "")) != value:
            result[name] = value
    return result | {
        "CUDA_VISIBLE_DEVICES": devices,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "OMP_WAIT_POLICY": "passive",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        JOB_MARK: str(job.folder),
    }


def _base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Without a path to import from, except for a checkout that is not installed."""
    result = dict(environ)
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", JOB_MARK):
        result.pop(name, None)
    result["PYTHONSAFEPATH"] = "1"
    if (checkout := checkout_folder()) is not None:
        result["PYTHONPATH"] = str(checkout)
    return result


@cache
def checkout_folder() -> Path | None:
    """The folder that holds this `engine`, when Python does not find it there by itself.

    A bare checkout is run through PYTHONPATH or the working directory; its processes then get
    PYTHONPATH set to exactly this folder. Installed, they get none.
    """
    ours = Path(__file__).resolve().parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    found = subprocess.run(
        [sys.executable, "-P", "-c", "import engine; print(engine.__path__[0])"],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    path = found.stdout.strip()
    return None if path and Path(path).resolve() == ours else ours.parent


def launch_worker(
    job: Job, held: Lock, environ: Mapping[str, str], *, devices: str = ""
) -> subprocess.Popen[bytes]:
    """Start a job's worker, which inherits the lock; the caller then closes its own copy."""
    override = environ.get(WORKER_OVERRIDE)
    program = [override] if override else ["-m", "engine.train"]
    command = [sys.executable, *program, str(job.folder), "--lock-fd", str(held.descriptor)]
    environment = job_environment(job, environ, devices=devices)
    with _appending(job.log_file) as log:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=job.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[held.descriptor],
            start_new_session=True,
            umask=0o077,
        )


def launch_export(
    job: Job, kinds: Sequence[str], checkpoint: str, environ: Mapping[str, str] = os.environ
) -> int:
    """Start an export on the CPU, detached; returns its pid."""
    job.exports.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", "engine.train.export", str(job.folder)]
    command += ["--to", ",".join(kinds), "--checkpoint", checkpoint]
    environment = job_environment(job, environ, devices="")
    del environment[JOB_MARK]  # an export is not stopped with its job's worker
    with _appending(job.exports / "log.txt") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=job.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
        )
    _let_go(process)
    return process.pid


def launch_preview(
    spec: bytes, answer: Path, log: Path, *, rows: int, sample: int
) -> subprocess.Popen[bytes]:
    """Start a preview of the rows of a resolved spec, given as JSON, on the CPU.

    It belongs to whoever started it, who waits for it or ends it.
    """
    command = [sys.executable, "-m", "engine.train.preview", str(answer)]
    command += ["--rows", str(rows), "--sample", str(sample)]
    environment = _base_environment(os.environ) | {
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with _appending(log) as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stream:
        stream.write(spec)
    return process


def launch_supervisor(store: Store, environ: Mapping[str, str] = os.environ) -> None:
    """Start the supervisor, detached; returns once it holds its lock, or another one does.

    Raises:
        MachineError: it could not start; the message says why.
    """
    store.prepare()
    environment = _base_environment(environ) | {"TUNEDECK_HOME": str(store.home)}
    try:
        started = subprocess.run(
            [sys.executable, "-m", "engine.supervisor", "--detach"],
            env=environment,
            cwd=store.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            timeout=START_SECONDS,
            umask=0o077,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(
            f"the supervisor could not be started: {error}", f"look at {store.supervisor_log}"
        ) from None
    if started.returncode:
        last = (started.stderr.strip().splitlines() or [f"exit code {started.returncode}"])[-1]
        raise MachineError(
            f"the supervisor could not be started: {last}",
            f"the job waits in the queue; try `tunedeck worker`, or look at {store.supervisor_log}",
        )


@contextlib.contextmanager
def _appending(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


_detached: list[subprocess.Popen[bytes]] = []


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Remember a child that nobody waits for, so that it does not stay a zombie for ever."""
    _detached[:] = [child for child in _detached if child.poll() is None]
    _detached.append(process)
