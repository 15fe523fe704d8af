"""What can be typed: the commands, their arguments, an example of each; and how lengths and factors are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from isoscale_ij import __version__
from isoscale_ij.engines import engine_names
from isoscale_ij.errors import IsoscaleError
from isoscale_ij.image.units import parse_length
from isoscale_ij.operations.choices import BORDERS, EXTREMES, INTERPOLATIONS, TARGETS

Run = Callable[[argparse.Namespace], None]

AXES = ("t", "z", "y", "x")
_IN = "an image file: a TIFF of any kind, an OME-Zarr, CZI, ND2, LIF, IMS"
_OUT = "the file to write; its name ends in .tif (ImageJ TIFF), .ome.tif (OME-TIFF) or .ome.zarr (OME-Zarr)"
_LENGTHS = (
    'Lengths are a number in the image\'s unit, or with a unit ("1.8um", "900 nm", "10px"), or one for each axis\n'
    '("z=2um,y=1um,x=1um").'
)
_SCENE = "which image of a file that holds several, by name or number (info lists them); default: the first"
_SPOT = "about half the radius of an object: a larger one finds fewer and larger objects"
_OUTLINE = "how smooth outlines are; less than the spot sigma"


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser; `runs` has what each command does."""
    whole = argparse.ArgumentParser(
        prog="isoscale-ij", description="Calibrated rescaling and segmentation of anisotropic microscopy stacks.",
        epilog=f"{_LENGTHS}\n\nTo begin: isoscale-ij info my.tif; of a command: isoscale-ij COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=__version__)
    whole.set_defaults(run=lambda _: whole.print_help())
    commands = whole.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, what: str, example: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(
            name, help=what, description=f"{what[0].upper()}{what[1:]}.",
            epilog="\n  ".join([f"example{'s' if '|' in example else ''}:", *example.split("|")]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(run=runs[name], wrong=made.error)
        return made

    _info(command("info", "show shape, type and calibration", "isoscale-ij info my.tif|isoscale-ij info *.tif --json"))
    _set_voxel_size(command(
        "set-voxel-size", "set the calibration; the voxels stay as they are",
        "isoscale-ij set-voxel-size my.tif --z 1.5um --y 160nm --x 160nm"
        "|isoscale-ij set-voxel-size my.tif calibrated.tif --z 1.5 --unit um",
    ))  # fmt: skip
    _rescale(command(
        "rescale", "change the voxel size",
        "isoscale-ij rescale my.tif isotropic.tif --voxel-size finest"
        "|isoscale-ij rescale *.tif --into isotropic --voxel-size 1um",
    ))  # fmt: skip
    _segment(command(
        "segment", "label objects (Voronoi-Otsu-Labeling)",
        "isoscale-ij segment my.tif labels.tif --spot-sigma 2um --outline-sigma 1um"
        "|isoscale-ij segment my.tif labels.tif --spot-sigma 2um --outline-sigma 1um --threshold local --borders light"
        "|isoscale-ij segment my.tif labels.tif --spot-sigma auto --outline-sigma auto"
        "|isoscale-ij segment *.tif --into labels --spot-sigma 2um --outline-sigma 1um",
    ))  # fmt: skip
    _measure(command(
        "measure", "one row per label, in physical units", "isoscale-ij measure labels.tif my.tif --output table.csv"
    ))  # fmt: skip
    _compare(command(
        "compare", "segment on several grids; a table and pictures",
        "isoscale-ij compare my.tif --spot-sigma 2um --outline-sigma 1um",
    ))  # fmt: skip
    _suggest(command(
        "suggest", "which sigmas to try first",
        "isoscale-ij suggest my.tif|isoscale-ij suggest my.tif --picture curve.png",
    ))  # fmt: skip
    _convert(command(
        "convert", "write an image file in another format, with all of its calibration",
        "isoscale-ij convert my.czi my.ome.tif"
        "|isoscale-ij convert my.lif my.ome.tif --scene all"
        "|isoscale-ij convert *.nd2 --into converted",
    ))  # fmt: skip
    _sample(command(
        "sample", "write a synthetic volume of nuclei", "isoscale-ij sample nuclei.tif --truth nuclei-truth.tif"
    ))  # fmt: skip
    demo = command("demo", "do all of it on the synthetic volume", "isoscale-ij demo")
    demo.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path("demo"), help="default: demo")
    _overwrite(demo)
    fiji = command(
        "fiji", "put the commands into Fiji's menu, take them out, see what is there",
        "isoscale-ij fiji install /path/to/Fiji.app",
    )  # fmt: skip
    fiji.add_argument("action", choices=("install", "uninstall", "status"))
    fiji.add_argument("folder", metavar="FOLDER", type=Path, help="of the Fiji: the one that has 'jars' in it")
    fiji.add_argument("--json", action="store_true", help="status as JSON")
    doctor = command("doctor", "what is installed here, and what it can do", "isoscale-ij doctor")
    doctor.add_argument("--warm-up", action="store_true", help="compile the kernels now")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    return whole


def _info(info: argparse.ArgumentParser) -> None:
    info.add_argument("inputs", metavar="IN", nargs="+", help=_IN)
    _scene(info)
    info.add_argument("--json", action="store_true", help="as JSON; of several files a list")


def _set_voxel_size(size: argparse.ArgumentParser) -> None:
    size.add_argument("input", metavar="IN", type=Path, help=_IN)
    size.add_argument("output", metavar="OUT", type=Path, nargs="?", help=f"{_OUT}; without it IN itself is changed")
    for axis in AXES:
        size.add_argument(
            f"--{axis}", metavar="LENGTH", type=_length, help="time step" if axis == "t" else f"voxel size in {axis}"
        )
    size.add_argument("--unit", help="of plain numbers, for example um")
    size.add_argument("--time-unit", help="of a plain --t, for example s")
    size.add_argument("--origin", metavar="LENGTH", type=_lengths, help="lower edge of the image")
    _scene(size)
    _overwrite(size)


def _rescale(scale: argparse.ArgumentParser) -> None:
    _in_out(scale)
    target = scale.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--voxel-size", metavar="SIZE", type=_target, help=f"a length, {', '.join(EXTREMES)}, or an axis: x"
    )
    target.add_argument("--factor", metavar="FACTOR", type=_factor, help="above 1 for more voxels; 2, or z=2,y=1,x=1")
    scale.add_argument("--interpolation", choices=INTERPOLATIONS, default="auto", help="default: auto")
    scale.add_argument("--labels", action="store_true", help="these are labels: make no values between them")
    scale.add_argument(
        "--no-antialias", dest="antialias", action="store_false", help="do not smooth before going to larger voxels"
    )
    scale.add_argument("--dry-run", action="store_true", help="only say what would come out")
    _resume(scale, of="; OUT is an OME-Zarr")
    _overwrite(scale)
    _limits(scale)
    _workers(scale)


def _resume(command: argparse.ArgumentParser, of: str = "") -> None:
    command.add_argument(
        "--resume", action="store_true",
        help=f"keep what is done when this is interrupted, beside OUT, and go on there the next time{of}",
    )  # fmt: skip


def _convert(convert: argparse.ArgumentParser) -> None:
    _in_out(convert, scenes="; all: each into a file of its own")
    _resume(convert, of="; OUT is an OME-Zarr")
    _overwrite(convert)


def _segment(segment: argparse.ArgumentParser) -> None:
    _in_out(segment)
    segment.add_argument("--spot-sigma", metavar="LENGTH", type=_sigma, required=True, help=f"{_SPOT}; or auto")
    segment.add_argument(
        "--outline-sigma", metavar="LENGTH", type=_sigma, required=True, help=f"{_OUTLINE}; or auto: half of that"
    )
    segment.add_argument("--channel", help="name or number, where there are several")
    _ways(segment)
    segment.add_argument("--json", action="store_true", help="print what came out as JSON; of several files a list")
    _resume(segment)
    _overwrite(segment)
    _limits(segment)
    _workers(segment)


def _measure(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("labels", metavar="LABELS", type=Path, help="a file of labels, as segment writes it")
    measure.add_argument("image", metavar="IMAGE", type=Path, nargs="?", help="the image, for mean intensities")
    measure.add_argument(
        "--output", metavar="TABLE", type=Path,
        help="ends in .csv, or with --json in .json; units stand in the names of columns; by default it is printed",
    )  # fmt: skip
    measure.add_argument("--json", action="store_true", help="as JSON")
    _scene(measure, of="of IMAGE: ")
    _overwrite(measure)
    _memory(measure)


def _compare(compare: argparse.ArgumentParser) -> None:
    compare.add_argument("input", metavar="IN", type=Path, help=_IN)
    _scene(compare)
    _sigmas(compare)
    _ways(compare)
    compare.add_argument("--truth", metavar="LABELS", type=Path, help="true labels on the same grid")
    compare.add_argument("--voxel-sizes", metavar="LENGTH", type=_length, nargs="+", help="sizes to rescale to")
    compare.add_argument("--output", metavar="FOLDER", type=Path, help="by default IN-comparison beside IN")
    compare.add_argument("--json", action="store_true", help="print the table as JSON")
    _overwrite(compare)
    _limits(compare)


def _suggest(suggest: argparse.ArgumentParser) -> None:
    suggest.add_argument("input", metavar="IN", type=Path, help=_IN)
    _scene(suggest)
    suggest.add_argument("--channel", help="name or number, where there are several")
    suggest.add_argument("--picture", metavar="PNG", type=Path, help="draw the number of objects against the sigma")
    suggest.add_argument("--json", action="store_true", help="as JSON, with the curve")
    _overwrite(suggest)
    _limits(suggest)


def _sample(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("output", metavar="OUT", type=Path, help=_OUT)
    sample.add_argument("--truth", metavar="LABELS", type=Path, help="write the true labels as well")
    sample.add_argument("--shape", type=int, nargs=3, default=(48, 320, 320), metavar=("Z", "Y", "X"), help="voxels")
    sample.add_argument("--seed", type=int, default=0, help="another one makes other nuclei")
    _overwrite(sample)


def _in_out(parser: argparse.ArgumentParser, *, scenes: str = "") -> None:
    parser.usage = f"{parser.prog} [options] (IN OUT | IN [IN ...] --into FOLDER)"
    parser.add_argument("files", metavar="IN OUT", nargs="+", help=f"IN: {_IN}. OUT: {_OUT}")
    parser.add_argument(
        "--into", metavar="FOLDER", type=Path, help="for one or more IN, without OUT: results go here under their names"
    )
    _scene(parser, more=scenes)


def _scene(parser: argparse.ArgumentParser, *, of: str = "", more: str = "") -> None:
    parser.add_argument("--scene", metavar="SCENE", help=f"{of}{_SCENE}{more}")


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")


def _memory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memory-limit", metavar="SIZE", help='for example "2 GB"; by default a share of what is free')


def _limits(parser: argparse.ArgumentParser) -> None:
    _memory(parser)
    parser.add_argument("--engine", choices=engine_names(), default="auto", help="what to compute with; default: auto")


def _workers(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", metavar="N", type=_count, help="work in chunks, in so many processes here (dask)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="work in chunks, on the dask cluster of this scheduler")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"Got {text!r}; needed is a whole number above 0.")
    return int(text)


def _sigmas(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spot-sigma", metavar="LENGTH", type=_lengths, required=True, help=_SPOT)
    parser.add_argument("--outline-sigma", metavar="LENGTH", type=_lengths, required=True, help=_OUTLINE)
    parser.add_argument("--channel", help="name or number, where there are several")


def _ways(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold", default="otsu",
        help="otsu: one for all; local: one for each object; or a grey value of the blurred image (default: otsu)",
    )  # fmt: skip
    parser.add_argument(
        "--borders", choices=BORDERS, default="distance",
        help="where objects touch: half way between them, or along the dark valley (default: distance)",
    )  # fmt: skip
    parser.add_argument(
        "--elongation", metavar="NUMBER", type=float, default=1.0,
        help="how much longer than wide objects look along z; for outlines only (default: 1)",
    )  # fmt: skip


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
    return {axis: _length(value) for axis, value in _pairs(text, "z=2um,y=1um,x=1um")}


def _sigma(text: str) -> str | dict[str, str]:
    return text if text == "auto" else _lengths(text)


def _pairs(text: str, example: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(sign and axis.strip() for axis, sign, _ in pairs):
        raise argparse.ArgumentTypeError(
            f"Got {text!r}; needed is one for each axis, as {example!r}. Decimals follow a point: 1.5, not 1,5."
        )
    return [(axis.strip(), value) for axis, _, value in pairs]


def _target(text: str) -> str | dict[str, str]:
    if text in TARGETS:
        return text
    if not any(character.isdigit() for character in text):
        raise argparse.ArgumentTypeError(
            f"Got {text!r}; needed is a length, as 1um, or one of {', '.join(TARGETS)}. For an isotropic image: finest "
            "(the smallest voxel size there is, on all axes), coarsest (the largest), or x (that of x)."
        )
    return _lengths(text)


def _factor(text: str) -> float | dict[str, float]:
    try:
        if "=" not in text:
            return float(text)
        return {axis: float(value) for axis, value in _pairs(text, "z=2,y=1,x=1")}
    except ValueError:
        raise argparse.ArgumentTypeError(f'Got {text!r} as a factor; needed is a number, or "z=2,y=1,x=1".') from None
