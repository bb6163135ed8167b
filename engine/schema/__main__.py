"""`python -m engine.schema`: generate the field tables from the libraries installed here."""

import sys

from engine.errors import TunedeckError
from engine.schema.configs import ADAPTERS, METHODS
from engine.schema.source import Source
from engine.schema.stored import PACKAGES, installed_version, write_table


def main() -> int:
    missing = [package for package in PACKAGES if installed_version(package) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 5
    source = Source(PACKAGES)
    for config in (METHODS | ADAPTERS).values():
        try:
            print(write_table(config, source))
        except TunedeckError as error:
            print(f"{config.name}: {error.message} ({error.hint})", file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
