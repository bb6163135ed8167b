"""`python -m engine.cli`, the same as `tunedeck`."""

import sys

from engine.cli import main

sys.exit(main())
