"""The errors that Bevel raises. Each class's docstring is its manual page."""

from bevel.base.errors import *  # noqa: F403
from bevel.base.errors import __doc__  # noqa: F401
from bevel.core.sharp_edges import SharpEdgeWarning  # noqa: F401
from bevel.engine.compile_options import CompilationError  # noqa: F401
from bevel.engine.jaxlib_names import JaxRuntimeError  # noqa: F401
from bevel.engine.shortage import OutOfMemoryError  # noqa: F401
