"""Functions for trees of arrays, by their short names: `bevel.tree.map`, `bevel.tree.leaves`."""

from bevel.core.tree import static as static
from bevel.core.tree import tree_all as all
from bevel.core.tree import tree_broadcast as broadcast
from bevel.core.tree import tree_flatten as flatten
from bevel.core.tree import tree_leaves as leaves
from bevel.core.tree import tree_map as map
from bevel.core.tree import tree_reduce as reduce
from bevel.core.tree import tree_reduce_associative as reduce_associative
from bevel.core.tree import tree_structure as structure
from bevel.core.tree import tree_transpose as transpose
from bevel.core.tree import tree_unflatten as unflatten
from bevel.core.tree_paths import tree_flatten_with_path as flatten_with_path
from bevel.core.tree_paths import tree_leaves_with_path as leaves_with_path
from bevel.core.tree_paths import tree_map_with_path as map_with_path

__all__ = [
    "all", "broadcast", "flatten", "flatten_with_path", "leaves", "leaves_with_path", "map", "map_with_path", "reduce",
    "reduce_associative", "static", "structure", "transpose", "unflatten",
]  # fmt: skip
