"""The command line, ``isoscale-ij``: what can be typed (:mod:`.parser`), and what that does (:mod:`.commands`)."""

from __future__ import annotations

from isoscale_ij.cli.main import main as main
