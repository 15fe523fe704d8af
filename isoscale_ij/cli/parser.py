"""What can be typed: the commands, their arguments, an example of each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isoscale_ij import __version__
from isoscale_ij.cli import values
from isoscale_ij.engines import engine_names
from isoscale_ij.operations.choices import BORDERS, EXTREMES, INTERPOLATIONS

Run = Callable[[argparse.Namespace], None]

_IN = "an image file: a TIFF of any kind, an OME-Zarr, CZI, ND2, LIF, IMS"
_OUT = "the file to write; its name ends in .tif (ImageJ TIFF), .ome.tif (OME-TIFF) or .ome.zarr (OME-Zarr)"
_LENGTHS = (
    'Lengths are a number in the image\'s unit, or with a unit ("1.8um", "900 nm", "10px"), or one for each axis\n'
    '("z=2um,y=1um,x=1um").'
)
_SCENE = "which image of a file that holds several, by name or number (info lists them); default: the first"
_SPOT = "about half the radius of an object: a larger one finds fewer and larger objects"
_OUTLINE = "how smooth outlines are; less than the spot sigma"


class _Command(argparse.ArgumentParser):
    """The parser of one command."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Say at once if a unit was typed apart from its number."""
        if advice := values.unit_apart(args or []):
            self.error(advice)
        return super().parse_known_args(args, namespace)


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser; `runs` has what each command does."""
    whole = argparse.ArgumentParser(
        prog="isoscale-ij", description="Calibrated rescaling and segmentation of anisotropic microscopy stacks.",
        epilog=f"{_LENGTHS}\n\nTo begin: isoscale-ij info my.tif; of a command: isoscale-ij COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=__version__)
    whole.set_defaults(run=lambda _: whole.print_help())
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Command)

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
    fiji.add_argument("--json", action="store_true", help="as JSON")
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
    size.add_argument(
        "output", metavar="OUT", type=values.output, nargs="?", help=f"{_OUT}; without it IN itself is changed"
    )
    size.set_defaults(later=("output", values.output))
    for axis in values.CALIBRATED:
        size.add_argument(
            f"--{axis}", metavar="LENGTH", type=values.size_of(axis),
            help="time step" if axis == "t" else f"voxel size in {axis}",
        )  # fmt: skip
    size.add_argument("--unit", type=values.length_unit, help="of plain numbers, for example um")
    size.add_argument("--time-unit", type=values.time_unit, help="of a plain --t, for example s")
    size.add_argument("--origin", metavar="LENGTH", type=values.origin, help="lower edge of the image")
    _scene(size)
    _overwrite(size)


def _rescale(scale: argparse.ArgumentParser) -> None:
    _in_out(scale)
    target = scale.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--voxel-size", metavar="SIZE", type=values.target, help=f"a length, {', '.join(EXTREMES)}, or an axis: x"
    )
    target.add_argument(
        "--factor", metavar="FACTOR", type=values.factor, help="above 1 for more voxels; 2, or z=2,y=1,x=1"
    )
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
    _sigmas(segment)
    _ways(segment)
    segment.add_argument("--json", action="store_true", help="print what came out as JSON; of several files a list")
    _resume(segment)
    _overwrite(segment)
    _limits(segment)
    _workers(segment)


def _measure(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("labels", metavar="LABELS", type=Path, help="a file of labels, as segment writes it")
    measure.add_argument("image", metavar="IMAGE", type=Path, nargs="?", help="the image, for mean intensities")
    measure.set_defaults(later=("image", Path))
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
    _time(compare)
    _sigmas(compare)
    _ways(compare)
    compare.add_argument("--truth", metavar="LABELS", type=Path, help="true labels on the same grid")
    compare.add_argument(
        "--voxel-sizes", metavar="LENGTH", type=values.voxel_size, nargs="+", help="sizes to rescale to"
    )
    compare.add_argument("--output", metavar="FOLDER", type=Path, help="by default IN-comparison beside IN")
    compare.add_argument("--json", action="store_true", help="print the table as JSON")
    _overwrite(compare)
    _limits(compare)


def _suggest(suggest: argparse.ArgumentParser) -> None:
    suggest.add_argument("input", metavar="IN", type=Path, help=_IN)
    _scene(suggest)
    _time(suggest, "; by default the first")
    suggest.add_argument("--channel", help="name or number, where there are several")
    suggest.add_argument(
        "--picture", metavar="PNG", type=values.picture, help="draw the number of objects against the sigma"
    )
    suggest.add_argument("--json", action="store_true", help="as JSON, with the curve")
    _overwrite(suggest)
    _limits(suggest)


def _sample(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("output", metavar="OUT", type=values.output, help=_OUT)
    sample.add_argument("--truth", metavar="LABELS", type=values.output, help="write the true labels as well")
    sample.add_argument(
        "--shape", type=values.count_from(1), nargs=3, default=(48, 320, 320), metavar=("Z", "Y", "X"), help="voxels"
    )
    sample.add_argument("--seed", type=values.count_from(0), default=0, help="another one makes other nuclei")
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


def _time(parser: argparse.ArgumentParser, usual: str = "") -> None:
    parser.add_argument(
        "--time", metavar="N", type=values.count_from(0), help=f"which time point of a series, from 0 on{usual}"
    )


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")


def _memory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory-limit", metavar="SIZE", type=values.amount_of_memory,
        help='for example "2 GB"; by default a share of what is free',
    )  # fmt: skip


def _limits(parser: argparse.ArgumentParser) -> None:
    _memory(parser)
    parser.add_argument("--engine", choices=engine_names(), default="auto", help="what to compute with; default: auto")


def _workers(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", metavar="N", type=values.count_from(1), help="work in chunks, in so many processes here (dask)"
    )
    where.add_argument("--scheduler", metavar="ADDRESS", help="work in chunks, on the dask cluster of this scheduler")


def _sigmas(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spot-sigma", metavar="LENGTH", type=values.sigma, required=True, help=f"{_SPOT}; or auto")
    parser.add_argument(
        "--outline-sigma", metavar="LENGTH", type=values.sigma, required=True, help=f"{_OUTLINE}; or auto: half of that"
    )
    parser.add_argument("--channel", help="name or number, where there are several")


def _ways(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold", type=values.threshold, default="otsu",
        help="otsu: one for all; local: one for each object; or a grey value of the blurred image (default: otsu)",
    )  # fmt: skip
    parser.add_argument(
        "--borders", choices=BORDERS, default="distance",
        help="where objects touch: half way between them, or along the dark valley (default: distance)",
    )  # fmt: skip
    parser.add_argument(
        "--elongation", metavar="NUMBER", type=values.elongation, default=1.0,
        help="how much longer than wide objects look along z; for outlines only (default: 1)",
    )  # fmt: skip
