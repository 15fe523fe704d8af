"""XML as it stands in files of microscopes. It comes from strangers: nothing in it is followed or multiplied."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from isoscale_ij.errors import FormatError

_DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def check(text: str, what: str) -> None:
    """Raise a FormatError if an XML declares entities: a few lines of them can stand for gigabytes, or for a file."""
    if _DECLARATION.search(text):
        raise FormatError(f"{what} declares entities or a document type, which no microscope does. It is not read.")


def parsed(text: str, what: str) -> ElementTree.Element:
    """The root of an XML.

    Raises
    ------
    FormatError
        If it is no XML, or declares entities.
    """
    check(text, what)
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise FormatError(f"{what} is damaged: {error}. Save the file again.") from error
