"""Which files a command is to do, and where their results go; one bad file does not stop the others."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from isoscale_ij.cli import streams
from isoscale_ij.cli.sentences import in_terminal
from isoscale_ij.errors import IsoscaleError, ParameterError
from isoscale_ij.wording import counted

_PATTERN = frozenset("*?[")
_WRITTEN = (".tif", ".tiff", ".zarr")


def expanded(names: Sequence[str]) -> list[Path]:
    """The files that are meant: patterns as well, where the shell has left them as they are."""
    paths: list[Path] = []
    for name in names:
        if not _PATTERN & set(name) or Path(name).exists():
            paths.append(Path(name))
            continue
        matching = sorted(map(Path, glob.glob(name)))  # noqa: PTH207  (of Path's own, absolute patterns are no part)
        if not matching:
            raise ParameterError(f"No file matches {name}.")
        paths += matching
    return list(dict.fromkeys(paths))


def into_folder(inputs: Sequence[Path], folder: Path) -> list[Path]:
    """The results of several inputs: under the same names in a folder, which is made where only it is missing.

    What comes in another format than can be written becomes a ``.tif``.
    """
    outputs = [folder / (path.name if path.name.lower().endswith(_WRITTEN) else f"{path.stem}.tif") for path in inputs]
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"Got the file {folder} as --into; needed is a folder.")
    if any(path.parent.resolve() == folder.resolve() for path in inputs):
        raise ParameterError(
            f"Got --into {folder}, where an input lies, which it would replace. Choose another folder."
        )
    if len(set(outputs)) < len(outputs):
        twice = next(path.name for path in outputs if outputs.count(path) > 1)
        raise ParameterError(f"Got two inputs that are called {twice}; in {folder} one would replace the other.")
    folder.mkdir(exist_ok=True)
    return outputs


class SomeFailedError(IsoscaleError):
    """Some of several files could not be done; each was said."""


def each(paths: Sequence[Path], work: Callable[[Path], None]) -> None:
    """Do a piece of work on each file; what went wrong with some is said at the end, and is an error."""
    if len(paths) == 1:
        work(paths[0])
        return
    failed: list[str] = []
    for path in paths:
        try:
            work(path)
        except KeyboardInterrupt:
            streams.say(f"{paths.index(path)} of {len(paths)} files were done")
            raise
        except (IsoscaleError, OSError, MemoryError) as error:
            failed.append(f"{path}: {reason(error)}")
            streams.say(f"{path} could not be done")
    if failed:
        listed = "\n  ".join(failed)
        raise SomeFailedError(f"{len(failed)} of {counted(len(paths), 'file')} could not be done:\n  {listed}")


def reason(error: BaseException) -> str:
    """An error as a sentence for who has typed the command."""
    if isinstance(error, IsoscaleError):
        return in_terminal(str(error))
    if isinstance(error, MemoryError):
        return "There was not enough memory. Close other programs, or set --memory-limit."
    assert isinstance(error, OSError)
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}."
