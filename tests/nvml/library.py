"""The pretended driver as a library that the real binding loads, and as an environment.

`python -m tests.nvml.library FOLDER` builds it for a look by hand.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
NAME = "libnvidia-ml.so.1"


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc")


@dataclass(frozen=True)
class Driver:
    """A folder with the library, to be found before any real one."""

    folder: Path

    def environ(self, scenario: str = "four", **settings: object) -> dict[str, str]:
        """The environment of a process that shall see that machine; `lost="1:PATH"` and so on."""
        more = {f"FAKE_NVML_{name.upper()}": str(value) for name, value in settings.items()}
        inherited = {name: value for name, value in os.environ.items() if "FAKE_NVML" not in name}
        inherited.pop("CUDA_VISIBLE_DEVICES", None)
        return inherited | {"LD_LIBRARY_PATH": str(self.folder), "FAKE_NVML": scenario} | more


def build(folder: Path, *, old: bool = False) -> Driver:
    """Compile it; `old` lacks the newer functions."""
    folder.mkdir(parents=True, exist_ok=True)
    found = compiler()
    assert found is not None
    command = [found, "-shared", "-fPIC", "-O1", f"-Wl,-soname,{NAME}", "-o", str(folder / NAME)]
    command += ["-DOLD_DRIVER"] if old else []
    subprocess.run([*command, str(SOURCE)], check=True)
    return Driver(folder)


if __name__ == "__main__":
    chosen = Path(sys.argv[1]).absolute()
    build(chosen)
    print(f"LD_LIBRARY_PATH={chosen} FAKE_NVML=four tunedeck doctor")
