"""Changing entries of one directory of a TIFF file in place: the voxels, and all else, are not touched.

The changed directory is written behind the end of the file. Then the position that leads to it is
overwritten, in one write of 4 or 8 bytes: before it the file is the old one, after it the new one,
whatever happens meanwhile.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import ifds

ASCII, SHORT, LONG, RATIONAL, BYTE = 2, 3, 4, 5, 1

Value = tuple[int, int, bytes]
"""Of an entry: its type, how many there are, the bytes in the order of the file."""

Changes = Mapping[int, Value | None]
"""Entries by their code; None for those that go."""

_ADDRESSABLE = 2**32 - 2**16
_MOST_AT_ONCE = 2**20  # bytes that are written in one go


class Patch:
    """A change that is prepared (all that can fail has been done), and then made by :meth:`commit`."""

    def __init__(self, path: Path, changes: Changes, *, page: int = 0) -> None:
        """Write the changed directory of a page behind the end of the file; nothing leads to it yet."""
        self._file = path.open("r+b", buffering=0)  # what cannot be written must not wait in a buffer
        _lock(path, self._file)
        self._size = self._file.seek(0, os.SEEK_END)
        self._before = b""
        try:
            self._at, self._content = self._prepared(path, changes, page)
        except BaseException:
            self.abandon()
            raise

    def _prepared(self, path: Path, changes: Changes, page: int) -> tuple[int, bytes]:
        """What has to be written where to make the change."""
        layout, directory = _directory(path, self._file, page)
        added = sum(64 + len(value[2] if value else b"") for value in changes.values())
        if not layout.big and self._size + added > _ADDRESSABLE:
            return _within(path, self._file, layout, directory, changes)
        entries = {entry.code: entry for entry in directory.entries}
        behind = bytearray(-self._size % 8)
        for code, value in changes.items():
            if value is None:
                entries.pop(code, None)
                continue
            kind, count, content = value
            entry = ifds.Entry(code, kind, count, content.ljust(layout.offset.size, b"\0"))
            if entry.size > layout.offset.size:
                entry = replace(entry, field=layout.offset.pack(self._size + len(behind)))
                behind += content + b"\0" * (-len(content) % 8)
            entries[code] = entry
        position = self._size + len(behind)
        behind += layout.count.pack(len(entries))
        for code in sorted(entries):
            entry = entries[code]
            behind += layout.entry.pack(entry.code, entry.kind, entry.count, entry.field)
        self._file.seek(directory.following)
        behind += self._file.read(layout.offset.size)
        self._write(self._size, behind)
        os.fsync(self._file.fileno())
        return directory.pointer, layout.offset.pack(position)

    def commit(self) -> None:
        """Make the change; it can be taken back until the file is closed."""
        self._file.seek(self._at)
        self._before = self._file.read(len(self._content))
        self._write(self._at, self._content)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Leave the file as it is now."""
        self._file.close()

    def abandon(self) -> None:
        """Leave the file as it was, unless it has been closed."""
        if not self._file.closed:
            if self._before:
                self._write(self._at, self._before)
            self._file.truncate(self._size)
            self._file.close()

    def _write(self, at: int, content: bytes | bytearray) -> None:
        self._file.seek(at)
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]


def patch(path: Path, changes: Changes, *, page: int = 0, check: Callable[[], object] | None = None) -> None:
    """Change entries of the directory of a page; all others stay as they are.

    What `check` raises once the change is made takes it back: a damaged file may be read as it was, and not so.

    Raises
    ------
    FormatError
        If there is no place for a longer value in a file that is too large for its offsets.
    OSError
        If the file cannot be written, or the disk is full: it is then as it was.
    """
    patches([(path, changes, page)], check=check)


def patches(changes: Sequence[tuple[Path, Changes, int]], *, check: Callable[[], object] | None = None) -> None:
    """Several such changes, which all are made, or none if one of them cannot be prepared or is not right."""
    prepared: list[Patch] = []
    try:
        for path, values, page in changes:
            prepared.append(Patch(path, values, page=page))
        for one in prepared:
            one.commit()
        if check is not None:
            with remarks.heard():  # they are made when the file is read
                check()
        for one in prepared:
            one.close()
    finally:
        for one in prepared:
            one.abandon()


def _lock(path: Path, file: BinaryIO) -> None:
    """Keep others from changing the file in this way at the same time, where the system can."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BlockingIOError(errno.EAGAIN, "Another program is changing the file; try again", str(path)) from error
    except OSError:  # a network drive without locks
        return


def _directory(path: Path, file: BinaryIO, page: int) -> tuple[ifds.Layout, ifds.Directory]:
    file.seek(0)
    layout = ifds.layout(file.read(4))
    directory = None if layout is None else ifds.directory(file, layout, layout.first)
    for _ in range(page):
        if layout is not None and directory is not None:
            directory = ifds.directory(file, layout, directory.following)
    if layout is None or directory is None:
        raise FormatError(f"{path} has no page {page}; it is damaged. Copy or save it again.")
    return layout, directory


def _within(
    path: Path, file: BinaryIO, layout: ifds.Layout, directory: ifds.Directory, changes: Changes
) -> tuple[int, bytes]:
    """The same change where nothing can be added: one write over all that changes, none of it longer than before."""
    file.seek(directory.pointer)
    start = layout.offset.unpack(file.read(layout.offset.size))[0]
    parts: list[tuple[int, bytes]] = []
    for index, entry in enumerate(directory.entries):
        value = changes.get(entry.code)
        if value is None:
            continue
        kind, count, content = value
        if kind != entry.kind or len(content) > entry.size or (kind != ASCII and count != entry.count):
            continue
        at = start + layout.count.size + index * layout.entry.size + (12 if layout.big else 8)
        if entry.size > layout.offset.size:
            at = layout.offset.unpack(entry.field)[0]
        parts.append((at, content.ljust(entry.size, b"\0")))
    first = min((at for at, _ in parts), default=0)
    end = max((at + len(content) for at, content in parts), default=0)
    if len(parts) < len(changes) or end - first > _MOST_AT_ONCE:
        raise FormatError(
            f"{path} is a TIFF of 4 GiB or more, whose offsets reach no further, and the new calibration is longer "
            "than the place of the old one. Write the image into another file: give an output."
        )
    file.seek(first)
    span = bytearray(file.read(end - first))
    for at, content in parts:
        span[at - first : at - first + len(content)] = content
    return first, bytes(span)
