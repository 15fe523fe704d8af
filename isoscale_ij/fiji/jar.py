"""The jar of commands: the scripts of ``fiji_scripts/``, and what they have to know of this installation.

It holds no compiled code, so no JDK is needed to build it. The same scripts give the same bytes.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import isoscale_ij

PROPERTIES = "isoscale.properties"
_EPOCH = (2020, 1, 1, 0, 0, 0)


def name() -> str:
    """The file name of the jar of this version."""
    return f"isoscale-ij-{isoscale_ij.__version__}.jar"


def scripts_folder() -> Path:
    """Where the scripts are: in the package where it is installed, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    inside, beside = here / "fiji_scripts", here.parents[1] / "fiji_scripts"
    return inside if inside.is_dir() else beside


def build(path: Path, settings: dict[str, str]) -> None:
    """Write the jar; `settings` go into its properties beside the version."""
    folder = scripts_folder()
    lines = {"version": isoscale_ij.__version__, **settings}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as jar:
        _add(
            jar, "META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\nImplementation-Version: {lines['version']}\r\n\r\n"
        )
        _add(jar, PROPERTIES, "".join(f"{key}={_escaped(value)}\n" for key, value in lines.items()))
        for source in sorted(folder.rglob("*")):
            entry = source.relative_to(folder).as_posix()
            if source.is_dir():
                jar.writestr(zipfile.ZipInfo(f"{entry}/", _EPOCH), b"")  # without these, Fiji does not look inside
            elif source.suffix == ".groovy":
                _add(jar, entry, source.read_text(encoding="utf-8"))


def properties(path: Path) -> dict[str, str]:
    """What a jar says of itself; empty if it is none of ours."""
    try:
        with zipfile.ZipFile(path) as jar:
            text = jar.read(PROPERTIES).decode("latin-1")
    except (OSError, KeyError, zipfile.BadZipFile):
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.encode("latin-1").decode("unicode_escape") for key, _, value in pairs}


def main() -> None:
    """Write the jar into the folder that is named; without a Python, so that it makes its own on first use."""
    import sys

    target = Path(sys.argv[1] if len(sys.argv) > 1 else "dist") / name()
    target.parent.mkdir(parents=True, exist_ok=True)
    build(target, {})
    sys.stdout.write(f"{target}\n")


def _add(jar: zipfile.ZipFile, entry: str, text: str) -> None:
    info = zipfile.ZipInfo(entry, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    jar.writestr(info, text.encode("utf-8"))


def _escaped(value: str) -> str:
    r"""As Java's properties want it: a backslash doubled, what is not ASCII as ``\uXXXX``."""
    return "".join(
        "\\\\" if letter == "\\" else letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in value
    )


if __name__ == "__main__":
    main()
