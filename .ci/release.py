"""A release, or all of it but the upload: build, check, install the wheel in a fresh environment, run it.

``make release`` is the dry run. ``python .ci/release.py --upload`` uploads after the same steps, where the
working tree is clean and its commit has the tag of the version.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; what it says. What fails ends the release."""
    print("$", *command, flush=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nThis failed: {' '.join(map(str, command))}. Nothing has been uploaded.")
    return done.stdout


def check_tag(version: str) -> None:
    """What is uploaded is what is tagged."""
    if run("git", "status", "--porcelain").strip():
        sys.exit("The working tree has changes; needed is a clean one. Commit them first.")
    if f"v{version}" not in run("git", "tag", "--points-at", "HEAD").split():
        sys.exit(f"This commit has no tag v{version}. Make one: git tag v{version}")


def try_wheel(wheel: Path, folder: Path) -> None:
    """Install it where nothing of ours is, and use it."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    run(python, "-m", "isoscale_ij", "doctor", cwd=folder)
    run(python, "-m", "isoscale_ij", "demo", "demo", cwd=folder)
    jars = folder / "Fiji.app" / "jars"  # as far as the command looks: the names of ImageJ and of Appose
    jars.mkdir(parents=True)
    for name in ("ij-1.54p.jar", "appose-0.9.0.jar"):
        (jars / name).touch()
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[imagej]")
    run(python, "-m", "isoscale_ij", "fiji", "install", folder / "Fiji.app", cwd=folder)
    if not list((folder / "Fiji.app").rglob("*soscale*.jar")):
        sys.exit("fiji install has put no jar into the Fiji.")


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upload", action="store_true", help="upload at the end; without it this is a dry run")
    upload = parser.parse_args().upload
    version = run(sys.executable, "-c", "import isoscale_ij; print(isoscale_ij.__version__)").strip()
    if upload:
        check_tag(version)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", "dist", ".")
    files = sorted((ROOT / "dist").iterdir())
    run(sys.executable, "-m", "twine", "check", "--strict", *files)
    with tempfile.TemporaryDirectory() as folder:
        try_wheel(next(path for path in files if path.suffix == ".whl"), Path(folder))
    if upload:
        run(sys.executable, "-m", "twine", "upload", *files)
    print(f"{version}: {'uploaded' if upload else 'ready; this was a dry run'}")


if __name__ == "__main__":
    main()
