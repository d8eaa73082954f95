"""Imports what every program imports. (A bare `import` would not be the whole price: numpy may come late.)"""

import sys
from importlib import import_module

import_module(sys.argv[1])
import_module(f"{sys.argv[1]}.numpy")
