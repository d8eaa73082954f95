"""Programs written down as StableHLO, for other processes, versions and platforms: `export`, `deserialize`."""

from __future__ import annotations

from bevel.api.exporting import (
    DisabledSafetyCheck,
    Exported,
    default_export_platform,
    deserialize,
    export,
    maximum_supported_calling_convention_version,
    minimum_supported_calling_convention_version,
)
from bevel.api.symbolic import symbolic_args_specs, symbolic_shape
from bevel.api.tree_bytes import register_namedtuple_serialization, register_pytree_node_serialization
from bevel.base.dimensions import is_symbolic_dim
from bevel.base.symbolic_scopes import SymbolicScope

__all__ = [
    "DisabledSafetyCheck", "Exported", "SymbolicScope", "default_export_platform", "deserialize", "export",
    "is_symbolic_dim", "maximum_supported_calling_convention_version", "minimum_supported_calling_convention_version",
    "register_namedtuple_serialization", "register_pytree_node_serialization", "symbolic_args_specs", "symbolic_shape",
]  # fmt: skip
