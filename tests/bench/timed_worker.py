"""The real worker with the plain script's clock added to its trainer: `timed_worker.py FOLDER OUT`."""

import json
import os
import sys
from pathlib import Path

from engine.train.__main__ import main
from engine.train.material import Material
from engine.train.methods import sft
from tests.bench.plain_sft import Clock

clock = Clock()
build = sft.build


def build_timed(material: Material) -> sft.Trainer:
    """sft's own trainer, with one callback more."""
    trainer = build(material)
    trainer.add_callback(clock)
    return trainer


if __name__ == "__main__":
    vars(sft)["build"] = build_timed
    code = main([sys.argv[1]])
    Path(sys.argv[2]).write_text(json.dumps({"wall": clock.wall, "cpu": clock.cpu}))
    os._exit(code)
