"""What goes wrong, in words that can be typed: sentences of the Python package name its functions and arguments."""

from __future__ import annotations

import re

_SET = "isoscale-ij set-voxel-size"
_TYPED: tuple[tuple[str, str], ...] = (
    (r"[Ss]et it with set_voxel_size\(…, unit=…\)( or as coords' attrs\['units'\])?", f"Set it: {_SET} FILE --unit um"),
    (r"(without a unit(; is that right\?| on \w+\.|\.)) Set it with set_voxel_size( \(command line: [^)]*\))?",
     rf"\1 Set it: {_SET} FILE --unit um"),
    (r"set the image's unit with set_voxel_size", f"set the image's unit: {_SET} FILE --unit um"),
    (r"(?P<python>[\w.]+(=[^\s()]*|\([^()]*\))?) \(command line: (?P<typed>[^)]*)\)", r"\g<typed>"),
    (r"\bset_voxel_size\b", _SET),
    (r"\bscene=…", "--scene"),
    (r"; the values are lazy, a dask array\. Write them, or look at a part\.", "."),
    (r"\bmemory_limit allows\b", "--memory-limit allows"),
    (r"(Got the folder (.*); needed is an image file \(.*\)\.)$",
     r'\1 Name a file in it, or where several can be done all of them: "\2/*.tif".'),
)  # fmt: skip


def in_terminal(sentence: str) -> str:
    """The sentence without what only a Python program can do."""
    for python, typed in _TYPED:
        sentence = re.sub(python, typed, sentence)
    return sentence
