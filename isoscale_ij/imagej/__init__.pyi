# The names of this package, as the package and type checkers read them.

from .conversion import from_imageplus as from_imageplus
from .conversion import to_imageplus as to_imageplus
from .gateway import register_converters as register_converters
from .gateway import unregister_converters as unregister_converters
from .jvm import start as start
from .tables import to_results_table as to_results_table
