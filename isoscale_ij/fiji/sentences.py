"""What goes wrong, in the words of Fiji's menu: sentences of the Python package name its functions and arguments."""

from __future__ import annotations

import re

_SET = "Plugins > IsoScale > Set Voxel Size"
_IN_FIJI: tuple[tuple[str, str], ...] = (
    (r"set_voxel_size ?(\([^)]*\))?( \(command line: isoscale-ij set-voxel-size[^)]*\))?", _SET),
    (r" or as coords' attrs\['units'\]", ""),
    (r"Choose another name, or allow it with overwrite=True \(command line: --overwrite\)\.?",
     "Move it, or choose another folder; nothing is overwritten."),
    (r", or rescale by a factor", ""),
    (r', or give the size in voxels \("2 px"\), as "finest", or a factor', ', or choose "finest"'),
    (r', or give the sigma in voxels, as "10 px"', ", or give the sigmas in voxels"),
    (r" ?\(command line: [^)]*\)", ""),
    (r"\bb('[^']*')", r"\1"),
)  # fmt: skip


def in_fiji(sentence: str) -> str:
    """The sentence on one line, without words that a person in front of Fiji cannot type anywhere."""
    text = " ".join(sentence.split())
    for python, menu in _IN_FIJI:
        text = re.sub(python, menu, text)
    return text
