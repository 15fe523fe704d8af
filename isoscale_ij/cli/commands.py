"""What each command does: it reads, calls one function, writes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoscale_ij import remarks
from isoscale_ij.cli import streams
from isoscale_ij.cli.inputs import each, expanded, into_folder
from isoscale_ij.cli.parser import Run
from isoscale_ij.cli.progress_bar import Bar
from isoscale_ij.cli.sentences import in_terminal
from isoscale_ij.cli.values import CALIBRATED
from isoscale_ij.cli.values import output as typed_output
from isoscale_ij.cli.workplace import at_time, beside, check_resumable, cluster, opened
from isoscale_ij.wording import counted, short

if TYPE_CHECKING:
    import xarray as xr


def _info(options: argparse.Namespace) -> None:
    from isoscale_ij.cli.scenes import described_scenes, scene_rows

    paths = expanded(options.inputs)
    facts: list[dict[str, Any]] = []

    def show(path: Path) -> None:
        about, scenes = described_scenes(path, options.scene)
        if options.json:
            fact = about.as_dict() | ({"scenes": scenes} if scenes else {})
            facts.append({"file": str(path), **fact} if len(paths) > 1 else fact)
        else:
            text = "\n".join([in_terminal(str(about)), *scene_rows(scenes)])
            streams.result(f"{path}\n{text}\n" if len(paths) > 1 else text)

    try:
        each(paths, show)
    finally:
        if facts:
            streams.result(json.dumps(facts if len(paths) > 1 else facts[0], indent=2))


def _set_voxel_size(options: argparse.Namespace) -> None:
    from isoscale_ij.files import described, read, recalibrate, write
    from isoscale_ij.image.calibration import CalibrationWarning, set_voxel_size

    changes = {axis: getattr(options, axis) for axis in CALIBRATED}
    changes |= {"unit": options.unit, "time_unit": options.time_unit, "origin": options.origin}
    if all(change is None for change in changes.values()):
        options.wrong("got nothing to set; needed is at least one of --z, --y, --x, --t, --unit, --time-unit, --origin")
    with remarks.heard() as heard:
        if options.output is None or _same(options.input, options.output):
            recalibrate(options.input, lambda image: set_voxel_size(image, **changes), scene=options.scene)
        else:
            image = read(options.input, scene=options.scene)
            write(options.output, set_voxel_size(image, **changes), overwrite=options.overwrite)
    # What is wrong with the old calibration was being mended; all else counts.
    remarks.warn_of(remark for remark in heard if not issubclass(remark.category, CalibrationWarning))
    in_place = options.output is None
    about = described(options.output or options.input, scene=options.scene if in_place else None)
    streams.result(in_terminal(str(about)))


def _rescale(options: argparse.Namespace) -> None:
    from isoscale_ij.files import read_header, write
    from isoscale_ij.image.calibration import mark_as_labels
    from isoscale_ij.operations.rescaling import plan_rescale, rescale

    outputs = _outputs(options)

    def one(path: Path) -> None:
        if options.dry_run:
            plan = plan_rescale(read_header(path, scene=options.scene), options.voxel_size, factor=options.factor)
            streams.result(f"{path}: {plan}" if len(outputs) > 1 else plan)
            return
        _check_output(path, outputs[path], options)
        check_resumable(outputs[path], options)
        with beside(outputs[path], path, options):
            scale(path)
        streams.result(outputs[path])

    def scale(path: Path) -> None:
        image = opened(path, options, options.scene)
        if options.labels:
            image = mark_as_labels(image)
        streams.say(str(plan_rescale(image, options.voxel_size, factor=options.factor)))
        scaled = rescale(
            image, options.voxel_size, factor=options.factor, interpolation=options.interpolation,
            antialias=options.antialias, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
        )  # fmt: skip
        write(outputs[path], scaled, overwrite=options.overwrite)

    with cluster(options):
        each(list(outputs), one)


def _segment(options: argparse.Namespace) -> None:
    from isoscale_ij.files import write
    from isoscale_ij.operations.segmentation import voronoi_otsu_labeling

    outputs = _outputs(options)
    facts: list[dict[str, Any]] = []

    def one(path: Path) -> None:
        _check_output(path, outputs[path], options)
        with beside(outputs[path], path, options):
            segment(path)

    def segment(path: Path) -> None:
        labels = voronoi_otsu_labeling(
            opened(path, options, options.scene), spot_sigma=options.spot_sigma,
            outline_sigma=options.outline_sigma,
            threshold=options.threshold, borders=options.borders, elongation=options.elongation,
            channel=options.channel, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
        )  # fmt: skip
        write(outputs[path], labels, overwrite=options.overwrite)
        count, threshold = int(labels.data.max()), labels.attrs["threshold"]
        streams.say(f"{counted(count, 'label')}; threshold {short(threshold)}")
        sigmas = {name: labels.attrs[name] for name in ("spot_sigma", "outline_sigma")}
        numbers = threshold if isinstance(threshold, list) else [threshold]
        known = [None if number != number else number for number in numbers]  # noqa: PLR0124  (NaN: there was none)
        facts.append(
            {"file": str(path), "output": str(outputs[path]), "labels": count}
            | {"threshold": known if isinstance(threshold, list) else known[0], **sigmas}
        )
        if not options.json:
            streams.result(outputs[path])

    try:
        with cluster(options):
            each(list(outputs), one)
    finally:
        if options.json and facts:
            streams.result(json.dumps(facts if len(outputs) > 1 else facts[0], indent=2))


def _convert(options: argparse.Namespace) -> None:
    from isoscale_ij.files import scene_names
    from isoscale_ij.files.converting import convert, scene_outputs

    outputs = _outputs(options)

    def one(path: Path) -> None:
        scenes: list[tuple[Any, Path]] = [(options.scene, outputs[path])]
        if options.scene == "all":
            scenes = list(enumerate(scene_outputs(outputs[path], scene_names(path))))
        for _, output in scenes:
            _check_output(path, output, options)
            check_resumable(output, options)
        for scene, output in scenes:
            with beside(output, path, options):
                convert(path, output, scene=scene, overwrite=options.overwrite, on_progress=Bar(kernels=False))
            streams.result(output)

    each(list(outputs), one)


def _measure(options: argparse.Namespace) -> None:
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import check_replaceable, replacing
    from isoscale_ij.operations.measurement import measure
    from isoscale_ij.operations.table_files import as_csv, as_json

    output = options.output
    ending, needed = ".csv", "a name that ends in .csv, or --json and one that ends in .json"
    if options.json:
        ending, needed = ".json", "a name that ends in .json, or no --json and one that ends in .csv"
    if output:
        for path in filter(None, (options.labels, options.image)):
            if _same(path, output):
                raise ParameterError(f"The output {output} is the input. Choose another name.")
        if output.suffix.lower() != ending:
            options.wrong(f"got the output {output}{' with --json' if options.json else ''}; needed is {needed}")
        check_replaceable(output, overwrite=options.overwrite)
    table = measure(
        opened(options.labels, options),
        opened(options.image, options, options.scene) if options.image else None,
        memory_limit=options.memory_limit,
    )
    text = (as_json(table) if options.json else as_csv(table)).rstrip("\n")
    if not output:
        streams.result(text)
        return
    with replacing(output, overwrite=options.overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    streams.result(output)


def _compare(options: argparse.Namespace) -> None:
    from isoscale_ij.comparison.comparing import compare
    from isoscale_ij.comparison.report import as_json, check_folder
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import read, stem

    folder = options.output or options.input.with_name(f"{stem(options.input)}-comparison")
    check_folder(folder, [path for path in (options.input, options.truth) if path])
    if folder.is_dir() and any(folder.iterdir()) and not options.overwrite:
        raise ParameterError(f"{folder} exists already. Choose another with --output, or allow it with --overwrite.")
    image = at_time(read(options.input, scene=options.scene), options.time)
    truth = read(options.truth) if options.truth else None
    if truth is not None and "t" in truth.dims:
        truth = at_time(truth, options.time)
    comparison = compare(
        image, **_sigmas(image, options), threshold=options.threshold, borders=options.borders,
        elongation=options.elongation, truth=truth, voxel_sizes=options.voxel_sizes, channel=options.channel,
        engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit,
    )  # fmt: skip
    comparison.save(folder, overwrite=options.overwrite)
    streams.result(as_json(comparison) if options.json else comparison)
    streams.say(f"table, pictures and label images are in {folder}")


def _sigmas(image: xr.DataArray, options: argparse.Namespace) -> dict[str, Any]:
    """The sigmas of a comparison; what is "auto" is looked for once, and said."""
    from isoscale_ij.image.calibration import length_unit
    from isoscale_ij.image.units import symbol
    from isoscale_ij.operations.suggestion import resolved

    typed = {"spot_sigma": options.spot_sigma, "outline_sigma": options.outline_sigma}
    if "auto" not in typed.values():
        return typed
    found = resolved(
        image, *typed.values(), channel=options.channel, engine=options.engine, on_progress=Bar(),
        memory_limit=options.memory_limit,
    )  # fmt: skip
    unit = symbol(length_unit(image))
    spot, outline = (f"{short(sigma)} {unit}" if isinstance(sigma, float) else sigma for sigma in found)
    streams.say(f"spot sigma {spot}, outline sigma {outline}")
    return dict(zip(typed, found, strict=True))


def _suggest(options: argparse.Namespace) -> None:
    from isoscale_ij.files import check_replaceable, read, replacing
    from isoscale_ij.operations.suggestion import suggest_sigmas
    from isoscale_ij.operations.table_files import rows

    if options.picture:
        check_replaceable(options.picture, overwrite=options.overwrite)
    image = at_time(read(options.input, scene=options.scene), options.time)
    suggestion = suggest_sigmas(
        image, channel=options.channel, engine=options.engine, on_progress=Bar(), memory_limit=options.memory_limit
    )
    if options.picture:
        with replacing(options.picture, overwrite=options.overwrite) as temporary:
            suggestion.figure().savefig(temporary, format="png")
        streams.say(f"the curve is in {options.picture}")
    facts = {name: getattr(suggestion, name) for name in ("spot_sigma", "outline_sigma", "unit", "confident", "reason")}
    facts["curve"] = rows(suggestion.curve)
    streams.result(json.dumps(facts, indent=2) if options.json else suggestion)


def _sample(options: argparse.Namespace) -> None:
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import check_output, write
    from isoscale_ij.operations.synthetic import sample

    outputs = [path for path in (options.output, options.truth) if path]
    if options.truth and options.truth.resolve() == options.output.resolve():
        raise ParameterError(f"Got {options.output} for the image and for the labels; needed are two names.")
    for path in outputs:
        check_output(path, overwrite=options.overwrite)
    made = sample(shape=tuple(options.shape), seed=options.seed)
    for path, image in zip(outputs, made, strict=False):
        write(path, image, overwrite=options.overwrite)
        streams.result(path)


def _demo(options: argparse.Namespace) -> None:
    from isoscale_ij.cli.demonstration import demonstrate

    demonstrate(options.folder, overwrite=options.overwrite, say=streams.say)


def _doctor(options: argparse.Namespace) -> None:
    from isoscale_ij.diagnosis import diagnose, warm_up

    if options.warm_up:
        streams.say("compiling the kernels …")
        streams.say(f"ready after {warm_up():.1f} s")
    _show_pairs(diagnose(), as_json=options.json)


def _fiji(options: argparse.Namespace) -> None:
    from isoscale_ij.diagnosis import kernels_are_compiled, warm_up
    from isoscale_ij.fiji import installing

    if options.action == "status":
        _show_pairs(installing.status(options.folder), as_json=options.json)
        return
    done = installing.install(options.folder) if options.action == "install" else installing.uninstall(options.folder)
    if options.action == "install" and not kernels_are_compiled():
        streams.say("compiling the kernels; this happens once, and takes some seconds …")
        warm_up()
    streams.result(json.dumps({"done": done}, indent=2) if options.json else "\n".join(done))


def _show_pairs(pairs: dict[str, str], *, as_json: bool) -> None:
    width = max(map(len, pairs))
    lines = [f"{name.ljust(width)}  {value}" for name, value in pairs.items()]
    streams.result(json.dumps(pairs, indent=2) if as_json else "\n".join(lines))


def _outputs(options: argparse.Namespace) -> dict[Path, Path]:
    """The output of each input: IN OUT, or IN… --into FOLDER."""
    if options.into is not None:
        inputs = expanded(options.files)
        return dict(zip(inputs, into_folder(inputs, options.into), strict=True))
    if len(options.files) != 2:
        many = "several" if len(options.files) > 2 else "one"
        options.wrong(f"got {many} without --into: needed are IN and OUT, or IN [IN ...] --into FOLDER")
    sources = expanded(options.files[:1])
    if len(sources) > 1:
        options.wrong(f"{options.files[0]} means {len(sources)} files: give the folder for the results with --into")
    try:
        return {sources[0]: typed_output(options.files[1])}
    except argparse.ArgumentTypeError as error:
        options.wrong(str(error))
        raise


def _check_output(source: Path, target: Path, options: argparse.Namespace) -> None:
    """Say what is wrong with the output before the work, not after it."""
    from isoscale_ij.errors import ParameterError
    from isoscale_ij.files import check_output

    if _same(source, target):
        raise ParameterError(f"The output {target} is the input. Choose another name.")
    check_output(target, overwrite=options.overwrite)


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


RUNS: dict[str, Run] = {
    "info": _info, "set-voxel-size": _set_voxel_size, "rescale": _rescale, "segment": _segment, "measure": _measure,
    "compare": _compare, "convert": _convert, "suggest": _suggest, "sample": _sample, "demo": _demo, "fiji": _fiji,
    "doctor": _doctor,
}  # fmt: skip
