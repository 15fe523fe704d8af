"""What is on the screen of a real ImageJ2, and what somebody does there: windows, dialogs, buttons, macros."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


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
    settle(imp.getWindow())


def settle(window: Any) -> None:
    """Wait until the window manager has made a window the active one; where there is none, it has had its time."""
    deadline = time.monotonic() + 2
    while not window.isActive() and time.monotonic() < deadline:
        time.sleep(0.05)


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

    settle(window)  # nobody presses a button of a window that is still coming up, and Java does not like it
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


def type_into(box: Any, text: str) -> None:
    """Type into a choice that also takes other text."""
    box.getEditor().getEditorComponent().setText(text)


def choose(gateway: Any, command: str) -> Any:
    """Choose a command in the menu; gives its dialog."""
    gateway.IJ.doCommand(command)
    return wait_for(lambda: next((one for one in dialogs() if str(one.getTitle()) == command), None))


def macro(gateway: Any, text: str) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(daemon=True, target=lambda: answers.append(gateway.IJ.runMacro(text)))
    thread.start()
    return thread, answers


def litter() -> list[str]:
    """Windows that nobody asked for: texts and numbers as displays, a console."""
    names = [f"{window.getClass().getSimpleName()}" for window in windows()]
    titles = [str(window.getTitle()) for window in windows() if hasattr(window, "getTitle")]
    return [name for name in names if name == "SwingDisplayWindow"] + [title for title in titles if title == "Console"]


def tidy(gateway: Any) -> None:
    for window in dialogs():
        window.dispose()
    for number in list(gateway.WindowManager.getIDList() or []):
        imp = gateway.WindowManager.getImage(number)
        imp.changes = False
        imp.close()
