"""The image properties in which ImageJ keeps, through filters and files, what it has no word for: their names."""

from __future__ import annotations

PREFIX = "isoscale."

ATTRS = f"{PREFIX}attrs"  # the other attributes of the image, as JSON
CALIBRATED = f"{PREFIX}calibrated"  # the axes that have a calibration, where ImageJ's own values do not tell
CHANNELS = f"{PREFIX}channels"  # their names, as JSON
DIMS = f"{PREFIX}dims"  # the axes, where sizes alone do not tell
DTYPE = f"{PREFIX}dtype"  # the type of the voxels, where ImageJ holds them in another
KIND = f"{PREFIX}kind"  # "labels"
LOOKS = f"{PREFIX}looks"  # digests of looks that nobody chose
NAME = f"{PREFIX}name"
T_LOWER = f"{PREFIX}t_lower"  # where time begins
UNNAMED = f"{PREFIX}unnamed"  # the title that an image without a name was given

OF_CALIBRATION = (CALIBRATED, T_LOWER)  # which go with the calibration
