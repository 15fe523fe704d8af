"""Writing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isoscale_ij.errors import ParameterError
from isoscale_ij.memory import format_bytes


def check_replaceable(path: Path, *, overwrite: bool, folder: bool = False) -> None:
    """Raise if a file (or a folder that is one image) cannot or must not be written at `path`.

    Raises
    ------
    ParameterError
        If `path` exists and is not to be overwritten, or is a folder.
    OSError
        If its folder does not exist or cannot be written.
    """
    if path.is_dir() and not folder:
        raise ParameterError(f"Got the folder {path} as output; needed is the name of a file.")
    if folder and overwrite and path.exists() and not _is_image_folder(path):
        raise ParameterError(
            f"Got {path} as output, which is there and is no OME-Zarr, so it is not replaced. Choose another name."
        )
    if path.exists() and not overwrite:
        raise ParameterError(
            f"{path} exists already. Choose another name, or allow it with overwrite=True (command line: --overwrite)."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "The folder does not exist; make it first", str(path.parent))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "The folder cannot be written to; choose another", str(path.parent))


def check_room(path: Path, nbytes: float) -> None:
    """Raise an OSError if the disk has not so much room: of a lazy image, nobody may have noticed how large it is."""
    try:
        free = shutil.disk_usage(path.absolute().parent).free
    except OSError:  # no such folder, which is said elsewhere
        return
    if nbytes > free:
        raise OSError(
            errno.ENOSPC,
            f"The image would need {format_bytes(nbytes)}, and the disk has {format_bytes(free)} free; choose larger "
            "voxels, or another disk",
            str(path),
        )


@contextmanager
def replacing(path: Path, *, overwrite: bool, folder: bool = False, kept: Path | None = None) -> Iterator[Path]:
    """A temporary path beside `path`, that takes its place when all went well and is removed when not.

    Of a symbolic link, what it points to is replaced; the link stays. A folder may be written at `kept`, beside `path`,
    where it stays when not all went well.

    Raises
    ------
    ParameterError, OSError
        As :func:`check_replaceable`; and if the disk is full.
    """
    path = path.resolve() if path.is_symlink() else path
    check_replaceable(path, overwrite=overwrite, folder=folder)
    if folder:
        with _replacing_folder(path, kept, overwrite=overwrite) as temporary:
            yield temporary
        return
    handle, name = tempfile.mkstemp(prefix=".", suffix=f".partial{''.join(path.suffixes[-2:])}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        check_replaceable(path, overwrite=overwrite)  # someone else may have made it meanwhile
        temporary.replace(path)
    except OSError as error:
        # numpy, where it writes short of what it was asked to, raises one without a number
        if error.errno == errno.ENOSPC or (error.errno is None and "written" in str(error)):
            raise OSError(errno.ENOSPC, "The disk is full; nothing was written", str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _replacing_folder(path: Path, kept: Path | None, *, overwrite: bool) -> Iterator[Path]:
    if kept is None:
        temporary = Path(tempfile.mkdtemp(prefix=".", suffix=f".partial{''.join(path.suffixes[-2:])}", dir=path.parent))
    else:
        temporary = kept
        temporary.mkdir(exist_ok=True)
    old = temporary.with_name(f"{temporary.name}.old")
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        check_replaceable(path, overwrite=overwrite, folder=True)
        if path.exists():
            path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            what = "nothing was written" if kept is None else "what is done is kept"
            raise OSError(errno.ENOSPC, f"The disk is full; {what}", str(path)) from error
        raise
    finally:
        for leftover in (old,) if kept is not None else (temporary, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_image_folder(path: Path) -> bool:
    return any((path / name).is_file() for name in ("zarr.json", ".zattrs", ".zgroup"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
