"""The commands in Fiji's menu: what they give is what Python gives, on the image that was meant."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from commands import Commands
from images import make
from isoscale_ij import remarks
from isoscale_ij.image.label_colors import glasbey
from isoscale_ij.imagej import from_imageplus, to_imageplus

pytestmark = pytest.mark.usefixtures("no_block_is_left")


# What is in the menu, and what comes out


def test_the_menu(fiji: Commands) -> None:
    paths = {" > ".join(str(entry.getName()) for entry in info.getMenuPath()) for info in fiji.infos.values()}
    assert paths == {
        f"Plugins > IsoScale > {name}"
        for name in (
            "Rescale to Isotropic", "Voronoi-Otsu Labeling", "Compare Scalings", "Set Voxel Size", "Rescale File",
            "Label File", "IsoScale Environment", "Batch Processor > Rescale", "Batch Processor > Label",
        )
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int16"])
@pytest.mark.parametrize("dims", ["zyx", "tczyx", "czyx", "tzyx"])
def test_rescaling_is_that_of_python(fiji: Commands, dims: str, dtype: str) -> None:
    image = iso.set_voxel_size(make(dims, dtype), origin={"z": 3, "x": -2})
    if dtype == "int16":
        image -= 100
    found = fiji.run("Rescale to Isotropic", imp=to_imageplus(image))
    assert found["error"] is None
    result, expected = from_imageplus(found["result"]), iso.rescale(image, "finest")
    assert result.dims == expected.dims
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result.values, expected.values)
    assert iso.voxel_size(result) == iso.voxel_size(expected)
    for axis in set("tzyx") & set(dims):
        np.testing.assert_allclose(result[axis], expected[axis], rtol=1e-12, atol=1e-12)
    if "c" in dims:
        assert result.c.values.tolist() == ["DAPI", "GFP", "Cy5"]


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"target": "coarsest"}, "coarsest"), ({"target": "x"}, "x"), ({"target": "own", "size": 0.7}, 0.7),
        ({"target": "own", "size": 700.0, "unit": "nm"}, "700 nm"),
    ],
)  # fmt: skip
def test_targets(fiji: Commands, options: dict[str, Any], target: Any) -> None:
    image = make("zyx")
    for more in ({}, {"interpolation": "cubic"}, {"interpolation": "nearest", "antialias": False}):
        found = from_imageplus(fiji.run("Rescale to Isotropic", imp=to_imageplus(image), **options, **more)["result"])
        np.testing.assert_array_equal(found.values, iso.rescale(image, target, **more).values)


def test_rgb_is_rescaled(fiji: Commands, imagej: Any, rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (3, 4, 5, 6)).astype(np.uint8)
    image = iso.as_image(values, "czyx", voxel_size=(2.0, 0.5, 0.5), unit="um").assign_attrs(imagej={"rgb": True})
    imp = to_imageplus(image)
    assert int(imp.getBitDepth()) == 24
    found = fiji.run("Rescale to Isotropic", imp=imp)
    assert int(found["result"].getBitDepth()) == 24
    np.testing.assert_array_equal(from_imageplus(found["result"]).values, iso.rescale(image, "finest").values)
    assert "RGB" in fiji.run("Voronoi-Otsu Labeling", imp=imp)["error"]


def test_looks_are_kept(fiji: Commands, imagej: Any) -> None:
    imp = to_imageplus(make("czyx"))
    imp.setC(2)
    imagej.run(imp, "Magenta", "")
    imp.setDisplayRange(5, 77)
    imp.setProperty("Info", "objective: 63x")
    found = fiji.run("Rescale to Isotropic", imp=imp)["result"]
    assert found.isComposite()
    assert (found.getLuts()[1].min, found.getLuts()[1].max) == (5, 77)
    assert list(found.getLuts()[1].getBytes()) == list(imp.getLuts()[1].getBytes())
    assert str(found.getInfoProperty()) == "objective: 63x"
    assert str(found.getTitle()) == "cells-rescaled"


def test_label_images_are_rescaled_as_labels(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    _, truth = nuclei
    found = from_imageplus(fiji.run("Rescale to Isotropic", imp=to_imageplus(truth))["result"])
    np.testing.assert_array_equal(found.values, iso.rescale(truth, "finest").values)
    assert found.attrs["kind"] == "labels"


def test_segmentation_is_that_of_python(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    imp = to_imageplus(image)
    for options, sigmas in (
        ({}, (1.5, 0.9)), ({"unit": "um"}, ("1.5 um", "0.9 um")),
        ({"unit": "voxels", "spot": 5.0, "outline": 3.0}, ("5 px", "3 px")),
    ):  # fmt: skip
        found = fiji.run("Voronoi-Otsu Labeling", imp=imp, **options)
        assert found["error"] is None
        expected = iso.vol(image, spot_sigma=sigmas[0], outline_sigma=sigmas[1])
        labels = from_imageplus(found["labels"])
        np.testing.assert_array_equal(labels.values, expected.values)
        assert labels.dtype == np.int32
        assert labels.attrs["kind"] == "labels"
        assert iso.voxel_size(labels) == iso.voxel_size(image)
        table = np.asarray(found["labels"].getLuts()[0].getBytes()).view(np.uint8).reshape(3, 256).T
        np.testing.assert_array_equal(table, glasbey())
        rows = iso.measure(expected, image)
        assert found["table"].size() == len(rows) == int(found["count"])
        for name in ("label", "volume", "centroid_z", "mean_intensity", "touches_border"):
            np.testing.assert_allclose(np.asarray(found["table"].getColumn(name)), rows[name].astype(float), rtol=1e-6)


def test_one_channel_of_a_time_series(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    stack = np.stack([np.stack([image, image // 2]), np.stack([image[::-1], image])])
    series = iso.as_image(stack, "tczyx", voxel_size={"t": 3.0, "z": 1.5, "y": 0.16, "x": 0.16}, unit="um")
    found = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(series), channel=2)
    assert found["error"] is None
    expected = iso.vol(series, spot_sigma=1.5, outline_sigma=0.9, channel=1)
    np.testing.assert_array_equal(from_imageplus(found["labels"]).values, expected.values)
    assert sorted(set(found["table"].getColumn("t"))) == [0, 1]
    assert found["labels"].getCalibration().frameInterval == 3
    assert "has the channels 1, 2" in fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(series), channel=3)["error"]


def test_more_than_65535_labels(fiji: Commands) -> None:
    values = np.zeros((1030, 1030), np.uint8)
    values[2::4, 2::4] = 200
    imp = to_imageplus(iso.as_image(values, voxel_size=0.2, unit="um"))
    found = fiji.run("Voronoi-Otsu Labeling", imp=imp, spot=0.5, outline=0.5, unit="voxels")
    assert found["error"] is None
    assert int(found["count"]) == 257 * 257 > 65_535
    assert int(found["labels"].getBitDepth()) == 32
    labels = from_imageplus(found["labels"])
    assert labels.values.max() == 257 * 257
    assert "area" in [str(name) for name in found["table"].getHeadings()]  # it is a 2D image


def test_outlines(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    """Without a display there is no ROI Manager: they are the overlay of the labels."""
    image, _ = nuclei
    found = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image), rois=True)
    assert found["error"] is None
    labels = from_imageplus(found["labels"]).values
    rois = list(found["labels"].getOverlay().toArray())
    assert len(rois) == sum(len(np.unique(plane)) - 1 for plane in labels)
    for roi in rois:
        label, index = (int(part) for part in str(roi.getName()).split()[1::2])
        assert len(roi.getContainedPoints()) == int((labels[index - 1] == label).sum())
        assert int(roi.getPosition()) == index


def test_the_comparison(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    found = fiji.run("Compare Scalings", imp=to_imageplus(image))
    assert found["error"] is None
    expected = iso.compare(image, spot_sigma=1.5, outline_sigma=0.9)
    assert found["table"].size() == len(expected.table)
    counts = np.asarray(found["table"].getColumn("objects"))
    np.testing.assert_array_equal(counts, expected.table["objects"].astype(float))
    assert len(list(found["labels"])) == len(expected.labels)
    for imp, labels in zip(found["labels"], expected.labels.values(), strict=True):
        np.testing.assert_array_equal(from_imageplus(imp).values, labels.values)


def test_setting_the_voxel_size(fiji: Commands, imagej: Any) -> None:
    imp = imagej.createImage("a", "8-bit ramp", 6, 5, 4)
    pixels = imp.getStack().getPixels(2)
    assert fiji.run("Set Voxel Size", imp=imp, x=0.2, y=0.2, z=1.5)["error"] is None
    calibration = imp.getCalibration()
    assert (calibration.pixelWidth, calibration.pixelDepth, str(calibration.getUnit())) == (0.2, 1.5, "micron")
    assert imp.getStack().getPixels(2).equals(pixels)
    assert fiji.run("Set Voxel Size", imp=imp, z=2000.0, unit="nm")["error"] is None
    assert iso.voxel_size(imp) == {"z": 2000.0, "y": 200.0, "x": 200.0}
    assert "Got no size" in fiji.run("Set Voxel Size", imp=imp)["error"]


def test_files_and_folders(fiji: Commands, tmp_path: Path, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    iso.write(source / "a.tif", image)
    iso.write(source / "b.ome.tif", image)
    found = fiji.run("Rescale File", input=source, output=target, target="own", size=1.0)
    assert found["error"] is None
    assert sorted(path.name for path in target.iterdir()) == ["a-rescaled.tif", "b-rescaled.tif"]
    np.testing.assert_array_equal(iso.read(target / "a-rescaled.tif").values, iso.rescale(image, 1.0).values)
    found = fiji.run("Label File", input=source / "a.tif", output=target)
    assert [Path(str(name)).name for name in found["written"]] == ["a-labels.tif", "a-labels.csv"]
    expected = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9)
    np.testing.assert_array_equal(iso.read(target / "a-labels.tif").values, expected.values)
    again = fiji.run("Label File", input=source / "a.tif", output=target)
    assert "exists" in again["error"]
    (source / "c.tif").write_text("no image")
    error = fiji.run("Label File", input=source / "c.tif", output=target)["error"]
    assert "c.tif" in error
    assert "none of the formats" in error
    assert "folder that exists" in fiji.run("Label File", input=source, output=tmp_path / "none")["error"]
    assert fiji.run("Label File", output=target)["error"] == "Got no file or folder; needed is the path of one (input)."


def test_files_for_the_batch_processor_and_for_macros(
    fiji: Commands, tmp_path: Path, nuclei: tuple[xr.DataArray, xr.DataArray]
) -> None:
    image, _ = nuclei
    iso.write(tmp_path / "a b.tif", image)
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    assert fiji.run("Label", input=tmp_path / "a b.tif", output=tmp_path / "one")["error"] is None
    assert fiji.run("Label File", input=str(tmp_path / "a b.tif"), output=str(tmp_path / "two"))["error"] is None
    expected = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9)
    for name in ("one", "two"):
        np.testing.assert_array_equal(iso.read(tmp_path / name / "a b-labels.tif").values, expected.values)
    assert fiji.run("Rescale", input=tmp_path / "a b.tif", output=tmp_path / "three")["error"] is None
    np.testing.assert_array_equal(
        iso.read(tmp_path / "three" / "a b-rescaled.tif").values, iso.rescale(image, "finest").values
    )


def test_of_one_file_nothing_is_said_of_the_next(fiji: Commands, tmp_path: Path) -> None:
    """The batch processor runs the same module for each of its files."""
    import jpype

    iso.write(tmp_path / "a.tif", make("zyx"))
    (tmp_path / "out").mkdir()
    file = jpype.JClass("java.io.File")
    module = fiji.modules.createModule(fiji.infos["Rescale"])
    module.setInput("output", file(str(tmp_path / "out")))
    said = []
    for name in ("a.tif", "none.tif", "a.tif"):
        module.setInput("input", file(str(tmp_path / name)))
        fiji.modules.run(module, False).get()
        said.append((module.getOutput("written"), module.getOutput("error")))
    assert said[0][1] is None
    assert [Path(str(path)).name for path in said[0][0]] == ["a-rescaled.tif"]
    assert said[1][0] is None
    assert "There is no file or folder" in str(said[1][1])
    assert said[2][0] is None
    assert "exists" in str(said[2][1])


def test_what_a_dialog_says_of_files(tmp_path: Path) -> None:
    from isoscale_ij.fiji.batches import outlook

    assert outlook(" ", "", "labels") == "Choose an image file, or a folder of them."
    for name in ("a.tif", "b.ome.tif", "c.tif", "d.tif", "d.txt"):
        (tmp_path / name).touch()
    assert outlook(str(tmp_path / "a.tif"), "", "labels") == "1 file: a.tif. Choose a folder for the results."
    (tmp_path / "out").mkdir()
    assert outlook(str(tmp_path), str(tmp_path / "out"), "labels") == "4 files: a.tif, b.ome.tif, c.tif …"
    (tmp_path / "out" / "b-labels.tif").touch()
    assert "Results of 1 are in out already" in outlook(str(tmp_path), str(tmp_path / "out"), "labels")
    with pytest.raises(iso.ParameterError, match="no file or folder"):
        outlook(str(tmp_path / "e.tif"), "", "labels")


def test_the_environment(fiji: Commands) -> None:
    import sys

    report = str(fiji.run("IsoScale Environment", action="test")["report"])
    assert iso.__version__ in report
    assert sys.executable in report
    assert "test run" in report


def test_labels_of_signed_images_have_their_own_numbers(
    fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]
) -> None:
    image = (nuclei[0].astype("int32") - 1000).astype("int16")
    found = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image))
    assert found["error"] is None
    assert not found["labels"].getCalibration().calibrated()
    np.testing.assert_array_equal(from_imageplus(found["labels"]), iso.vol(image, spot_sigma=1.5, outline_sigma=0.9))


def test_every_field_of_set_voxel_size_counts(fiji: Commands) -> None:
    series, plane = to_imageplus(make("tzyx")), to_imageplus(make("yx"))
    assert fiji.run("Set Voxel Size", imp=series, t=4.0, time="min")["error"] is None
    assert (series.getCalibration().frameInterval, str(series.getCalibration().getTimeUnit())) == (4.0, "min")
    assert fiji.run("Set Voxel Size", imp=plane, z=1.5)["error"] is None
    assert plane.getCalibration().pixelDepth == 1.5


def test_an_axis_that_was_uncalibrated_can_be_set_to_1(fiji: Commands) -> None:
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), voxel_size={"y": 0.5, "x": 0.5}, unit="um")
    in_fiji, in_python = to_imageplus(image), to_imageplus(image)
    fiji.run("Set Voxel Size", imp=in_fiji, z=1.0)
    iso.set_voxel_size(in_python, z=1.0)
    for imp in (in_fiji, in_python):
        assert iso.voxel_size(imp) == {"z": 1.0, "y": 0.5, "x": 0.5}
        assert str(imp.getCalibration().getZUnit()) == "micron"


@pytest.mark.filterwarnings("ignore::isoscale_ij.image.calibration.CalibrationWarning")
def test_axes_that_are_set_one_by_one_keep_their_unit(fiji: Commands) -> None:
    imp = to_imageplus(iso.as_image(np.zeros((3, 4, 5), np.uint8), "zyx"))
    fiji.run("Set Voxel Size", imp=imp, z=1.5, unit="micron")
    assert [str(getattr(imp.getCalibration(), f"get{axis}Unit")()) for axis in "XYZ"] == ["pixel", "pixel", "micron"]
    assert iso.voxel_size(imp) == {"z": 1.5}
    fiji.run("Set Voxel Size", imp=imp, x=0.2, y=0.2)
    assert [str(getattr(imp.getCalibration(), f"get{axis}Unit")()) for axis in "XYZ"] == ["micron"] * 3
    assert iso.voxel_size(imp) == {"z": 1.5, "y": 0.2, "x": 0.2}


def test_warnings_of_two_commands_go_to_their_own(fiji: Commands) -> None:
    """Run in the worker's own code, on two threads: each command says what is wrong with its own image."""
    import json

    from isoscale_ij.fiji import worker

    class Task:
        def __init__(self) -> None:
            self.outputs: dict[str, Any] = {}
            self.cancel_requested = False

    meeting = threading.Barrier(2)

    def speak(request: dict[str, Any], *_: Any) -> dict[str, Any]:
        meeting.wait(10)
        remarks.warn(request["text"])
        meeting.wait(10)
        return {}

    tasks = {"one": Task(), "two": Task()}
    stdout = sys.stdout
    worker.OPERATIONS["speak"] = speak
    try:
        threads = [
            threading.Thread(target=worker.run, args=(task, "speak", json.dumps({"text": text})))
            for text, task in tasks.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        del worker.OPERATIONS["speak"]
        sys.stdout = stdout
    assert {text: task.outputs["warnings"] for text, task in tasks.items()} == {"one": ["one"], "two": ["two"]}


def test_what_is_drawn_is_scaled_as_python_does_it(fiji: Commands, imagej: Any) -> None:
    import jpype

    ij = jpype.JPackage("ij")
    image = iso.as_image(np.zeros((2, 6, 48, 40), np.uint16), "czyx", voxel_size=(2.0, 0.5, 0.25), unit="um")
    imp = to_imageplus(image)
    overlay = ij.gui.Overlay()
    outlines = [ij.gui.Roi(10, 12, 20, 24), ij.gui.OvalRoi(4, 4, 8, 12), ij.gui.Line(1.0, 2.0, 30.0, 40.0)]
    for number, outline in enumerate(outlines):
        outline.setName(f"cell {number}")
        overlay.add(outline)
    outlines[0].setPosition(2, 5, 1)
    outlines[1].setPosition(4)
    imp.setOverlay(overlay)
    points = ij.gui.PointRoi(10, 12)
    imp.setPosition(2, 3, 1)
    points.addPoint(imp, 20.0, 8.0)
    imp.setRoi(points)
    made = fiji.run("Rescale to Isotropic", imp=imp, target="own", size=1.0)["result"]
    expected = iso.rescale(imp, 1.0)

    def facts(roi: Any) -> tuple:
        polygon = roi.getFloatPolygon()
        corners = [*polygon.xpoints[: polygon.npoints], *polygon.ypoints[: polygon.npoints]]
        place = (roi.getPosition(), roi.getCPosition(), roi.getZPosition(), roi.getTPosition())
        return str(roi.getTypeAsString()), roi.getName(), [round(float(each), 5) for each in corners], place

    assert facts(made.getRoi()) == facts(expected.getRoi())
    assert int(made.getRoi().getPointPosition(1)) == int(expected.getRoi().getPointPosition(1)) > 0
    assert made.getOverlay().size() == 3
    for index in range(3):
        assert facts(made.getOverlay().get(index)) == facts(expected.getOverlay().get(index))
    assert facts(made.getOverlay().get(0))[3][2] == 10
    assert facts(made.getOverlay().get(0))[2][0] == 2.5
