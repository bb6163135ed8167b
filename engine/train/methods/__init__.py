"""The training methods: one readable module each, with a `build(Material)` that returns its trainer.

To add one: write its module, and name it here, in `engine.spec.METHODS` and in `engine.data.formats`.
"""

from collections.abc import Callable

from transformers import Trainer

from engine.train.material import Material
from engine.train.methods import pretrain, sft

METHODS: dict[str, Callable[[Material], Trainer]] = {
    "sft": sft.build,
    "pretrain": pretrain.build,
}
