"""The bare structure of a TIFF file: its header, the chain of its directories, their entries.

tifffile reads images; this is for what it does not tell: whether the chain ends where it should,
and where the bytes are that have to change when one directory does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from isoscale_ij.errors import FormatError

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_ENTRIES = 4096  # more in one directory is no directory
_FARTHEST = 2**62  # a position behind which no system looks

DESCRIPTION = 270


@dataclass(frozen=True)
class Layout:
    """How numbers are written in a file: the order of bytes, and whether offsets have 8 of them (BigTIFF)."""

    order: str
    big: bool

    @property
    def offset(self) -> struct.Struct:
        """A position in the file."""
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def count(self) -> struct.Struct:
        """The number of entries of a directory."""
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """Code, type, count, and the value or where it is."""
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))

    @property
    def first(self) -> int:
        """Where the position of the first directory stands."""
        return 8 if self.big else 4


@dataclass(frozen=True)
class Entry:
    """One entry of a directory; `field` is its value, or where that is."""

    code: int
    kind: int
    count: int
    field: bytes

    @property
    def size(self) -> int:
        """Of the value, in bytes."""
        return self.count * _SIZES.get(self.kind, 1)


@dataclass(frozen=True)
class Directory:
    """The description of one page; `pointer` is where the position of this directory stands."""

    pointer: int
    entries: tuple[Entry, ...]
    following: int

    def entry(self, code: int) -> Entry | None:
        """The entry of that code, or None."""
        return next((entry for entry in self.entries if entry.code == code), None)


def layout(first_bytes: bytes) -> Layout | None:
    r"""How a file is laid out that begins so; None if it is no TIFF.

    Examples
    --------
    >>> layout(b"MM\0*\0\0\0\x08")
    Layout(order='>', big=False)
    """
    order = {b"II": "<", b"MM": ">"}.get(first_bytes[:2])
    if order is None or len(first_bytes) < 4:
        return None
    version = struct.unpack(order + "H", first_bytes[2:4])[0]
    return Layout(order, version == 43) if version in (42, 43) else None


def directory(file: BinaryIO, layout: Layout, pointer: int) -> Directory | None:
    """The directory to which the position at `pointer` leads; None behind the last one.

    Raises
    ------
    FormatError
        If it leads out of the file, or to what is no directory.
    """
    at = _number(file, pointer, layout.offset)
    if at == 0:
        return None
    if at is None or (count := _number(file, at, layout.count)) is None or count > _MOST_ENTRIES:
        raise FormatError("The chain of its directories is broken: the file ends too early or is damaged.")
    content = file.read(count * layout.entry.size)
    following = at + layout.count.size + count * layout.entry.size
    if len(content) < count * layout.entry.size or _number(file, following, layout.offset) is None:
        raise FormatError("A directory of it is cut off: the file ends too early.")
    return Directory(pointer, tuple(Entry(*values) for values in layout.entry.iter_unpack(content)), following)


def count(file: BinaryIO, layout: Layout) -> int:
    """How many directories there are in the chain; what is in them is not looked at.

    Raises
    ------
    FormatError
        If the chain does not come to an end.
    """
    pointer, known = layout.first, set[int]()
    while at := _number(file, pointer, layout.offset):
        entries = _number(file, at, layout.count)
        if entries is None or entries > _MOST_ENTRIES or at in known:
            break
        pointer = at + layout.count.size + entries * layout.entry.size
        known.add(at)
    if at != 0:
        raise FormatError(
            f"The chain of its directories breaks off after {len(known)} pages: the file ends too early or is damaged."
        )
    return len(known)


def value(file: BinaryIO, layout: Layout, entry: Entry) -> bytes:
    """The bytes of the value of an entry."""
    if entry.size <= layout.offset.size:
        return entry.field[: entry.size]
    at = layout.offset.unpack(entry.field)[0]
    if at > _FARTHEST:
        return b""
    file.seek(at)
    return file.read(entry.size)


def description(file: BinaryIO) -> bytes | None:
    """The description of the first page; None where there is none, or the file is no TIFF."""
    of_file = layout(file.read(4))
    if of_file is None:
        return None
    try:
        first = directory(file, of_file, of_file.first)
    except FormatError:
        return None
    entry = None if first is None else first.entry(DESCRIPTION)
    return None if entry is None else value(file, of_file, entry)


def _number(file: BinaryIO, at: int, form: struct.Struct) -> Any:
    if at > _FARTHEST:
        return None
    file.seek(at)
    content = file.read(form.size)
    return form.unpack(content)[0] if len(content) == form.size else None
