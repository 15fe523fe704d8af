"""The second tier with windows: what somebody sees who sits at a real ImageJ2.

``ISOSCALE_FIJI=/path/to/Fiji.app xvfb-run pytest -m imagej2 tests/test_imagej2_windows.py`` runs it, by itself,
with the commands installed there; any display serves as well.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
from images import make
from screen import (
    activate,
    choose,
    dialogs,
    field,
    litter,
    macro,
    parts,
    press,
    said,
    settle,
    tidy,
    type_into,
    wait_for,
    windows,
)

pytestmark = pytest.mark.imagej2

RESCALE = 'run("Rescale to Isotropic", "target=finest size=1 unit=image interpolation=auto antialias=true"); '


@pytest.fixture(scope="module")
def gateway() -> Any:
    fiji = os.environ.get("ISOSCALE_FIJI")
    if not fiji:
        pytest.skip("there is no ImageJ2 here: set ISOSCALE_FIJI=/path/to/Fiji.app")
    if not os.environ.get("DISPLAY") and sys.platform.startswith("linux"):
        pytest.skip("there is no display here: run it with xvfb-run")
    from isoscale_ij.imagej.jvm import is_running

    if is_running():
        pytest.skip("another Java runs in this process: run this file by itself")
    pyimagej = pytest.importorskip("imagej")
    import scyjava

    scyjava.config.set_java_constraints(fetch="auto")
    scyjava.config.endpoints.clear()
    made = pyimagej.init(fiji, mode="interactive")
    iso.imagej.start()
    made.ui().showUI()
    if not any("IsoScale" in str(info.getMenuPath()) for info in made.module().getModules()):
        pytest.skip("the commands are not in this Fiji: isoscale-ij fiji install $ISOSCALE_FIJI")
    made.module()  # Groovy is compiled and Python runs before somebody waits for a dialog
    made.IJ.run("IsoScale Environment", "action=show")
    return made


@pytest.fixture(autouse=True)
def _a_tidy_desk(gateway: Any) -> None:
    """What ImageJ2 itself has to say at its start stands in its Console."""
    for window in windows():
        if hasattr(window, "getTitle") and str(window.getTitle()) == "Console":
            window.dispose()


@pytest.fixture
def three(gateway: Any) -> Iterator[list[Any]]:
    """Three open images of different widths; B is the active one."""
    found = []
    for number, title in enumerate("ABC"):
        imp = iso.imagej.to_imageplus(make("zyx").isel(x=slice(0, 5 + number)).rename(title))
        imp.show()
        settle(wait_for(imp.getWindow))
        found.append(imp)
    activate(gateway, found[1])
    yield found
    tidy(gateway)


def depths(images: list[Any]) -> list[float]:
    return [float(imp.getCalibration().pixelDepth) for imp in images]


def test_the_active_image_through_the_dialog(gateway: Any, three: list[Any]) -> None:
    dialog = choose(gateway, "Set Voxel Size")
    assert not any(str(part.getName()) == "imp" for part in parts(dialog))
    assert str(field(dialog, "z").getText()) == "1.5"  # what the image has
    field(dialog, "z").setText("7")
    press(dialog, "OK")
    wait_for(lambda: depths(three) == [1.5, 7.0, 1.5])
    activate(gateway, three[1])
    gateway.IJ.doCommand("Undo")
    wait_for(lambda: depths(three) == [1.5, 1.5, 1.5])
    assert litter() == []


def test_the_size_is_predicted_while_somebody_chooses(gateway: Any, three: list[Any]) -> None:
    dialog = choose(gateway, "Rescale to Isotropic")
    assert not field(dialog, "size").isEnabled() or str(field(dialog, "target").getSelectedItem()) == "own"
    field(dialog, "target").setSelectedItem("own")
    wait_for(lambda: field(dialog, "size").isEnabled())
    field(dialog, "size").setText("0.5")
    wait_for(lambda: "each 0.5 x 0.5 x 0.5" in said(dialog))
    field(dialog, "size").setText("0")
    wait_for(lambda: "needed is a number above 0" in said(dialog))
    press(dialog, "Cancel")
    wait_for(lambda: not dialogs())
    assert len(list(gateway.WindowManager.getIDList())) == 3
    assert litter() == []


def test_a_result_through_the_dialog(gateway: Any, three: list[Any]) -> None:
    dialog = choose(gateway, "Rescale to Isotropic")
    field(dialog, "target").setSelectedItem("finest")
    press(dialog, "OK")
    result = wait_for(lambda: gateway.WindowManager.getImage("B-rescaled"))
    assert int(result.getWidth()) == int(three[1].getWidth())
    time.sleep(1)
    assert litter() == []


def test_every_field_says_what_it_is(gateway: Any, three: list[Any]) -> None:
    for command in ("Rescale to Isotropic", "Voronoi-Otsu Labeling", "Compare Scalings", "Set Voxel Size"):
        dialog = choose(gateway, command)
        kinds = ("JComboBox", "JTextField", "JCheckBox", "JButton")
        fields = [
            part for part in parts(dialog) if str(part.getClass().getSimpleName()) in kinds and part.isFocusable()
        ]
        assert fields
        assert all(part.getToolTipText() for part in fields)
        press(dialog, "Cancel")
        wait_for(lambda: not dialogs())


def test_what_the_recorder_writes_runs_again(gateway: Any, three: list[Any]) -> None:
    gateway.IJ.run("Record...")
    recorder = wait_for(lambda: next((w for w in windows() if str(w.getClass().getSimpleName()) == "Recorder"), None))
    activate(gateway, three[1])
    dialog = choose(gateway, "Rescale to Isotropic")
    field(dialog, "target").setSelectedItem("finest")
    press(dialog, "OK")
    wait_for(lambda: gateway.WindowManager.getImage("B-rescaled"))
    line = 'run("Rescale to Isotropic", "target=finest size='
    wait_for(lambda: line in str(recorder.getText()))
    text = str(recorder.getText())
    recorder.close()
    activate(gateway, three[2])
    thread, _ = macro(gateway, 'selectImage("A"); ' + text[text.index(line) :].splitlines()[0])
    thread.join(30)
    wait_for(lambda: gateway.WindowManager.getImage("A-rescaled"))


def test_a_batch_macro_saves_the_result(gateway: Any, three: list[Any], tmp_path: Path) -> None:
    image = iso.set_voxel_size(make("zyx"), z=1.5, y=0.25, x=0.25)
    iso.write(tmp_path / "in.tif", image)
    thread, answers = macro(
        gateway,
        f'setBatchMode(true); open("{tmp_path}/in.tif"); {RESCALE} saveAs("Tiff", "{tmp_path}/out.tif"); close(); '
        'return getTitle() + " " + nImages;',
    )
    thread.join(60)
    np.testing.assert_array_equal(iso.read(tmp_path / "out.tif").values, iso.rescale(image, "finest").values)
    assert [str(answer) for answer in answers] == ["in.tif 4"]


@pytest.mark.parametrize("batch", ["", "setBatchMode(true); "])
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ('run("Voronoi-Otsu Labeling", "channel=7 spot=2"); ', "Got the channel 7"),
        ('run("Rescale to Isotropic", "target=fines"); ', "Got target=fines"),
        ('run("Rescale to Isotropic", "taget=x"); ', "has no option taget"),
        ('run("Set Voxel Size", "imp=nosuch z=3"); ', "No open image has the title 'nosuch'"),
    ],
)
def test_an_error_stops_the_macro_with_a_sentence(
    gateway: Any, three: list[Any], tmp_path: Path, batch: str, command: str, sentence: str
) -> None:
    thread, _ = macro(gateway, f'{batch}selectImage("B"); {command}File.append("on", "{tmp_path}/on.txt");')
    dialog = wait_for(lambda: next((one for one in dialogs() if "Error" in str(one.getTitle())), None))
    assert sentence in said(dialog)
    press(dialog, "OK")
    thread.join(20)
    assert not thread.is_alive()
    assert not (tmp_path / "on.txt").exists()
    assert depths(three) == [1.5] * 3
    assert litter() == []


def test_with_no_image_open_that_is_said_first(gateway: Any) -> None:
    gateway.IJ.doCommand("Voronoi-Otsu Labeling")
    dialog = wait_for(lambda: next(iter(dialogs()), None))
    assert "MessageDialog" in str(dialog.getClass().getName())
    press(dialog, "OK")
    wait_for(lambda: not dialogs())
    assert litter() == []


@pytest.fixture
def nuclei(gateway: Any) -> Iterator[Any]:
    """An image with objects, active, and its ImagePlus."""
    image, _ = iso.sample(shape=(16, 160, 160), seed=1)
    imp = iso.imagej.to_imageplus(image.rename("nuclei"))
    imp.show()
    wait_for(lambda: imp.getWindow() is not None)
    activate(gateway, imp)
    yield image, imp
    tidy(gateway)


def test_suggest_fills_in_the_fields(gateway: Any, nuclei: Any) -> None:
    image, _ = nuclei
    suggestion = iso.suggest_sigmas(image)
    dialog = choose(gateway, "Voronoi-Otsu Labeling")
    assert "A voxel is " in said(dialog)
    field(dialog, "unit").setSelectedItem("voxels")
    field(dialog, "spot").setText("9")
    field(dialog, "outline").setText("9")
    type_into(field(dialog, "threshold"), "otsu")
    field(dialog, "borders").setSelectedItem("distance")
    press(dialog, "Suggest")
    wait_for(lambda: suggestion.reason in said(dialog))
    time.sleep(0.5)  # of what was filled in nothing comes late, and what is said of it stays
    assert suggestion.reason in said(dialog)
    assert [float(str(field(dialog, key).getText())) for key in ("spot", "outline")] == [
        suggestion.spot_sigma, suggestion.outline_sigma,
    ]  # fmt: skip
    assert str(field(dialog, "unit").getSelectedItem()) == "image unit"
    press(dialog, "OK")
    labels = wait_for(lambda: gateway.WindowManager.getImage("nuclei-labels"))
    expected = iso.vol(image, spot_sigma=suggestion.spot_sigma, outline_sigma=suggestion.outline_sigma)
    np.testing.assert_array_equal(iso.imagej.from_imageplus(labels).values, expected.values)
    assert litter() == []


def test_a_threshold_that_somebody_types_is_recorded_and_runs_again(gateway: Any, nuclei: Any) -> None:
    image, imp = nuclei
    threshold = int(iso.vol(image, spot_sigma=1.4, outline_sigma=0.9).attrs["threshold"]) + 20.5
    gateway.IJ.run("Record...")
    recorder = wait_for(lambda: next((w for w in windows() if str(w.getClass().getSimpleName()) == "Recorder"), None))
    activate(gateway, imp)
    dialog = choose(gateway, "Voronoi-Otsu Labeling")
    field(dialog, "spot").setText("1.4")
    field(dialog, "outline").setText("0.9")
    field(dialog, "borders").setSelectedItem("light")
    type_into(field(dialog, "threshold"), "bright")
    preview = next(part for part in parts(dialog) if hasattr(part, "getText") and str(part.getText()) == "Preview")
    preview.doClick()
    wait_for(lambda: "Got the threshold bright" in said(dialog))
    type_into(field(dialog, "threshold"), str(threshold))
    expected = iso.vol(image, spot_sigma=1.4, outline_sigma=0.9, threshold=threshold, borders="light")
    wait_for(lambda: f"{int(expected.max())} objects" in said(dialog))
    press(dialog, "OK")
    labels = wait_for(lambda: gateway.WindowManager.getImage("nuclei-labels"))
    np.testing.assert_array_equal(iso.imagej.from_imageplus(labels).values, expected.values)
    text = str(wait_for(lambda: "threshold=" in str(recorder.getText()) and recorder.getText()))
    recorder.close()
    line = next(line for line in text.splitlines() if line.startswith('run("Voronoi-Otsu Labeling"'))
    assert f"threshold={threshold} borders=light" in line
    labels.close()
    thread, _ = macro(gateway, f'selectImage("nuclei"); {line}')
    thread.join(30)
    again = wait_for(lambda: gateway.WindowManager.getImage("nuclei-labels"))
    np.testing.assert_array_equal(iso.imagej.from_imageplus(again).values, expected.values)


def test_files_through_the_dialog(gateway: Any, tmp_path: Path) -> None:
    image = make("zyx")
    iso.write(tmp_path / "a.tif", image)
    (tmp_path / "results").mkdir()
    gateway.IJ.run("Record...")
    recorder = wait_for(lambda: next((w for w in windows() if str(w.getClass().getSimpleName()) == "Recorder"), None))
    dialog = choose(gateway, "Rescale File")
    field(dialog, "input").setText("")
    wait_for(lambda: "Choose an image file" in said(dialog))
    press(dialog, "OK")
    wait_for(lambda: "Got no file or folder" in said(dialog))
    field(dialog, "input").setText(str(tmp_path / "a.tif"))
    field(dialog, "output").setText(str(tmp_path / "results"))
    wait_for(lambda: "1 file: a.tif." in said(dialog))
    press(dialog, "Browse…")
    chooser = wait_for(lambda: next((one for one in dialogs() if str(one.getTitle()) == "File or folder"), None))
    press(chooser, "Cancel")
    wait_for(lambda: len(dialogs()) == 1)
    field(dialog, "target").setSelectedItem("finest")
    wait_for(lambda: not field(dialog, "size").isEnabled())
    field(dialog, "target").setSelectedItem("own")
    wait_for(lambda: field(dialog, "size").isEnabled())
    field(dialog, "size").setText("0.5")
    press(dialog, "OK")
    wait_for((tmp_path / "results" / "a-rescaled.tif").exists)
    np.testing.assert_array_equal(
        iso.read(tmp_path / "results" / "a-rescaled.tif").values, iso.rescale(image, 0.5).values
    )
    text = str(wait_for(lambda: "Rescale File" in str(recorder.getText()) and recorder.getText()))
    recorder.close()
    (tmp_path / "results" / "a-rescaled.tif").unlink()
    thread, _ = macro(gateway, next(line for line in text.splitlines() if "Rescale File" in line))
    thread.join(30)
    assert (tmp_path / "results" / "a-rescaled.tif").exists()
    assert litter() == []


def test_the_batch_processor(gateway: Any, tmp_path: Path) -> None:
    from jpype import JArray
    from scyjava import jimport

    command = gateway.command().getCommand("org.scijava.batch.ModuleBatchProcessor")
    if command is None:
        pytest.skip("this Fiji has no batch processor")
    batches = gateway.context().service("org.scijava.batch.BatchService")
    info = next(
        info for info in gateway.script().getScripts() if str(info.getPath()).endswith("Processor/Rescale.groovy")
    )
    assert [str(item.getName()) for item in batches.batchableInputs(info)] == ["input"]
    paths = [tmp_path / "a.tif", tmp_path / "none.tif", tmp_path / "b.tif"]
    for path in paths[::2]:
        iso.write(path, make("zyx"))
    (tmp_path / "results").mkdir()
    inputs = jimport("java.util.HashMap")()
    inputs.put("moduleInfo", info)
    file = jimport("java.io.File")
    inputs.put("inputFileList", JArray(file)([file(str(path)) for path in paths]))
    running = gateway.module().run(command, True, inputs)
    dialog = wait_for(lambda: next(iter(dialogs()), None))
    text = [part for part in parts(dialog) if str(part.getClass().getSimpleName()) == "JTextField"]
    text[0].setText(str(tmp_path / "results"))
    time.sleep(0.3)
    press(dialog, "OK")
    table = running.get().getOutput("outputTable")
    columns = {str(table.getColumnHeader(index)): index for index in range(int(table.getColumnCount()))}
    written, errors = ([table.get(columns[name], row) for row in range(3)] for name in ("written", "error"))
    assert [value is None for value in written] == [False, True, False]
    assert [value is None for value in errors] == [True, False, True]
    for path in paths[::2]:
        assert (tmp_path / "results" / f"{path.stem}-rescaled.tif").exists()
    for window in windows():  # the table is the batch processor's own
        if str(window.getClass().getSimpleName()) == "SwingDisplayWindow":
            window.dispose()


def test_compared_labels_open_where_objects_are(gateway: Any, nuclei: Any) -> None:
    dialog = choose(gateway, "Compare Scalings")
    field(dialog, "spot").setText("1.4")
    field(dialog, "outline").setText("0.9")
    press(dialog, "OK")
    wait_for(lambda: int(gateway.WindowManager.getImageCount()) == 6, 60)
    for number in list(gateway.WindowManager.getIDList()):
        imp = gateway.WindowManager.getImage(number)
        if "labels" in str(imp.getTitle()):
            wait_for(lambda imp=imp: imp.getProcessor().getStats().max > 0)


def test_labels_are_previewed(gateway: Any) -> None:
    image, _ = iso.sample(shape=(12, 64, 64), n_objects=6)
    imp = iso.imagej.to_imageplus(image)
    imp.show()
    wait_for(lambda: imp.getWindow() is not None)
    activate(gateway, imp)
    dialog = choose(gateway, "Voronoi-Otsu Labeling")
    field(dialog, "unit").setSelectedItem("um")
    field(dialog, "spot").setText("1.4")
    field(dialog, "outline").setText("0.9")
    preview = next(part for part in parts(dialog) if hasattr(part, "getText") and str(part.getText()) == "Preview")
    preview.doClick()
    wait_for(lambda: imp.getOverlay() is not None)
    wait_for(lambda: "objects" in said(dialog))
    press(dialog, "Cancel")
    wait_for(lambda: imp.getOverlay() is None)
    imp.changes = False
    imp.close()
