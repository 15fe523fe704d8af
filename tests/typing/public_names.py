"""What type checkers see of the public names; read by tests/test_typing.py, and never run.

Expected is what stands behind ``#:``, a part of the revealed type, or ``error``.
"""

import numpy as np

import isoscale_ij as iso
from isoscale_ij import imagej

array = np.zeros((4, 8, 8), np.uint8)
image = iso.as_image(array, voxel_size=(2, 1, 1), unit="um")

reveal_type(image)  #: DataArray
reveal_type(iso.voxel_size(image))  #: dict[
reveal_type(iso.set_voxel_size(image, z=1.5))  #: DataArray
reveal_type(iso.rescale(image, "finest", interpolation="cubic"))  #: DataArray
reveal_type(iso.plan_rescale(image, 1.0).shape)  #: tuple[
reveal_type(iso.vol(image, spot_sigma=2, outline_sigma=1))  #: DataArray
reveal_type(iso.measure(image))  #: DataFrame
reveal_type(iso.info(image).anisotropy)  #: float
reveal_type(iso.read("a.tif"))  #: DataArray
reveal_type(iso.CalibrationError("…"))  #: CalibrationError
reveal_type(iso.__version__)  #: str
reveal_type(imagej.from_imageplus)  #: DataArray
reveal_type(iso.imagej.start)  #: headless

iso.nope  #: error
imagej.nope  #: error
iso.rescale(image, 1.0, interpolation="spline")  #: error
iso.rescale(image, 1.0, quality=3)  #: error
