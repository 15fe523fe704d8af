"""The second tier: a real ImageJ2 gateway, from the Fiji folder that ISOSCALE_FIJI names.

``ISOSCALE_FIJI=/path/to/Fiji.app pytest -m imagej2 tests/test_imagej2.py`` runs it, in a process of
its own, because a process has one Java.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
from images import assert_same, make

pytestmark = pytest.mark.imagej2


@pytest.fixture(scope="module")
def gateway() -> Any:
    fiji = os.environ.get("ISOSCALE_FIJI")
    if not fiji:
        pytest.skip("there is no ImageJ2 here: set ISOSCALE_FIJI=/path/to/Fiji.app")
    from isoscale_ij.imagej.jvm import is_running

    if is_running():
        pytest.skip("another Java runs in this process: run this file by itself")
    pyimagej = pytest.importorskip("imagej")
    import scyjava

    scyjava.config.set_java_constraints(fetch="auto")
    scyjava.config.endpoints.clear()  # what importing pyimagej adds is in the Fiji already
    made = pyimagej.init(fiji, mode="headless")
    iso.imagej.start()  # joins
    return made


@pytest.fixture
def converting(gateway: Any) -> Any:
    iso.imagej.register_converters()
    yield gateway
    iso.imagej.unregister_converters()


def test_an_image_goes_out_and_comes_back(converting: Any) -> None:
    image = make("tczyx")
    imp = converting.py.to_java(image)
    assert str(imp.getCalibration().getUnit()) in ("micron", "µm")
    assert_same(converting.py.from_java(imp), image)


def test_a_dataset_keeps_units(converting: Any) -> None:
    from scyjava import jimport

    image = make("zyx")
    imp = iso.imagej.to_imageplus(image)
    dataset = converting.convert().convert(imp, jimport("net.imagej.Dataset"))
    found = converting.py.from_java(dataset)
    assert iso.voxel_size(found) == pytest.approx(iso.voxel_size(image))
    assert iso.info(found).units == iso.info(image).units
    np.testing.assert_array_equal(found.values, image.values)


def test_an_edited_calibration_is_seen(converting: Any) -> None:
    imp = converting.py.to_java(make("zyx"))
    converting.py.from_java(imp)
    imp.getCalibration().pixelDepth = 9.0
    assert iso.voxel_size(converting.py.from_java(imp))["z"] == 9.0


def test_scripts_and_plugins(converting: Any) -> None:
    image = make("zyx")
    outputs = converting.py.run_script(
        "groovy", "#@ ImagePlus imp\n#@output ImagePlus result\nresult = imp.duplicate()", {"imp": image}
    )
    found = converting.py.from_java(outputs.get("result"))
    np.testing.assert_array_equal(found.values, image.values)
    assert iso.voxel_size(found) == iso.voxel_size(image)
    imp = converting.py.to_java(image.astype("float32"))
    converting.py.run_plugin("Gaussian Blur 3D...", {"x": 1, "y": 1, "z": 1}, imp=imp)
    assert float(converting.py.from_java(imp).std()) < float(image.std())


def kinds(gateway: Any) -> list[str]:
    """What pyimagej makes of images, as the names of classes."""
    import xarray as xr

    image = make("zyx")
    plain = image.drop_vars(["z", "y", "x"])
    rgb = xr.DataArray(np.zeros((8, 9, 3), np.uint8), dims=("row", "col", "ch"))
    given = [plain, plain.rename(z="pln", y="row", x="col"), rgb, image.astype("float64") + 1 / 3,
             image.astype("uint32") + np.uint32(2**31 + 1), image.values]  # fmt: skip
    found = [str(gateway.py.to_java(value).getClass().getName()) for value in given]
    return [*found, str(gateway.py.to_java(image.astype("float64") + 1 / 3).firstElement().getClass().getName())]


def test_what_pyimagej_can_do_better_is_left_to_it(gateway: Any) -> None:
    before = kinds(gateway)
    iso.imagej.register_converters()
    try:
        assert kinds(gateway) == before
        dataset = gateway.py.to_java(make("zyx"), type="Dataset")
        assert [int(dataset.dimension(index)) for index in range(3)] == list(make("zyx").shape[::-1])
    finally:
        iso.imagej.unregister_converters()
    assert kinds(gateway) == before


def test_conversions_by_name(converting: Any) -> None:
    image = make("zyx")
    imp, dataset = converting.py.to_imageplus(image), converting.py.to_dataset(image)
    assert float(imp.getCalibration().pixelDepth) == 1.5
    assert str(dataset.axis(2).unit()) == "micron"
    for made in (imp, dataset):
        assert iso.voxel_size(converting.py.to_xarray(made)) == pytest.approx(iso.voxel_size(image))


def test_a_script_that_wants_a_dataset_gets_it_with_units(converting: Any) -> None:
    script = "#@ Dataset d\n#@output String k\nk = (0..<d.numDimensions()).collect { d.axis(it).unit() }.join(' ')"
    assert str(converting.py.run_script("groovy", script, {"d": make("zyx")}).get("k")) == "micron micron micron"


def test_it_can_be_undone(gateway: Any) -> None:
    before = {name: getattr(type(gateway.py), name) for name in ("to_imageplus", "to_dataset", "to_xarray")}
    iso.imagej.register_converters()
    iso.imagej.unregister_converters()
    found = gateway.py.from_java(iso.imagej.to_imageplus(make("zyx")))
    assert "spacing" not in getattr(found, "x", found).attrs
    assert all(getattr(type(gateway.py), name) is method for name, method in before.items())


# The commands of the menu. They are put into the folder first: isoscale-ij fiji install $ISOSCALE_FIJI


@pytest.fixture
def commands(gateway: Any) -> Any:
    found = [str(info.getMenuPath()) for info in gateway.module().getModules()]
    if not any("IsoScale" in path for path in found):
        pytest.skip("the commands are not in this Fiji: isoscale-ij fiji install $ISOSCALE_FIJI")
    return gateway


def two_images() -> tuple[Any, Any]:
    return iso.imagej.to_imageplus(make("zyx").rename("meant")), iso.imagej.to_imageplus(
        make("zyx")[:2].rename("other")
    )


def test_run_works_on_the_image_it_is_given(commands: Any) -> None:
    meant, other = two_images()
    meant.show()
    other.show()
    commands.IJ.run(meant, "Set Voxel Size", "x=0.5 y=0.5 z=2 unit=um t=0 time=s")
    assert (meant.getCalibration().pixelDepth, other.getCalibration().pixelDepth) == (2.0, 1.5)
    meant.close()
    other.close()


@pytest.mark.parametrize("chosen", ["meant", "other"])
def test_a_macro_in_batch_mode(commands: Any, chosen: str) -> None:
    macro = f"""
    setBatchMode(true);
    newImage("meant", "16-bit ramp", 12, 10, 3);
    run("Properties...", "pixel_width=0.5 pixel_height=0.5 voxel_depth=1 unit=um");
    newImage("other", "16-bit ramp", 14, 10, 4);
    run("Properties...", "pixel_width=0.5 pixel_height=0.5 voxel_depth=1 unit=um");
    selectImage("{chosen}");
    run("Rescale to Isotropic", "target=finest size=1 unit=image interpolation=auto antialias=true");
    getDimensions(width, height, channels, slices, frames);
    return "" + width + " " + slices;
    """
    assert str(commands.IJ.runMacro(macro)) == {"meant": "12 6", "other": "14 8"}[chosen]


def test_the_recorded_line_runs_as_it_stands(commands: Any) -> None:
    meant, _ = two_images()
    options = "target=own size=0.5 unit=um interpolation=auto antialias=true"
    meant.show()
    commands.IJ.runMacro(f'selectImage("meant"); run("Rescale to Isotropic", "{options}");')
    result = commands.WindowManager.getImage("meant-rescaled")
    assert iso.voxel_size(result) == {"z": 0.5, "y": 0.5, "x": 0.5}
    result.close()
    meant.close()


def test_the_module_service_and_run_script(commands: Any) -> None:
    from isoscale_ij.fiji.jar import scripts_folder

    meant, other = two_images()
    other.show()
    text = (scripts_folder() / "scripts/Plugins/IsoScale/Voronoi-Otsu_Labeling.groovy").read_text()
    inputs = {"imp": meant, "channel": 1, "spot": 0.5, "outline": 0.3, "unit": "image unit", "rois": False}
    outputs = commands.py.run_script("groovy", text, inputs)
    assert outputs.get("error") is None
    assert int(outputs.get("labels").getNSlices()) == int(meant.getNSlices())
    other.close()
