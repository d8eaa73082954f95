"""Functions for trees of arrays: `bevel.tree_util`. The same under shorter names: `bevel.tree`."""

from bevel.core.tree import (
    DictKey as DictKey,
)
from bevel.core.tree import (
    FlattenedIndexKey as FlattenedIndexKey,
)
from bevel.core.tree import (
    GetAttrKey as GetAttrKey,
)
from bevel.core.tree import (
    KeyEntry as KeyEntry,
)
from bevel.core.tree import (
    KeyPath as KeyPath,
)
from bevel.core.tree import (
    Partial as Partial,
)
from bevel.core.tree import (
    PyTreeDef as PyTreeDef,
)
from bevel.core.tree import (
    SequenceKey as SequenceKey,
)
from bevel.core.tree import (
    all_leaves as all_leaves,
)
from bevel.core.tree import (
    build_tree as build_tree,
)
from bevel.core.tree import (
    default_registry as default_registry,
)
from bevel.core.tree import (
    flatten_one_level as flatten_one_level,
)
from bevel.core.tree import (
    flatten_one_level_with_keys as flatten_one_level_with_keys,
)
from bevel.core.tree import (
    is_tree_node as is_tree_node,
)
from bevel.core.tree import (
    keystr as keystr,
)
from bevel.core.tree import (
    register_dataclass as register_dataclass,
)
from bevel.core.tree import (
    register_pytree_node as register_pytree_node,
)
from bevel.core.tree import (
    register_pytree_node_class as register_pytree_node_class,
)
from bevel.core.tree import (
    register_pytree_with_keys as register_pytree_with_keys,
)
from bevel.core.tree import (
    register_pytree_with_keys_class as register_pytree_with_keys_class,
)
from bevel.core.tree import (
    register_static as register_static,
)
from bevel.core.tree import (
    tree_all as tree_all,
)
from bevel.core.tree import (
    tree_broadcast as tree_broadcast,
)
from bevel.core.tree import (
    tree_flatten as tree_flatten,
)
from bevel.core.tree import (
    tree_flatten_with_path as tree_flatten_with_path,
)
from bevel.core.tree import (
    tree_leaves as tree_leaves,
)
from bevel.core.tree import (
    tree_leaves_with_path as tree_leaves_with_path,
)
from bevel.core.tree import (
    tree_map as tree_map,
)
from bevel.core.tree import (
    tree_map_with_path as tree_map_with_path,
)
from bevel.core.tree import (
    tree_reduce as tree_reduce,
)
from bevel.core.tree import (
    tree_reduce_associative as tree_reduce_associative,
)
from bevel.core.tree import (
    tree_structure as tree_structure,
)
from bevel.core.tree import (
    tree_transpose as tree_transpose,
)
from bevel.core.tree import (
    tree_unflatten as tree_unflatten,
)
from bevel.core.tree import (
    treedef_children as treedef_children,
)
from bevel.core.tree import (
    treedef_is_leaf as treedef_is_leaf,
)
from bevel.core.tree import (
    treedef_tuple as treedef_tuple,
)
