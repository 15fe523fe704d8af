"""Tells pyopencl of Intel's driver: its wheel leaves the library where only conda would look.

pyopencl's own wheels look for drivers (``*.icd``, a file with the path of a library) in a folder beside them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyopencl

if __name__ == "__main__":
    library = Path(sys.prefix) / "lib" / "libintelocl.so"
    folder = Path(pyopencl.__file__).parent / ".libs"
    if library.exists() and folder.is_dir():
        (folder / "intel.icd").write_text(f"{library}\n", encoding="utf-8")
