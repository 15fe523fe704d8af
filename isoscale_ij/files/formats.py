"""The registry of file formats: what a format is, which there are, and which one a file has or is to have.

A format is a module (or any object) with the members of :class:`Format`; the list is :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from isoscale_ij.errors import FormatError
from isoscale_ij.files import bioio, czi, imagej_tiff, ims, lif, mrc, nd2, nifti, nrrd, ome_tiff, ome_zarr, xlef
from isoscale_ij.files.scenes import Scene
from isoscale_ij.image.header import Header

if TYPE_CHECKING:
    import xarray as xr

Change: TypeAlias = "Callable[[xr.DataArray], xr.DataArray]"
"""Takes a stand-in of an image and gives it with another calibration."""

FIRST_BYTES = 64


class Format(Protocol):
    """A file format.

    Attributes
    ----------
    name : str
        As messages say it.
    endings : tuple of str
        Of file names, lower case, the usual one first. They choose the format that is written;
        which one is read, `can_read` decides.

    Notes
    -----
    A format may have besides: `other_endings`, of files that are only read; `is_folder`, where what it writes is
    one; `claims(path)`, for outputs that no ending tells; `prepare(path)` and `announce(path)`, what is done before
    an output is written and when it is there; `VERSIONS`, between which a writer can choose (`write(…, version=…)`);
    `smaller_levels(path, scene)`, the same image with fewer voxels; `describing`, the names of the files in a folder
    that change with it.
    """

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def endings(self) -> tuple[str, ...]:
        """Of file names."""

    def can_read(self, first_bytes: bytes, path: Path) -> bool:
        """Whether a file is of this format; `first_bytes` are none for a folder."""

    def header(self, path: Path, scene: Scene) -> Header:
        """What is known before a voxel is loaded; its `load` gives a region of the values."""

    @property
    def write(self) -> Callable[..., None] | None:
        """Writes an image, given a path and the image; None where the format is only read."""

    @property
    def recalibrate(self) -> Callable[[Path, Scene, Change], None] | None:
        """Changes the calibration and nothing else, in place and at once; None where that cannot be."""


FORMATS: list[Format] = [  # asked in this order whether they can read a file
    ome_tiff,
    imagej_tiff,
    ome_zarr,
    czi,
    nd2,
    lif,
    ims,
    xlef,
    nrrd,
    nifti,
    mrc,
]

FALLBACK = bioio
"""Asked when none of the formats can read a file, and only then: another program, whose word is not taken as it is."""


def of_file(path: Path) -> Format:
    """The format of a file that exists.

    Raises
    ------
    FormatError
        If none of the formats can read it.
    OSError
        If it is not there or cannot be opened.
    """
    if not path.exists():
        raise FileNotFoundError(2, "There is no such file", str(path))
    first_bytes = b""
    if not path.is_dir():
        with path.open("rb") as file:
            first_bytes = file.read(FIRST_BYTES)
        if not first_bytes:
            raise FormatError(f"{path} is empty; needed is an image file.")
    for each in FORMATS:
        if each.can_read(first_bytes, path):
            return each
    known = ", ".join(each.name for each in FORMATS)
    if path.is_dir():
        raise FormatError(f"Got the folder {path}; needed is an image file ({known}).")
    if FALLBACK.can_read(first_bytes, path):
        return FALLBACK
    raise FormatError(
        f"{path} is an image in none of the formats known here: {known}. It begins with {first_bytes[:4]!r}. "
        f"Save it in one of them. {FALLBACK.why_not(path)}"
    )


def of_output(path: Path) -> Format:
    """The format of a file that is to be written under that name: the longest ending counts.

    Raises
    ------
    FormatError
        If no format that can be written has such an ending.
    """
    writing = [(ending, each) for each in FORMATS for ending in each.endings if each.write is not None]
    fitting = [(len(ending), each) for ending, each in writing if path.name.lower().endswith(ending)]
    for each in FORMATS:
        if optional(each, "claims", _never)(path):
            return each
    if not fitting:
        known = ", ".join(ending for ending, _ in writing)
        raise FormatError(f"Got the output {path.name}; needed is a name that ends in one of {known}.")
    return max(fitting, key=lambda pair: pair[0])[1]


def optional(form: Format, name: str, usual: Any) -> Any:
    """What a format may have besides the members that all have; `usual` where it has it not."""
    return getattr(form, name, usual)


def _never(path: Path) -> bool:
    del path
    return False


def prepare(path: Path) -> bool:
    """Do what has to be done before an output of that name is written; whether it will be a folder."""
    optional(of_output(path), "prepare", _never)(path)
    return is_folder(path)


def is_folder(path: Path) -> bool:
    """Whether an output of that name is a folder."""
    return bool(optional(of_output(path), "is_folder", False))


def announce(path: Path) -> None:
    """Do what has to be done when an output of that name is there."""
    optional(of_output(path), "announce", _never)(path)


def stamp(path: Path) -> tuple[int, int]:
    """What differs when somebody has changed a file (of a folder, the file that describes it)."""
    names = [name for each in FORMATS for name in optional(each, "describing", ())] if path.is_dir() else []
    status = next((path / name for name in names if (path / name).is_file()), path).stat()
    return status.st_size, status.st_mtime_ns


def written() -> tuple[str, ...]:
    """The usual ending of each format that can be written."""
    return tuple(each.endings[0] for each in FORMATS if each.write is not None)


def endings() -> tuple[str, ...]:
    """The endings of all formats, the longest first."""
    every = {ending for each in FORMATS for ending in (*each.endings, *optional(each, "other_endings", ()))}
    return tuple(sorted(every, key=lambda ending: (-len(ending), ending)))


def stem(path: Path) -> str:
    """The name of a file without the ending of its format.

    Examples
    --------
    >>> stem(Path("cells.ome.tif")), stem(Path("cells.TIFF")), stem(Path("notes.txt"))
    ('cells', 'cells', 'notes.txt')
    """
    name = path.name
    ending = next((ending for ending in endings() if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)]
