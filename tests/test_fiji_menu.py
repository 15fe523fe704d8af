"""Commands that ImageJ itself starts, by IJ.run and by macros: the image that is meant, results, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jpype
import numpy as np
import pytest

import isoscale_ij as iso
from commands import Commands
from images import make
from isoscale_ij.imagej import from_imageplus, to_imageplus
from menu import Menu, asked_by_scijava

pytestmark = pytest.mark.usefixtures("no_block_is_left")

SET = "x=0 y=0 z=2 unit=um t=0 time=s"
RESCALE = 'run("Rescale to Isotropic", "target=finest size=1 unit=image interpolation=auto antialias=true");'
THREE = 'setBatchMode(true); close("*");' + "".join(
    f'newImage("{name}", "16-bit ramp", 12, 10, {slices}); run("Properties...", "pixel_width=0.2 pixel_height=0.2 '
    f'voxel_depth=1 unit=um");' for name, slices in (("one", 2), ("two", 3), ("three", 4))
)  # fmt: skip


@pytest.fixture(scope="module")
def wired(fiji: Commands, imagej: Any) -> Iterator[Menu]:
    imagej.run(to_imageplus(make("zyx")), "Select None", "")  # from then on there are menus
    made = Menu(fiji)
    yield made
    made.close()


@pytest.fixture
def menu(wired: Menu, imagej: Any) -> Iterator[Menu]:
    yield wired
    imagej.run("Close All")
    jpype.JClass("ij.WindowManager").setTempCurrentImage(None)


@pytest.fixture
def three(menu: Menu, imagej: Any) -> list[Any]:
    """Three open images; the last one is the active one."""
    found = [to_imageplus(make("zyx").rename(name)) for name in "ABC"]
    for imp in found:
        imp.show()
    return found


def depths(images: list[Any]) -> list[float]:
    return [float(imp.getCalibration().pixelDepth) for imp in images]


# Which image is worked on


@pytest.mark.parametrize(
    "name",
    [
        "Rescale to Isotropic",
        "Voronoi-Otsu Labeling",
        "Compare Scalings",
        "Set Voxel Size",
        "Rescale File",
        "Label File",
    ],
)
def test_scijava_asks_for_nothing(fiji: Commands, three: list[Any], name: str) -> None:
    """Above all not for the image, which it would preselect, whichever is active."""
    objects = fiji.context.service("org.scijava.object.ObjectService")
    for imp in three:
        objects.addObject(imp)
    try:
        assert asked_by_scijava(fiji, name) == []
    finally:
        for imp in three:
            objects.removeObject(imp)


def test_the_batch_processor_finds_what_it_can_fill_in(fiji: Commands) -> None:
    """It looks for inputs of type File, for which SciJava opens a dialog of its own; our menu has our own dialogs."""
    file = jpype.JClass("java.io.File").class_
    batchable = {
        name for name, info in fiji.infos.items() if any(item.getType().equals(file) for item in info.inputs())
    }
    assert batchable == {"Rescale", "Label"}
    for name, info in fiji.infos.items():  # ImageJ's menu has scripts with an underscore in their names, and no others
        assert ("_" in str(info.getPath()).split("/")[-1]) == (name not in batchable)
    for name in batchable:
        assert asked_by_scijava(fiji, name)[:2] == ["input", "output"]


def test_the_active_image(three: list[Any], imagej: Any) -> None:
    active = jpype.JClass("ij.WindowManager").getCurrentImage()
    imagej.run("Set Voxel Size", SET)
    assert [z == 2 for z in depths(three)] == [imp.equals(active) for imp in three]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_image_that_a_caller_gives(three: list[Any], imagej: Any, index: int) -> None:
    imagej.run(three[index], "Set Voxel Size", SET)
    assert [z == 2 for z in depths(three)] == [number == index for number in range(3)]


@pytest.mark.parametrize("title", ["B", "a, b", "1.80", "A-1.tif", "{x} (y)"])
def test_the_image_that_a_title_names(three: list[Any], imagej: Any, title: str) -> None:
    """SciJava reads lists and numbers in texts; a title is neither."""
    three[1].setTitle(title)
    imagej.run(three[0], "Set Voxel Size", f"imp=[{title}] {SET}")
    assert depths(three) == [1.5, 2.0, 1.5]


def test_a_title_that_no_image_has(three: list[Any], imagej: Any, menu: Menu) -> None:
    imagej.runMacro(f'run("Set Voxel Size", "imp=nosuch {SET}");')
    assert "No open image has the title 'nosuch'. Open are: " in str(menu.last.getOutput("error"))
    assert depths(three) == [1.5] * 3


def test_a_script_gives_an_image_or_a_title(three: list[Any], fiji: Commands) -> None:
    assert fiji.run("Set Voxel Size", imp=three[0], z=2.0)["error"] is None
    assert fiji.run("Set Voxel Size", imp="B", z=3.0)["error"] is None
    assert depths(three) == [2.0, 3.0, 1.5]
    assert "Got a Double" in fiji.run("Set Voxel Size", imp=1.5, z=4.0)["error"]


def test_what_another_thread_works_on_is_not_taken(three: list[Any], fiji: Commands) -> None:
    manager = jpype.JClass("ij.WindowManager")
    chosen, done = threading.Event(), threading.Event()

    def other() -> None:
        manager.setTempCurrentImage(three[0])
        chosen.set()
        done.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    chosen.wait(30)
    manager.setTempCurrentImage(three[1])
    assert fiji.run("Set Voxel Size", z=2.0)["error"] is None
    done.set()
    thread.join()
    assert depths(three) == [1.5, 2.0, 1.5]


@pytest.mark.parametrize("chosen", ["one", "two", "three"])
def test_the_image_that_a_macro_has_selected_in_batch_mode(menu: Menu, imagej: Any, chosen: str) -> None:
    answer = str(imagej.runMacro(f'{THREE} selectImage("{chosen}"); {RESCALE} return getTitle() + " " + nImages;'))
    assert answer == f"{chosen}-rescaled 4"


# Results where ImageJ's own commands leave them


def test_a_batch_macro_saves_the_result(menu: Menu, imagej: Any, tmp_path: Path, nuclei: tuple[Any, Any]) -> None:
    image = iso.set_voxel_size(nuclei[0], z=1.5, y=0.25, x=0.25)  # numbers that ImageJ's TIFF holds without rounding
    imagej.saveAsTiff(to_imageplus(image), str(tmp_path / "in.tif"))
    for name, run in (
        ("rescaled", RESCALE),
        ("labels", 'run("Voronoi-Otsu Labeling", "channel=1 spot=1.5 outline=0.9 unit=um");'),
    ):
        macro = (
            f'setBatchMode(true); open("{tmp_path}/in.tif"); {run} saveAs("Tiff", "{tmp_path}/{name}.tif"); close();'
        )
        imagej.runMacro(macro + " return getTitle();")
    np.testing.assert_array_equal(iso.read(tmp_path / "rescaled.tif").values, iso.rescale(image, "finest").values)
    expected = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9)
    np.testing.assert_array_equal(iso.read(tmp_path / "labels.tif").values, expected.values)


def test_a_loop_closes_results_and_no_originals(menu: Menu, imagej: Any) -> None:
    macro = f"""{THREE} names = newArray("three", "one", "two"); seen = "";
    for (i = 0; i < 3; i++) {{ selectImage(names[i]); {RESCALE} seen = seen + getTitle() + " "; close(); }}
    left = getList("image.titles"); Array.sort(left); return seen + String.join(left);"""
    assert str(imagej.runMacro(macro)) == "three-rescaled one-rescaled two-rescaled one, three, two"


def test_results_without_a_display_are_found_as_those_of_scale_are(menu: Menu, imagej: Any) -> None:
    manager = jpype.JClass("ij.WindowManager")
    imp = to_imageplus(make("zyx").rename("cells"))
    imp.show()

    def titles() -> list[str]:
        return [str(manager.getImage(number).getTitle()) for number in manager.getIDList()]

    imagej.run(imp, "Scale...", "x=2 y=2 z=1 interpolation=Bilinear create title=scaled")
    imagej.run(imp, "Rescale to Isotropic", "target=finest")
    assert titles() == ["cells", "scaled", "cells-rescaled"]


def test_a_script_without_a_display_gets_outputs_only(menu: Menu, fiji: Commands) -> None:
    fiji.run("Rescale to Isotropic", imp=to_imageplus(make("zyx")))
    assert not list(jpype.JClass("ij.WindowManager").getIDList() or [])


def test_nothing_is_left_for_imagej2_to_display(menu: Menu, imagej: Any, fiji: Commands) -> None:
    """Else each text opens a window of its own, and each number a warning."""
    imagej.run(to_imageplus(make("zyx")), "Rescale to Isotropic", "target=finest")
    for module in (menu.last, fiji.start("Voronoi-Otsu Labeling", imp=to_imageplus(make("zyx")), channel=9).get()):
        assert all(module.isOutputResolved(item.getName()) for item in module.getInfo().outputs())


def test_measurements_for_getresult(menu: Menu, imagej: Any) -> None:
    run = 'run("Voronoi-Otsu Labeling", "channel=1 spot=0.6 outline=0.4 unit=um results=true");'
    found = str(imagej.runMacro(f'{THREE} {run} return "" + nResults + " " + getResult("label", 0);'))
    rows, label = found.split()
    assert int(rows) > 0
    assert float(label) == 1


# Errors and options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("channel=7 spot=2 outline=1 unit=um", "Got the channel 7; the image 'three' has the channels 1."),
        ("channel=1 spot=2 outline=1 unit=parsec", "Got unit=parsec; needed is one of: image unit, um, voxels."),
        ("chanel=1 spot=2", "Voronoi-Otsu Labeling has no option chanel; it has: channel, spot, outline, unit, "),
        ("spot=wide", "Got wide for spot sigma (spot); needed is a number that is not negative, or auto."),
        ("threshold=bright", "Got the threshold bright; needed is otsu, local, or a grey value."),
    ],
)
def test_an_error_stops_the_macro_with_a_sentence(
    menu: Menu, imagej: Any, capfd: pytest.CaptureFixture[str], options: str, sentence: str, tmp_path: Path
) -> None:
    macro = f'{THREE} run("Voronoi-Otsu Labeling", "{options}"); File.append("went on", "{tmp_path}/on.txt");'
    imagej.runMacro(macro)
    jpype.JClass("java.lang.System").out.flush()
    assert sentence in capfd.readouterr().out
    assert not (tmp_path / "on.txt").exists()


def test_file_commands_in_macros(
    menu: Menu, imagej: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], nuclei: tuple[Any, Any]
) -> None:
    """What is left out takes its default; what is misspelt stops the macro."""
    iso.write(tmp_path / "a b.tif", nuclei[0])
    (tmp_path / "made of it").mkdir()
    places = f"input=[{tmp_path}/a b.tif] output=[{tmp_path}/made of it]"
    imagej.runMacro(f'run("Label File", "{places} spot=1.5 outline=0.9");')
    assert menu.last.getOutput("error") is None
    expected = iso.vol(nuclei[0], spot_sigma=1.5, outline_sigma=0.9)
    np.testing.assert_array_equal(iso.read(tmp_path / "made of it" / "a b-labels.tif").values, expected.values)
    imagej.runMacro(f'run("Rescale File", "{places} taget=x"); File.append("went on", "{tmp_path}/on.txt");')
    jpype.JClass("java.lang.System").out.flush()
    assert "Rescale File has no option taget; it has: input, output, target, " in capfd.readouterr().out
    assert not (tmp_path / "on.txt").exists()


def test_omitted_options_take_their_defaults(menu: Menu, imagej: Any) -> None:
    imp = to_imageplus(make("zyx"))
    imagej.run(imp, "Rescale to Isotropic", "target=own")
    assert iso.voxel_size(menu.last.getOutput("result")) == {"z": 1.0, "y": 1.0, "x": 1.0}
    imagej.run(imp, "Voronoi-Otsu Labeling", "spot=0.6 outline=0.4 rois")  # a box that is ticked, as ImageJ writes it
    assert menu.last.getOutput("error") is None
    assert menu.last.getOutput("labels").getOverlay() is not None


def test_what_macros_give_does_not_become_the_default_of_dialogs(menu: Menu, imagej: Any) -> None:
    prefs = jpype.JClass("ij.Prefs")
    before = str(prefs.get("isoscale.rescale.target", ""))
    prefs.set("isoscale.rescale.target", "coarsest")  # as if the dialog had been left with it
    try:
        for options in ("target=own size=0.5", "target=own size=0", "target=fines"):
            imagej.runMacro('newImage("a", "8-bit ramp", 8, 8, 2); run("Rescale to Isotropic", "' + options + '");')
        assert str(prefs.get("isoscale.rescale.target", "none")) == "coarsest"
    finally:
        prefs.set("isoscale.rescale.target", before or None)
    node = jpype.JClass("java.util.prefs.Preferences").userRoot()
    assert not [str(name) for name in node.childrenNames() if "isoscale" in str(name).lower()]


def test_channels_by_name(fiji: Commands, menu: Menu, imagej: Any) -> None:
    imp = to_imageplus(make("czyx"))
    by_name = fiji.run("Voronoi-Otsu Labeling", imp=imp, channel="GFP", spot=0.6, outline=0.4)
    by_number = fiji.run("Voronoi-Otsu Labeling", imp=imp, channel=2, spot=0.6, outline=0.4)
    assert by_name["error"] is by_number["error"] is None
    np.testing.assert_array_equal(from_imageplus(by_name["labels"]).values, from_imageplus(by_number["labels"]).values)
    error = fiji.run("Voronoi-Otsu Labeling", imp=imp, channel="YFP", spot=0.6, outline=0.4)["error"]
    assert "Got the channel YFP; the image 'cells' has the channels 1: DAPI, 2: GFP, 3: Cy5." in error


def test_a_threshold_of_ones_own(fiji: Commands, nuclei: tuple[Any, Any]) -> None:
    image, _ = nuclei
    found = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image), threshold=150.5)
    expected = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9, threshold=150.5)
    np.testing.assert_array_equal(from_imageplus(found["labels"]).values, expected.values)


def test_a_threshold_for_each_object_and_borders_along_valleys(fiji: Commands, nuclei: tuple[Any, Any]) -> None:
    image, _ = nuclei
    options: dict[str, Any] = {"threshold": "local", "borders": "light"}
    labels = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image), **options)["labels"]
    expected = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9, **options)
    np.testing.assert_array_equal(from_imageplus(labels).values, expected.values)
    assert int((expected != iso.vol(image, spot_sigma=1.5, outline_sigma=0.9)).sum()) > 0


def test_sigmas_that_the_image_asks_for(fiji: Commands) -> None:
    image, _ = iso.sample(shape=(16, 160, 160), seed=1)
    by_command = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image), spot="auto", outline="auto")
    assert by_command["error"] is None
    expected = iso.vol(image, spot_sigma="auto", outline_sigma="auto")
    np.testing.assert_array_equal(from_imageplus(by_command["labels"]).values, expected.values)
    half = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(image), spot=1.6, outline="auto")
    np.testing.assert_array_equal(
        from_imageplus(half["labels"]).values, iso.vol(image, spot_sigma=1.6, outline_sigma=0.8).values
    )
    noise = iso.as_image(np.random.default_rng(0).integers(90, 110, (6, 40, 40)), voxel_size=1.0, unit="um")
    error = fiji.run("Voronoi-Otsu Labeling", imp=to_imageplus(noise.astype(np.uint8)), spot="auto")["error"]
    assert error.endswith("Give the sigmas yourself.")


def test_labels_open_where_objects_are(fiji: Commands) -> None:
    values = np.full((9, 32, 32), 10, np.uint8)
    values[6, 12:18, 12:18] = 200
    found = fiji.run(
        "Voronoi-Otsu Labeling",
        imp=to_imageplus(iso.as_image(values, voxel_size=1.0, unit="um")),
        spot=1.0,
        outline=0.5,
    )
    assert int(found["labels"].getSlice()) == 7


def test_a_unit_of_length_that_is_none(fiji: Commands) -> None:
    error = fiji.run("Set Voxel Size", imp=to_imageplus(make("zyx")), z=3.0, unit="parsec")["error"]
    assert error == "Got the unit parsec; needed is um, nm, mm, cm, m, inch or pixel."


def test_no_words_of_python(fiji: Commands, tmp_path: Path, imagej: Any) -> None:
    iso.write(tmp_path / "a.tif", make("zyx"))
    plain = to_imageplus(iso.as_image(np.zeros((3, 8, 8), np.uint8)))
    pixels = {"imp": plain, "unit": "um", "spot": 1.0, "outline": 1.0}
    errors = [
        fiji.run("Rescale to Isotropic", imp=plain)["error"],
        fiji.run("Compare Scalings", **pixels)["error"],
        fiji.run("Voronoi-Otsu Labeling", **pixels)["error"],
        *(fiji.run("Rescale File", input=tmp_path, output=tmp_path)["error"] for _ in range(2)),
    ]
    for error in errors:
        assert error is None or not any(word in error for word in ("set_voxel", "overwrite=", "--", "isoscale-ij "))
    assert "nothing is overwritten" in errors[-1]


def test_setting_the_voxel_size_is_undone(imagej: Any, fiji: Commands, menu: Menu) -> None:
    imp = to_imageplus(make("zyx"))
    imp.show()
    before = imp.getCalibration().copy()
    imagej.run(imp, "Set Voxel Size", SET)
    assert not imp.getCalibration().equals(before)
    jpype.JClass("ij.WindowManager").setTempCurrentImage(imp)
    jpype.JClass("ij.Undo").undo()
    assert imp.getCalibration().equals(before)
    np.testing.assert_array_equal(from_imageplus(imp).values, make("zyx").values)


def test_tables_have_a_number_in_each_cell(fiji: Commands, nuclei: tuple[Any, Any]) -> None:
    table = fiji.run("Compare Scalings", imp=to_imageplus(nuclei[0]))["table"]
    headings = [str(name) for name in table.getHeadings()]
    assert {f"voxel_size_{axis}" for axis in "zyx"} <= set(headings)
    assert "voxel_size" not in headings


def test_the_environment_names_appose(fiji: Commands) -> None:
    assert "Appose 0.9.0" in str(fiji.run("IsoScale Environment", action="show")["report"])


def test_a_program_finds_no_options_by_another_name(fiji: Commands) -> None:
    """Names of options are written down in macros for ever."""
    labelling = ["channel", "spot", "outline", "unit", "threshold", "borders"]
    names = {name: [str(item.getName()) for item in info.inputs()] for name, info in fiji.infos.items()}
    assert names == {
        "Rescale to Isotropic": ["imp", "target", "size", "unit", "interpolation", "antialias"],
        "Voronoi-Otsu Labeling": ["imp", *labelling, "rois", "results"],
        "Compare Scalings": ["imp", *labelling],
        "Set Voxel Size": ["imp", "x", "y", "z", "unit", "t", "time"],
        "IsoScale Environment": ["action"],
        "Rescale File": ["input", "output", "target", "size", "unit", "interpolation", "antialias"],
        "Label File": ["input", "output", *labelling],
        "Rescale": ["input", "output", "target", "size", "unit", "interpolation", "antialias"],
        "Label": ["input", "output", *labelling],
    }


def test_one_name_everywhere(fiji: Commands) -> None:
    for name, info in fiji.infos.items():
        titles = {"Rescale": "Rescale Files (batch processor)", "Label": "Label Files (batch processor)"}
        assert str(info.getTitle()) == titles.get(name, name)
