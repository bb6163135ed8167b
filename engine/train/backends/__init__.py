"""The backends in the worker: strategies that load the base model and attach the adapter.

How the worker uses them, in this order:

    backend = backends.begin(spec, job.folder, gpu=...)     # in `__main__`, before `engine.train.worker` is
                                                            # imported: a backend may want to be the first
    base = backend.load(spec, gpu=gpu)                      # an `engine.train.model.Loaded`
    model, peft_config = backend.wrap(base.model, spec, peft_config)
    Trainer(model=model, peft_config=peft_config, ...)      # None: the backend has attached the adapter

Everything else, from the rendering of rows to the trainer, is the same code for every backend. A backend of
another package is named by the `loader` of its entry point `tunedeck.backends`; `wrap` is called once, with
the random state seeded.

This module imports no training library, nor may a backend's module at its top.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine import methods
from engine.backends import problem
from engine.errors import PlanError
from engine.spec import JobSpec

if TYPE_CHECKING:
    from peft import PeftConfig

    from engine.train.model import Loaded


class Backend(Protocol):
    """A library that trains; made without arguments."""

    def begin(self, spec: JobSpec, folder: Path, *, gpu: bool) -> None:
        """Prepare this process: called first, before transformers, TRL or PEFT is imported.

        Args:
            folder: the job's; whatever the library writes goes below it.
            gpu: whether the job was given a GPU.

        Raises:
            TunedeckError: it cannot work here.
        """

    def load(self, spec: JobSpec, *, gpu: bool) -> "Loaded":
        """The model in training precision, and the tokenizer.

        Raises:
            PlanError: the folder or Hub id cannot be loaded.
        """

    def wrap(
        self, model: Any, spec: JobSpec, peft_config: "PeftConfig | None"
    ) -> tuple[Any, "PeftConfig | None"]:
        """The model to train, and the config of the adapter that the trainer is to attach, if any.

        Args:
            peft_config: the adapter that the spec asks for; None for full fine-tuning.
        """


def begin(spec: JobSpec, folder: Path, *, gpu: bool) -> Backend:
    """The job's backend, ready to load.

    Raises:
        TunedeckError: it cannot train this job here.
    """
    if (refused := problem(spec, gpu=gpu)) is not None:
        raise refused
    facts = methods.backend(spec.backend)
    module, _, name = facts.loader.partition(":")
    try:
        backend: Backend = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise PlanError(
            f"backend: {facts.name} cannot be loaded: {error}",
            "install it again, or use backend: trl",
        ) from error
    backend.begin(spec, folder, gpu=gpu)
    return backend
