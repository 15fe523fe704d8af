"""``python -m isoscale_ij`` is the command line."""

import sys

from isoscale_ij.cli import main

sys.exit(main())
