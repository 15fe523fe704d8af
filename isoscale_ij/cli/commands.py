"""The command line, ``isoscale-ij``: each command reads, calls one function, writes.

Progress and warnings go to stderr, results to stdout. Exit status: 0 done, 1 the data or the
machine would not, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isoscale_ij import __version__, remarks
from isoscale_ij.cli.progress_bar import Bar
from isoscale_ij.engines import ENGINES
from isoscale_ij.errors import Cancelled, IsoscaleError
from isoscale_ij.image.units import parse_length

_AXES = ("t", "z", "y", "x")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", UserWarning)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, Cancelled):
        _say("cancelled; nothing was written")
        return 130
    except IsoscaleError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("There was not enough memory. Close other programs, or set --memory-limit.")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="isoscale-ij", description="Calibrated rescaling and segmentation of anisotropic microscopy stacks.",
        epilog='Lengths: a number in the image\'s unit, or with a unit ("1.8um", "900 nm", "10px"), or one for each '
        'axis ("z=2um,y=1um,x=1um").',
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    info = _command(commands, "info", _info, "show shape, type and calibration")
    info.add_argument("input", metavar="IN", type=Path)
    info.add_argument("--json", action="store_true", help="as JSON")

    size = _command(commands, "set-voxel-size", _set_voxel_size, "set the calibration; the voxels stay as they are")
    size.add_argument("input", metavar="IN", type=Path)
    size.add_argument("output", metavar="OUT", type=Path, nargs="?", help="by default IN itself is changed")
    for axis in _AXES:
        size.add_argument(
            f"--{axis}", metavar="LENGTH", type=_length, help="time step" if axis == "t" else f"voxel size in {axis}"
        )
    size.add_argument("--unit", help="of plain numbers, for example um")
    size.add_argument("--time-unit", help="of a plain --t, for example s")
    size.add_argument("--origin", metavar="LENGTH", type=_lengths, help="lower edge of the image")
    _overwrite(size)

    scale = _command(commands, "rescale", _rescale, "change the voxel size")
    _in_out(scale)
    target = scale.add_mutually_exclusive_group(required=True)
    target.add_argument("--voxel-size", metavar="SIZE", type=_target, help="a length, finest, coarsest, or an axis: x")
    target.add_argument("--factor", metavar="FACTOR", type=_factor, help="above 1 for more voxels; 2, or z=2,y=1,x=1")
    scale.add_argument("--interpolation", choices=("auto", "linear", "nearest", "cubic"), default="auto")
    scale.add_argument(
        "--no-antialias", dest="antialias", action="store_false", help="do not smooth before going to larger voxels"
    )
    scale.add_argument("--dry-run", action="store_true", help="only say what would come out")
    _overwrite(scale)
    _limits(scale)

    segment = _command(commands, "segment", _segment, "label objects (Voronoi-Otsu-Labeling)")
    _in_out(segment)
    _sigmas(segment)
    segment.add_argument("--threshold", default="otsu", help="otsu, or a grey value of the blurred image")
    _overwrite(segment)
    _limits(segment)

    measure = _command(commands, "measure", _measure, "one row per label, in physical units")
    measure.add_argument("labels", metavar="LABELS", type=Path)
    measure.add_argument("image", metavar="IMAGE", type=Path, nargs="?", help="for mean intensities")
    measure.add_argument("--output", metavar="CSV", type=Path, help="by default the table is printed")
    measure.add_argument("--json", action="store_true", help="as JSON")
    _overwrite(measure)

    compare = _command(commands, "compare", _compare, "segment on several grids; a table and pictures")
    compare.add_argument("input", metavar="IN", type=Path)
    _sigmas(compare)
    compare.add_argument("--truth", metavar="LABELS", type=Path, help="true labels on the same grid")
    compare.add_argument("--voxel-sizes", metavar="LENGTH", type=_length, nargs="+", help="sizes to rescale to")
    compare.add_argument("--output", metavar="FOLDER", type=Path, help="by default IN-comparison beside IN")
    compare.add_argument("--json", action="store_true", help="print the table as JSON")
    _overwrite(compare)
    _limits(compare)

    sample = _command(commands, "sample", _sample, "write a synthetic volume of nuclei")
    sample.add_argument("output", metavar="OUT", type=Path)
    sample.add_argument("--truth", metavar="LABELS", type=Path, help="write the true labels as well")
    sample.add_argument("--shape", type=int, nargs=3, default=(48, 320, 320), metavar=("Z", "Y", "X"), help="voxels")
    sample.add_argument("--seed", type=int, default=0)
    _overwrite(sample)

    demo = _command(commands, "demo", _demo, "do all of it on the synthetic volume")
    demo.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path("demo"))

    fiji = _command(commands, "fiji", _fiji, "put the commands into Fiji's menu, take them out, see what is there")
    fiji.add_argument("action", choices=("install", "uninstall", "status"))
    fiji.add_argument("folder", metavar="FOLDER", type=Path, help="of the Fiji: the one that has 'jars' in it")
    fiji.add_argument("--json", action="store_true", help="status as JSON")

    doctor = _command(commands, "doctor", _doctor, "what is installed here, and what it can do")
    doctor.add_argument("--warm-up", action="store_true", help="compile the kernels now")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], None], what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _in_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path)
    parser.add_argument("output", metavar="OUT", type=Path, help="ends in .tif (ImageJ) or .ome.tif")


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memory-limit", metavar="SIZE", help='for example "2 GB"; by default a share of what is free')
    parser.add_argument("--engine", choices=ENGINES, default="auto")


def _sigmas(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--spot-sigma", metavar="LENGTH", type=_lengths, required=True, help="how far apart objects are"
    )
    parser.add_argument(
        "--outline-sigma", metavar="LENGTH", type=_lengths, required=True, help="how smooth outlines are"
    )
    parser.add_argument("--channel", help="name or number, where there are several")


def _length(text: str) -> str:
    """A length as it is typed; the text itself goes on, so that its unit does."""
    try:
        parse_length(text)
    except IsoscaleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _lengths(text: str) -> str | dict[str, str]:
    if "=" not in text:
        return _length(text)
    pairs = [part.partition("=") for part in text.split(",")]
    return {axis.strip(): _length(value) for axis, _, value in pairs}


def _target(text: str) -> str | dict[str, str]:
    return text if text in ("finest", "coarsest", "z", "y", "x") else _lengths(text)


def _factor(text: str) -> float | dict[str, float]:
    try:
        if "=" not in text:
            return float(text)
        return {axis.strip(): float(value) for axis, _, value in (part.partition("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(f'Got {text!r} as a factor; needed is a number, or "z=2,y=1,x=1".') from None


def _info(options: argparse.Namespace) -> None:
    from isoscale_ij.files import read_header
    from isoscale_ij.image.inspection import info

    found = info(read_header(options.input))
    print(json.dumps(found.as_dict(), indent=2) if options.json else found)


def _set_voxel_size(options: argparse.Namespace) -> None:
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import read, read_header, recalibrate, write
    from isoscale_ij.image.calibration import CalibrationWarning, set_voxel_size
    from isoscale_ij.image.inspection import info

    changes = {axis: getattr(options, axis) for axis in _AXES}
    changes |= {"unit": options.unit, "time_unit": options.time_unit, "origin": options.origin}
    if all(change is None for change in changes.values()):
        raise ParameterError("Got nothing to set; needed is at least one of --z, --y, --x, --t, --unit, --origin.")
    with remarks.heard() as said:
        if options.output is None or _same(options.input, options.output):
            recalibrate(options.input, lambda image: set_voxel_size(image, **changes))
        else:
            write(options.output, set_voxel_size(read(options.input), **changes), overwrite=options.overwrite)
    remarks.warn_of(one for one in said if one.category is not CalibrationWarning)  # that is being mended
    print(info(read_header(options.output or options.input)))


def _rescale(options: argparse.Namespace) -> None:
    from isoscale_ij.files import read, read_header, write
    from isoscale_ij.operations.rescaling import plan_rescale, rescale

    if options.dry_run:
        print(plan_rescale(read_header(options.input), options.voxel_size, factor=options.factor))
        return
    _check_output(options)
    image = read(options.input)
    _say(str(plan_rescale(image, options.voxel_size, factor=options.factor)))
    scaled = rescale(
        image, options.voxel_size, factor=options.factor, interpolation=options.interpolation,
        antialias=options.antialias, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
    )  # fmt: skip
    write(options.output, scaled, overwrite=options.overwrite)
    print(options.output)


def _segment(options: argparse.Namespace) -> None:
    from isoscale_ij.files import read, write
    from isoscale_ij.operations.segmentation import voronoi_otsu_labeling

    _check_output(options)
    image = read(options.input)
    labels = voronoi_otsu_labeling(
        image, spot_sigma=options.spot_sigma, outline_sigma=options.outline_sigma, threshold=options.threshold,
        channel=options.channel, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
    )  # fmt: skip
    write(options.output, labels, overwrite=options.overwrite)
    _say(f"{int(labels.max())} labels; threshold {labels.attrs['threshold']}")
    print(options.output)


def _measure(options: argparse.Namespace) -> None:
    from isoscale_ij.files import check_replaceable, read, replacing
    from isoscale_ij.operations.measurement import measure

    if options.output:
        check_replaceable(options.output, overwrite=options.overwrite)
    table = measure(read(options.labels), read(options.image) if options.image else None)
    if options.json:
        text = json.dumps(
            {"units": table.attrs["units"], "rows": json.loads(table.to_json(orient="records"))}, indent=2
        )
    else:
        text = table.to_csv(index=False).rstrip("\n")
    if options.output:
        with replacing(options.output, overwrite=options.overwrite) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        print(options.output)
    else:
        print(text)


def _compare(options: argparse.Namespace) -> None:
    from isoscale_ij.files import read, stem
    from isoscale_ij.operations.comparison import as_json, compare

    folder = options.output or options.input.with_name(f"{stem(options.input)}-comparison")
    _check_folder(folder, overwrite=options.overwrite)
    found = compare(
        read(options.input), spot_sigma=options.spot_sigma, outline_sigma=options.outline_sigma,
        truth=read(options.truth) if options.truth else None, voxel_sizes=options.voxel_sizes,
        channel=options.channel, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
    )  # fmt: skip
    found.save(folder, overwrite=options.overwrite)
    print(as_json(found) if options.json else found)
    _say(f"table, pictures and label images are in {folder}")


def _sample(options: argparse.Namespace) -> None:
    from isoscale_ij.files import check_output, write
    from isoscale_ij.operations.synthetic import sample

    outputs = [path for path in (options.output, options.truth) if path]
    for path in outputs:
        check_output(path, overwrite=options.overwrite)
    made = sample(shape=tuple(options.shape), seed=options.seed)
    for path, image in zip(outputs, made, strict=False):
        write(path, image, overwrite=options.overwrite)
        print(path)


def _demo(options: argparse.Namespace) -> None:
    from isoscale_ij.cli.demonstration import demonstrate

    demonstrate(options.folder, say=_say)


def _doctor(options: argparse.Namespace) -> None:
    from isoscale_ij.cli.diagnosis import diagnose, warm_up

    if options.warm_up:
        _say("compiling the kernels …")
        _say(f"ready after {warm_up():.1f} s")
    _print_pairs(diagnose(), as_json=options.json)


def _fiji(options: argparse.Namespace) -> None:
    from isoscale_ij.cli.diagnosis import kernels_are_compiled, warm_up
    from isoscale_ij.fiji import installing

    if options.action == "status":
        _print_pairs(installing.status(options.folder), as_json=options.json)
        return
    done = installing.install(options.folder) if options.action == "install" else installing.uninstall(options.folder)
    if options.action == "install" and not kernels_are_compiled():
        _say("compiling the kernels; this happens once, and takes some seconds …")
        warm_up()
    print("\n".join(done))


def _print_pairs(found: dict[str, str], *, as_json: bool) -> None:
    width = max(map(len, found))
    print(json.dumps(found, indent=2) if as_json else "\n".join(f"{k.ljust(width)}  {v}" for k, v in found.items()))


def _check_output(options: argparse.Namespace) -> None:
    """Say what is wrong with the output before the work, not after it."""
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import check_output

    if _same(options.input, options.output):
        raise ParameterError(f"The output {options.output} is the input. Choose another name.")
    check_output(options.output, overwrite=options.overwrite)


def _check_folder(folder: Path, *, overwrite: bool) -> None:
    from isoscale_ij.errors import ParameterError

    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"{folder} is a file; needed is a folder. Choose one with --output.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ParameterError(f"{folder} exists already. Choose another with --output, or allow it with --overwrite.")


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _fail(message: str) -> int:
    _say(f"isoscale-ij: {message}")
    return 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {message}")


if __name__ == "__main__":
    sys.exit(main())
