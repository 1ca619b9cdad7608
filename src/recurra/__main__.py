"""`python -m recurra`: the same as the command `recurra`."""

import sys

from recurra.cli.app import main

sys.exit(main())
