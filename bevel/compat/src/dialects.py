"""jax._src.lib.mlir.dialects: jaxlib's, where StableHLO goes by the name hlo."""

import importlib


def __getattr__(name):
    module = f"jaxlib.mlir.dialects.{'stablehlo' if name == 'hlo' else name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise AttributeError(f"jaxlib has no MLIR dialect {name}.") from None
