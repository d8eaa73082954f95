"""Control flow inside programs: cond, switch, while_loop, fori_loop, scan, map and associative_scan, of trees."""

from __future__ import annotations

from bevel.api.associative import associative_scan
from bevel.api.branching import BranchError, cond, platform_dependent, switch
from bevel.api.looping import fori_loop, while_loop
from bevel.api.scanning import map, scan
from bevel.api.staged import ScanLengthError

__all__ = [
    "BranchError", "ScanLengthError", "associative_scan", "cond", "fori_loop", "map", "platform_dependent",
    "scan", "switch", "while_loop",
]  # fmt: skip
