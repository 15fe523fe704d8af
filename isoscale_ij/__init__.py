"""Calibrated rescaling and segmentation of anisotropic microscopy stacks.

The public names stand in ``__init__.pyi``, for type checkers and for this module. Each is loaded when
it is first used; importing the package starts nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
