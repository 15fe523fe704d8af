# The public names: the one list that the package, its `__all__` and type checkers read.

from . import imagej as imagej
from .comparison.comparing import compare as compare
from .comparison.report import Comparison as Comparison
from .errors import CalibrationError as CalibrationError
from .errors import Cancelled as Cancelled
from .errors import FormatError as FormatError
from .errors import IsoscaleError as IsoscaleError
from .errors import MemoryLimitError as MemoryLimitError
from .errors import MissingDependencyError as MissingDependencyError
from .errors import ParameterError as ParameterError
from .files import read as read
from .files import write as write
from .image.calibration import CalibrationWarning as CalibrationWarning
from .image.calibration import as_image as as_image
from .image.calibration import set_voxel_size as set_voxel_size
from .image.calibration import voxel_size as voxel_size
from .image.inspection import ImageInfo as ImageInfo
from .image.inspection import info as info
from .operations.measurement import measure as measure
from .operations.rescaling import RescalePlan as RescalePlan
from .operations.rescaling import plan_rescale as plan_rescale
from .operations.rescaling import rescale as rescale
from .operations.segmentation import SegmentationWarning as SegmentationWarning
from .operations.segmentation import vol as vol
from .operations.segmentation import voronoi_otsu_labeling as voronoi_otsu_labeling
from .operations.suggestion import Suggestion as Suggestion
from .operations.suggestion import suggest_sigmas as suggest_sigmas
from .operations.synthetic import sample as sample

__version__: str
