"""The command line, ``isoscale-ij``: one module for its commands, and what only they need."""

from __future__ import annotations

from isoscale_ij.cli.commands import main as main
