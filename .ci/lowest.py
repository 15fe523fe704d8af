"""Prints the lowest versions that the project allows of what it needs itself, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

EXTRAS = ("imagej", "dask", "nd2", "lif", "ims", "mrc", "nrrd", "nifti")

project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text())["project"]
wanted = [*project["dependencies"], *(each for extra in EXTRAS for each in project["optional-dependencies"][extra])]
for requirement in wanted:
    name, version = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?>=([\w.]+).*", requirement).groups()  # type: ignore[union-attr]
    print(f"{name}=={version}")
