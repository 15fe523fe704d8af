"""ImageJ from Python: starting or joining its Java, and images to and from it without losing anything.

Only classes of ImageJ 1 (``ij.*``) are used, so the same code works in a plain ImageJ, in pyimagej's
Java and in Fiji. Nothing is loaded and no Java is started before it is needed. The names stand in
``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
