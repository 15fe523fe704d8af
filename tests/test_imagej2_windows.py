"""The second tier with windows: what somebody sees who sits at a real ImageJ2.

``ISOSCALE_FIJI=/path/to/Fiji.app xvfb-run pytest -m imagej2 tests/test_imagej2_windows.py`` runs it, by itself,
with the commands installed there; any display serves as well.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
from images import make

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
        found.append(imp)
    wait_for(lambda: all(imp.getWindow() is not None for imp in found))
    activate(gateway, found[1])
    yield found
    tidy(gateway)


def tidy(gateway: Any) -> None:
    for window in dialogs():
        window.dispose()
    for number in list(gateway.WindowManager.getIDList() or []):
        imp = gateway.WindowManager.getImage(number)
        imp.changes = False
        imp.close()


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen; windows: " + "; ".join(said(window) for window in windows()))


def activate(gateway: Any, imp: Any) -> None:
    """As a click on its window does."""
    gateway.IJ.selectWindow(imp.getID())
    wait_for(lambda: imp.equals(gateway.WindowManager.getCurrentImage()))
    time.sleep(0.3)  # the window manager has its say


def windows() -> list[Any]:
    from scyjava import jimport

    return [window for window in jimport("java.awt.Window").getWindows() if window.isShowing()]


def dialogs() -> list[Any]:
    from scyjava import jimport

    return [window for window in windows() if isinstance(window, jimport("java.awt.Dialog"))]


def parts(container: Any) -> list[Any]:
    """All components of a window, of AWT and of Swing."""
    found = [container]
    for part in container.getComponents() if hasattr(container, "getComponents") else ():
        found += parts(part)
    return found


def press(window: Any, text: str) -> None:
    from jpype import JImplements, JOverride
    from scyjava import jimport

    buttons = [part for part in parts(window) if hasattr(part, "getActionListeners")]
    label = next(b for b in buttons if str(getattr(b, "getText", getattr(b, "getLabel", str))()).strip() == text)

    @JImplements("java.lang.Runnable")
    class Press:
        @JOverride
        def run(self) -> None:
            if hasattr(label, "doClick"):
                label.doClick()
            else:
                event = jimport("java.awt.event.ActionEvent")
                label.dispatchEvent(event(label, event.ACTION_PERFORMED, label.getLabel()))

    deadline = time.monotonic() + 2
    while not window.isActive() and time.monotonic() < deadline:
        time.sleep(0.05)  # nobody presses a button of a window that is still coming up, and Java does not like it
    jimport("java.awt.EventQueue").invokeLater(Press())


def said(window: Any) -> str:
    """All that stands in a window, that of ImageJ's labels of several lines included."""
    found = parts(window)
    texts = [getattr(part, name)() for part in found for name in ("getText", "getLabel") if hasattr(part, name)]
    for part in found:
        if str(part.getClass().getSimpleName()) == "MultiLineLabel":
            lines = part.getClass().getDeclaredField("lines")
            lines.setAccessible(True)
            texts += list(lines.get(part))
    return "\n".join(map(str, texts))


def field(window: Any, name: str) -> Any:
    return next(part for part in parts(window) if str(part.getName()) == name)


def choose(gateway: Any, command: str) -> Any:
    """Choose a command in the menu; gives its dialog."""
    gateway.IJ.doCommand(command)
    return wait_for(lambda: next((one for one in dialogs() if str(one.getTitle()) == command), None))


def macro(gateway: Any, text: str) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(daemon=True, target=lambda: answers.append(gateway.IJ.runMacro(text)))
    thread.start()
    return thread, answers


def depths(images: list[Any]) -> list[float]:
    return [float(imp.getCalibration().pixelDepth) for imp in images]


def litter() -> list[str]:
    """Windows that nobody asked for: texts and numbers as displays, a console."""
    names = [f"{window.getClass().getSimpleName()}" for window in windows()]
    titles = [str(window.getTitle()) for window in windows() if hasattr(window, "getTitle")]
    return [name for name in names if name == "SwingDisplayWindow"] + [title for title in titles if title == "Console"]


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


def type_into(box: Any, text: str) -> None:
    """Type into a choice that also takes other text."""
    box.getEditor().getEditorComponent().setText(text)


def test_suggest_fills_in_the_fields(gateway: Any, nuclei: Any) -> None:
    image, _ = nuclei
    suggestion = iso.suggest_sigmas(image)
    dialog = choose(gateway, "Voronoi-Otsu Labeling")
    assert "A voxel is " in said(dialog)
    field(dialog, "unit").setSelectedItem("voxels")
    field(dialog, "spot").setText("9")
    field(dialog, "outline").setText("9")
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
