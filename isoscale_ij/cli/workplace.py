"""Where a command works: in memory, in chunks here or on a cluster; and whether it goes on where it stopped."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoscale_ij.errors import MissingDependencyError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

_SECONDS_TO_CONNECT = 10
_SHARE = 0.5  # of the memory; larger images are read in chunks


def opened(path: Path, options: argparse.Namespace, scene: str | None = None) -> xr.DataArray:
    """The image of a file; a lazy one, if it is large beside the memory, or chunks are asked for."""
    from isoscale_ij import memory
    from isoscale_ij.files import described, read
    from isoscale_ij.remarks import heard

    chunked = any(getattr(options, name, None) for name in ("workers", "scheduler", "resume"))
    if not chunked:
        with heard():
            nbytes = described(path, scene=scene).nbytes
        chunked = nbytes > _SHARE * memory.limit_in_bytes(options.memory_limit)
    return read(path, scene=scene, chunks="auto" if chunked else None)


def at_time(image: xr.DataArray, time: int | None) -> xr.DataArray:
    """The image at one time point, counted from 0; the image itself where none was chosen."""
    if time is None:
        return image
    if "t" not in image.dims:
        raise ParameterError(f"Got --time {time}; the image has no time points. Leave it out.")
    if time >= image.sizes["t"]:
        raise ParameterError(
            f"Got --time {time}; the image has {image.sizes['t']} time points, 0 to {image.sizes['t'] - 1}."
        )
    return image.isel(t=time, drop=True)


@contextmanager
def cluster(options: argparse.Namespace) -> Iterator[None]:
    """Within, work in chunks is done where the options say.

    Raises
    ------
    ParameterError
        If the scheduler cannot be reached.
    MissingDependencyError
        If dask.distributed is not installed.
    """
    if not options.workers and not options.scheduler:
        yield
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingDependencyError("Work on a cluster needs dask: pip install 'isoscale-ij[dask]'.") from error
    if options.scheduler:
        try:
            client = Client(options.scheduler, timeout=_SECONDS_TO_CONNECT)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise ParameterError(
                f"No scheduler answers at {options.scheduler} ({type(error).__name__}). Is it running, and is that the "
                'address that it prints when it starts, as "tcp://10.0.0.7:8786"?'
            ) from error
        with client:
            yield
        return
    with (
        LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address=None) as here,  # type: ignore[no-untyped-call]
        Client(here),  # type: ignore[no-untyped-call]
    ):
        yield


def check_resumable(output: Path, options: argparse.Namespace) -> None:
    """Raise a ParameterError if an output is to be gone on with that is written in one go."""
    from isoscale_ij.files.formats import is_folder

    if options.resume and not is_folder(output):
        raise ParameterError(
            f"Got --resume with the output {output}, which is written in one go; needed is an OME-Zarr, in which what "
            f"is done can be kept. Give one that ends in .ome.zarr, or leave out --resume."
        )


@contextmanager
def beside(output: Path, source: Path, options: argparse.Namespace) -> Iterator[None]:
    """Within, what is made on the way lies beside the output; with ``--resume``, it stays if this is interrupted."""
    from isoscale_ij.execution.chunks.settings import working_in

    if not getattr(options, "resume", False):
        with working_in(output.absolute().parent):
            yield
        return
    folder = output.absolute().with_name(f"{output.name}.begun")
    with working_in(folder, resume=True, work=_work(source, options)):
        yield
    shutil.rmtree(folder, ignore_errors=True)


def _work(source: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What is to be done, and on which file: what must be the same for work to go on."""
    from isoscale_ij.files.formats import stamp

    parameters = {name: getattr(options, name) for name in _PARAMETERS if hasattr(options, name)}
    stated = {"input": str(source.resolve()), "input's size and time": list(stamp(source)), **parameters}
    plain: dict[str, Any] = json.loads(json.dumps(stated, default=str))
    return plain


_PARAMETERS = (
    "spot_sigma", "outline_sigma", "threshold", "borders", "elongation", "channel", "scene", "voxel_size", "factor",
    "interpolation", "antialias", "labels",
)  # fmt: skip
