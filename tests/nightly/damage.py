"""Damaged files through every reader: only errors of ours come out, soon, and in little memory.

Each case is a number: from it follow the file, what is done to its bytes and what is read, so that a case
can be run again by itself: ``python tests/nightly/damage.py one 1234``. A run (``run CASES SECONDS``) is resumed
where it stopped.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".nightly" / "damage.json"
REAL = ROOT.parent / "shared" / "data"
_BATCH = 250
_SECONDS, _MEGABYTES = 10, 1000
_OF_A_KIND = 3
_LARGEST = 3 << 20  # real files above this take too long to copy so often


def originals(folder: Path) -> list[Path]:
    """Files to damage: our own in every dialect, and the real ones where they are."""
    import SimpleITK
    import tifffile

    import isoscale_ij as iso
    from isoscale_ij.files import endings

    image, truth = iso.sample(shape=(5, 24, 28), seed=1, n_objects=3)
    several = iso.as_image(np.stack([image, image // 2]), "czyx", voxel_size=(1.5, 0.16, 0.16), unit="um")
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "plain.tif": image,
        "labels.tif": truth,
        "channels.tif": several,
        "image.ome.tif": image,
        "image.ome.zarr": several,
        "two.ome.tif": several,
    }
    for name, what in made.items():
        if not (folder / name).exists():
            iso.write(folder / name, what)
    values = image.values
    for name, options in {
        "zlib.tif": {"compression": "zlib"},
        "tiled.tif": {"tile": (16, 16)},
        "big.tif": {"bigtiff": True},
        "zlib.ome.tif": {"compression": "zlib", "ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.2}},
        "imagej.tif": {"imagej": True, "resolution": (5, 5), "metadata": {"axes": "ZYX", "spacing": 2, "unit": "um"}},
        "motorola.tif": {"byteorder": ">"},
    }.items():
        if not (folder / name).exists():
            tifffile.imwrite(folder / name, values, **options)
    for ending in (".nrrd", ".nii", ".nii.gz", ".mrc"):
        if not (folder / f"itk{ending}").exists():
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(folder / f"itk{ending}"))
    real: dict[Path, list[Path]] = {}  # a few of each kind
    for path in sorted(REAL.rglob("*")) if REAL.is_dir() else []:
        if path.name.lower().endswith(endings()) and path.stat().st_size <= _LARGEST:
            real.setdefault(path.with_name(path.suffix), []).append(path)
    return [*sorted(folder.iterdir()), *(path for paths in real.values() for path in paths[:_OF_A_KIND])]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes, cut, overwritten, moved or swapped; mostly where the headers are."""
    found = bytearray(data)

    def place() -> int:
        size = len(found)
        begin, end = chance.randrange(min(size, 600)), size - 1 - chance.randrange(min(size, 4000))
        return chance.choice([chance.randrange(size), begin, max(0, end)])

    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        if len(found) < 2:
            break
        way, at = chance.randrange(7), place()
        if way == 0:
            del found[at:]
        elif way == 1:
            found[at] = chance.randrange(256)
        elif way == 2:
            found[at : at + 4] = chance.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x01\0\0\0"])
        elif way == 3:
            length = chance.choice([1, 2, 12, 100])
            del found[at : at + length]
        elif way == 4:
            found[at:at] = chance.randbytes(chance.choice([1, 4, 12]))
        elif way == 5:
            other, length = place(), chance.choice([2, 4, 12])
            found[at : at + length] = found[other : other + length]
        else:
            found[at : at + 8] = chance.randbytes(8)
    return bytes(found)


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of all files in a folder."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return {str(file): file.read_bytes() for file in files}


def one(number: int, files: list[Path], folder: Path) -> str | None:
    """Run one case; what was wrong, or None."""
    import isoscale_ij as iso
    from isoscale_ij.cli import main

    chance = random.Random(number)
    original = files[number % len(files)]
    path = folder / f"case{''.join(original.suffixes)}"
    if original.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(original, path)
        part = chance.choice(sorted(file for file in path.rglob("*") if file.is_file()))
        part.write_bytes(damaged(part.read_bytes(), chance))
    else:
        path.write_bytes(damaged(original.read_bytes(), chance))
    way = chance.randrange(3)
    begin = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if way == 0:
                np.asarray(iso.read(path))
            elif way == 1:
                status = main(["info", str(path)])
                if status not in (0, 1):
                    return f"info gave {status}"
            else:
                before = contents(path)
                if main(["set-voxel-size", str(path), "--x", "0.3um", "--y", "0.3um"]) and contents(path) != before:
                    return "a failed set-voxel-size changed the file"
    except (iso.IsoscaleError, OSError):
        pass
    except BaseException as error:  # noqa: BLE001  (whatever it is, it is what is looked for)
        return f"{type(error).__name__}: {error}"[:200]
    seconds = time.perf_counter() - begin
    return f"took {seconds:.0f} s" if seconds > _SECONDS else None


def batch(first: int, last: int) -> None:
    """The cases first … last - 1, in this process; prints a line before and after each."""
    import isoscale_ij as iso

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = originals(STATE.parent / "originals")
        sys.stdout, out = (folder / "out").open("w"), sys.stdout
        sys.stderr = sys.stdout
        for path in files:  # what is imported on the way is no case's time, or memory
            with suppress(iso.IsoscaleError), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                np.asarray(iso.read(path))
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(first, last):
            print(json.dumps({"begin": number}), file=out, flush=True)
            wrong = one(number, files, folder)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if wrong is None and (peak - base) / 1024 > _MEGABYTES:
                wrong, base = f"took {(peak - base) // 1024} MB", peak
            if wrong:
                print(json.dumps({"wrong": number, "what": wrong}), file=out, flush=True)
        print(json.dumps({"done": last}), file=out, flush=True)


def run(count: int, seconds: float) -> dict[str, Any]:
    """Cases until there are `count` or the time is up, going on where the last run stopped."""
    STATE.parent.mkdir(exist_ok=True)
    state: dict[str, Any] = json.loads(STATE.read_text()) if STATE.exists() else {"next": 0, "wrong": {}}
    end = time.monotonic() + seconds
    while state["next"] < count and time.monotonic() < end:
        first = state["next"]
        last = min(first + _BATCH, count)
        begun = first
        process = subprocess.Popen(
            [sys.executable, __file__, "batch", str(first), str(last)], stdout=subprocess.PIPE, text=True
        )
        watch = Timer(_BATCH * 2, process.kill)
        watch.start()
        assert process.stdout is not None
        finished = False
        for line in process.stdout:
            message = json.loads(line)
            begun = message.get("begin", begun)
            if "wrong" in message:
                state["wrong"][str(message["wrong"])] = message["what"]
            finished |= "done" in message
        watch.cancel()
        process.wait()
        if not finished:  # it hung or died in this case: the next batch begins after it
            state["wrong"][str(begun)] = f"the process ended with {process.returncode}"
            last = begun + 1
        state["next"] = last
        STATE.write_text(json.dumps(state))
    return {"cases": state["next"], "wrong": state["wrong"], "files": len(originals(STATE.parent / "originals"))}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1] == "batch":
        batch(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "one":
        with tempfile.TemporaryDirectory() as temporary:
            print(one(int(sys.argv[2]), originals(STATE.parent / "originals"), Path(temporary)))
    else:
        print(json.dumps(run(int(sys.argv[2]), float(sys.argv[3]))))
