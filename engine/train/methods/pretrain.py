"""Pre-training and continued pre-training: next-token loss on plain text, joined and cut into full blocks.

The trainer is sft's with wrapped packing: documents end with the end-of-sequence
token, and every block of `max_length` tokens is full, so no step is spent on padding.
"""

from engine.train.material import Material
from engine.train.methods import sft


def build(material: Material) -> sft.Trainer:
    """The trainer of a pretrain job, its text tokenized and packed."""
    return sft.build(material, packing=True, packing_strategy="wrapped")
