"""`python -m recurra.cli`: the same as `recurra`, for launchers that want a module."""

import sys

from recurra.cli.app import main

sys.exit(main())
