"""OME-XML: what it says of the images, and changes of single attributes in its text.

A change leaves every other letter of the text as it is: comments, prefixes, what other programs wrote.
Where an image begins, its kind and its other attributes stand in a map annotation of our own
namespace; stage positions, which OME-XML gives per plane, say nothing of it and are left alone.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from isoscale_ij.errors import FormatError
from isoscale_ij.files import markup

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
NAMESPACE = "isoscale-ij"
CALIBRATION = {"x": "PhysicalSizeX", "y": "PhysicalSizeY", "z": "PhysicalSizeZ", "t": "TimeIncrement"}
DEFAULT_UNITS = {"z": "micrometer", "y": "micrometer", "x": "micrometer", "t": "second"}
_MOST_PLANES = 2**21
_SET_APART = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def parsed(text: str) -> ElementTree.Element:
    """The root of an OME-XML.

    Raises
    ------
    FormatError
        If it is no XML, or declares entities.
    """
    return markup.parsed(text, "The OME-XML")


def images(root: ElementTree.Element) -> list[tuple[ElementTree.Element, ElementTree.Element]]:
    """Its images with their pixels."""
    pairs = [(image, image.find("{*}Pixels")) for image in root.findall("{*}Image")]
    return [(image, pixels) for image, pixels in pairs if pixels is not None]


def companion(root: ElementTree.Element) -> str | None:
    """The name of the file that has the OME-XML in place of this one, or None."""
    only = root.find("{*}BinaryOnly")
    return None if only is None else only.get("MetadataFile")


def files_of(pixels: ElementTree.Element) -> dict[str, str]:
    """The names of the files in which the planes of an image are, and their UUIDs; none where it is one file."""
    identities = pixels.findall("{*}TiffData/{*}UUID")
    return {identity.get("FileName", ""): identity.text or "" for identity in identities if identity.get("FileName")}


def check_counts(path: Path, root: ElementTree.Element) -> None:
    """Raise a FormatError for numbers of planes for which there is hardly the memory to list them."""
    for _, pixels in images(root):
        counts = [math.prod(int(pixels.get(f"Size{axis}", 1)) for axis in "ZCT")]
        for data in pixels.findall("{*}TiffData"):
            counts += [int(data.get(key, 0)) for key in ("PlaneCount", "NumPlanes", "FirstZ", "FirstC", "FirstT")]
        if max(counts) > _MOST_PLANES:
            raise FormatError(f"The OME-XML of {path} speaks of {max(counts)} planes; it is damaged. Save it again.")


def check_files(path: Path, root: ElementTree.Element, pixels: ElementTree.Element) -> None:
    """Raise a FormatError that names the files of a set that are not beside `path`."""
    files = files_of(pixels)
    missing = [
        name
        for name, identity in files.items()
        if name != path.name and identity != root.get("UUID") and not (path.parent / name).exists()
    ]
    if missing:
        shown = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        raise FormatError(
            f"{path} is one file of a set, of which {len(missing)} of {len(files)} are missing: {shown}. Without them "
            f"the image would be black there. Put them into {path.parent}."
        )


def image_of(root: ElementTree.Element, names: list[str], index: int) -> int:
    """Which image of the XML a series is, out of the names of all series; images without planes are no series."""
    described = [image.get("Name") or "" for image, _ in images(root)]
    if len(described) == len(names):
        return index
    position = -1
    for name in names[: index + 1]:
        position = next(
            (later for later in range(position + 1, len(described)) if described[later] == name), position + 1
        )
    return min(position, len(described) - 1)


def own_annotation(root: ElementTree.Element, image: ElementTree.Element) -> dict[str, Any]:
    """What we once noted of an image."""
    referred = {reference.get("ID") for reference in image.findall("{*}AnnotationRef")}
    for annotation in root.findall(".//{*}MapAnnotation"):
        if annotation.get("Namespace") != NAMESPACE or annotation.get("ID") not in referred:
            continue
        for entry in annotation.findall(".//{*}M"):
            if entry.get("K") == "image" and entry.text:
                try:
                    return dict(json.loads(entry.text))
                except (ValueError, TypeError):
                    return {}
    return {}


def check_text(text: str, what: str) -> None:
    """Raise a FormatError for text that no OME-XML holds."""
    wrong = _SET_APART.search(text)
    if wrong:
        raise FormatError(
            f"Got {what} {text!r} with the character {wrong[0]!r}, which an OME-XML cannot hold. Take it out."
        )


@dataclass
class _Spans:
    """Where things stand in the text of an OME-XML, as positions of bytes."""

    pixels: list[tuple[int, int]] = field(default_factory=list)  # start tags
    image_ends: list[int] = field(default_factory=list)
    annotation: tuple[int, int] | None = None  # the text of our entry
    annotations_end: int | None = None
    no_annotations: tuple[int, int] | None = None  # an empty <StructuredAnnotations/>
    first_behind: int | None = None  # the first ROI, before which annotations stand
    root_end: int = 0
    prefix: str = ""
    identities: set[str] = field(default_factory=set)


def changed(text: str, index: int, attributes: dict[str, str], note: dict[str, Any]) -> str:
    """The text with another calibration of one image, and another note of ours.

    Parameters
    ----------
    text : str
    index : int
        Of the image.
    attributes : dict
        The calibration, as attributes of Pixels; what is not in it goes.
    note : dict
        Goes into our annotation, over what is there.
    """
    from xml.sax.saxutils import escape, quoteattr  # here, since all of HTTP is loaded with it

    root = parsed(text)
    image = images(root)[index][0]
    referred = {reference.get("ID") for reference in image.findall("{*}AnnotationRef")}
    content = text.encode("utf-8")
    spans = _Walk(content, referred).spans
    where = _pixels_index(root, index)
    edits: list[tuple[int, int, str]] = []
    start, end = spans.pixels[where]
    edits.append((start, end, _with_attributes(content[start:end].decode(), attributes)))
    merged = escape(json.dumps(own_annotation(root, image) | note))
    if spans.annotation is not None:
        edits.append((*spans.annotation, merged))
    else:
        prefix, identity = spans.prefix, f"Annotation:{NAMESPACE}"
        number = 0
        while identity in spans.identities:
            number += 1
            identity = f"Annotation:{NAMESPACE}:{number}"
        edits.append(
            (spans.image_ends[where], spans.image_ends[where], f"<{prefix}AnnotationRef ID={quoteattr(identity)}/>")
        )
        annotation = (
            f"<{prefix}MapAnnotation ID={quoteattr(identity)} Namespace={quoteattr(NAMESPACE)}><{prefix}Value>"
            f'<{prefix}M K="image">{merged}</{prefix}M></{prefix}Value></{prefix}MapAnnotation>'
        )
        if spans.annotations_end is not None:
            edits.append((spans.annotations_end, spans.annotations_end, annotation))
        else:
            at = spans.root_end if spans.first_behind is None else spans.first_behind
            edits.append(
                (
                    *(spans.no_annotations or (at, at)),
                    f"<{prefix}StructuredAnnotations>{annotation}</{prefix}StructuredAnnotations>",
                )
            )
    for start, end, replacement in sorted(edits, reverse=True):
        content = content[:start] + replacement.encode("utf-8") + content[end:]
    return content.decode("utf-8")


def _pixels_index(root: ElementTree.Element, index: int) -> int:
    """The place of an image with pixels among all images."""
    wanted = images(root)[index][0]
    return next(number for number, image in enumerate(root.findall("{*}Image")) if image is wanted)


class _Walk:
    """Goes through the text once and notes where things stand."""

    def __init__(self, content: bytes, referred: set[str | None]) -> None:
        self.spans = _Spans()
        self._content, self._referred = content, referred
        self._path = [""]
        self._within_own = False
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._started
        self._parser.EndElementHandler = self._ended
        self._parser.Parse(content, True)

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        local, at = name.rpartition(":")[2], self._parser.CurrentByteIndex
        self._path.append(local)
        self.spans.identities.add(attributes.get("ID", ""))
        if len(self._path) == 2:
            self.spans.prefix = name.removesuffix(local)
        elif len(self._path) == 3 and local == "Image":
            self.spans.pixels.append((at, at))
            self.spans.image_ends.append(at)
        elif len(self._path) == 3 and local == "ROI" and self.spans.first_behind is None:
            self.spans.first_behind = at
        elif self._path[-2:] == ["Image", "Pixels"]:
            self.spans.pixels[-1] = (at, _tag_end(self._content, at))
        elif local == "MapAnnotation":
            self._within_own = attributes.get("Namespace") == NAMESPACE and attributes.get("ID") in self._referred
        elif local == "M" and self._within_own and attributes.get("K") == "image" and not self.spans.annotation:
            self.spans.annotation = (_tag_end(self._content, at), -1)

    def _ended(self, name: str) -> None:  # noqa: ARG002  (as expat calls it)
        local, at = self._path.pop(), self._parser.CurrentByteIndex
        if local == "Image" and len(self._path) == 2:
            self.spans.image_ends[-1] = at
        elif local == "StructuredAnnotations" and self._content.startswith(b"</", at):
            self.spans.annotations_end = at
        elif local == "StructuredAnnotations":
            self.spans.no_annotations = (at, _tag_end(self._content, at))
        elif local == "M" and self.spans.annotation and self.spans.annotation[1] < 0:
            self.spans.annotation = (self.spans.annotation[0], at)
        elif len(self._path) == 1:
            self.spans.root_end = at


def _tag_end(content: bytes, start: int) -> int:
    """Behind the ``>`` of the tag that starts there; one within quotes does not count."""
    match = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>").match(content, start)
    if match is None:
        raise FormatError("The OME-XML is damaged: a tag does not end. Save the file again.")
    return match.end()


def _with_attributes(tag: str, attributes: dict[str, str]) -> str:
    """A start tag with another calibration; its other attributes stay as they are written."""
    from xml.sax.saxutils import quoteattr

    names = "|".join(f"{name}(?:Unit)?" for name in CALIBRATION.values())
    tag = re.sub(rf"\s+(?:{names})\s*=\s*(?:\"[^\"]*\"|'[^']*')", "", tag)
    head = re.match(r"<[^\s/>]+", tag)
    assert head is not None
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return tag[: head.end()] + written + tag[head.end() :]
