"""What an operation can be asked for by name, said once: for type checkers, at run time, for the command line."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Interpolation: TypeAlias = Literal["auto", "linear", "nearest", "cubic"]
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)

Extreme: TypeAlias = Literal["finest", "coarsest"]
LikeAxis: TypeAlias = Literal["z", "y", "x"]
EXTREMES: tuple[str, ...] = get_args(Extreme)
TARGETS: tuple[str, ...] = (*EXTREMES, *get_args(LikeAxis))
"""What a new voxel size can be besides a length: the smallest or largest there is, or that of an axis."""

Threshold: TypeAlias = Literal["otsu", "local"]
THRESHOLDS: tuple[str, ...] = get_args(Threshold)

Borders: TypeAlias = Literal["distance", "light"]
BORDERS: tuple[str, ...] = get_args(Borders)
