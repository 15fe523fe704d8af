"""Blocks of an array in files, a file each: written whole by one task, read by region by any."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.execution.chunks.regions import Blocks, lengths, plain

_CODEC: dict[str, Any] = {"cname": "lz4", "clevel": 1, "shuffle": 1}


@dataclass(frozen=True)
class BlockArray:
    """An array whose blocks are files in a folder.

    Attributes
    ----------
    blocks : Blocks
    dtype_name : str
    folders : tuple of str
        The newest first: a block that was not written anew is what it was. Blocks are written into the newest.
    """

    blocks: Blocks
    dtype_name: str
    folders: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Along each axis."""
        return self.blocks.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return np.dtype(self.dtype_name)

    def anew(self, folder: str) -> BlockArray:
        """The same array, blocks of which are written anew into another folder."""
        return replace(self, folders=(folder, *self.folders))

    def write(self, number: int, values: NDArray[Any]) -> None:
        """Write a block: it is there as a whole, or not at all."""
        from numcodecs import Blosc

        bits = np.packbits(values) if self.dtype == bool else np.ascontiguousarray(values, self.dtype).reshape(-1)
        write_whole(Path(self.folders[0]) / str(number), Blosc(**_CODEC).encode(bits))

    def block(self, number: int) -> NDArray[Any]:
        """Read a block."""
        from numcodecs import Blosc

        path = next((path for path in (Path(f) / str(number) for f in self.folders) if path.exists()), None)
        if path is None:
            raise FormatError(
                f"Block {number} is not in {self.folders[0]}. Were files there removed, or is that folder not the same "
                "on all machines? It has to be a shared one: dask.config.set(temporary_directory=…)."
            )
        shape = lengths(self.blocks.region(number))
        data = np.frombuffer(Blosc(**_CODEC).decode(path.read_bytes()), np.uint8)
        if self.dtype == bool:
            return np.unpackbits(data, count=int(np.prod(shape))).view(np.bool_).reshape(shape)
        return data.view(self.dtype).reshape(shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return self.blocks.put_together(plain(key, self.shape), self.dtype, self.block)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made, but not the one above, which may be gone by now."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Several arrays in one file, under their names.

    The format of NumPy would do, but its headers are parsed by Python's compiler, which in Python 3.11 and 3.12 fails
    now and then where several threads use it (https://github.com/python/cpython/issues/106905).
    """
    described = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    write_whole(path, b"".join([json.dumps(described).encode(), b"\n", *(each.tobytes() for each in arrays.values())]))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What :func:`save_arrays` has written."""
    header, _, data = path.read_bytes().partition(b"\n")
    arrays, at = {}, 0
    for name, (dtype, shape) in json.loads(header).items():
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += arrays[name].nbytes
    return arrays
