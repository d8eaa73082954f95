"""The names of jax.core, jax.extend, jax.interpreters and their kin: each is here, or in this table with its reason."""

import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bevel.compat import place_of
from bevel.compat.later import LATER, Later, later, named
from bevel.errors import MissingNameError

NAMES = json.loads((Path(__file__).parent.parent / "data" / "names.json").read_text())
_DEVICES = "it is about arrays on several devices, which come later"
_OURS = "it is part of JAX's own lowering; Bevel lowers otherwise"
_REFS = "mutable references come later"
ABSENT = {
    "jax.custom_derivatives": {"remat_opt_p": "Bevel's custom_vjp has no optimize_remat"},
    "jax.extend.backend": {"ifrt_proxy": _DEVICES, "register_backend_factory": "Bevel finds plugins by their packages"},
    "jax.extend.core.primitives": {
        "ragged_all_to_all_p": "lax.ragged_all_to_all is written of all_to_all",
        **dict.fromkeys(("empty2_p", "get_p", "swap_p"), _REFS),
        "device_put_p": "device_put leaves no equation in a program",
    },
    "jax.extend.random": {
        "define_prng_impl": "a generator of one's own is not in Bevel yet", "threefry_2x32": "it is bevel's own function",
    },
    "jax.interpreters.mlir": {
        **dict.fromkeys(
            ("AxisContext", "Mesh", "MeshAxisName", "SPMDAxisContext", "ShapePolyLoweringState", "ShardingContext"),
            _DEVICES,
        ),
        **dict.fromkeys(
            ("ConstantHandler", "LoweringResult", "Token", "ir_tree_registry", "ir_type_handlers", "lower_jaxpr_to_fun",
             "lower_jaxpr_to_module", "lowerable_effects", "merge_mlir_modules", "register_constant_handler"),
            _OURS,
        ),
    },
    "jax.interpreters.partial_eval": dict.fromkeys(("dce_jaxpr_call_rule", "dce_jaxpr_closed_call_rule"), _OURS),
    "jax.interpreters.pxla": dict.fromkeys(
        ("ArrayMapping", "Index", "MeshAxisName", "MeshComputation", "MeshExecutable", "are_hlo_shardings_equal",
         "array_mapping_to_axis_resources", "create_compile_options", "global_avals_to_results_handler",
         "is_hlo_sharding_replicated", "op_sharding_to_indices", "thread_resources"),
        _DEVICES,
    ),
}  # fmt: skip
MODULES = [m for m in NAMES if m not in ("jax.lax", "jax.lax.linalg")]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_is_here_or_has_a_reason(module):
    here = importlib.import_module(place_of(module))
    lacking = {name for name in NAMES[module] if getattr(here, name, None) is None and not hasattr(here, name)}
    assert lacking - set(ABSENT.get(module, ())) == set()


def test_places():
    assert place_of("jax.numpy.linalg") == "bevel.numpy.linalg"
    assert place_of("jax.extend.core.primitives") == "bevel.compat.extend.core.primitives"
    assert place_of("jax.extend.mlir.dialects.stablehlo") == "jaxlib.mlir.dialects.stablehlo"
    for package in ("api", "base", "compat", "control", "engine", "tools", "transforms"):
        assert place_of(f"jax.{package}") is None  # Bevel's inside is nobody's jax


def test_names_that_come_later_are_imported_and_raise_when_used():
    Ref = later("jax.Ref")
    assert not isinstance(3, Ref) and not isinstance(Ref, str) and isinstance(Ref, Later)
    assert named("jax", "Ref") is not None and named("jax", "grad") is None

    class Mine(Ref):
        pass

    for use in (lambda: Ref(1), lambda: Ref.something, lambda: Mine()):
        with pytest.raises(MissingNameError, match=r"jax\.Ref is not in Bevel yet: programs may import it"):
            use()
    assert not hasattr(Ref, "__wrapped__")
    assert all(module.startswith("jax") for module in LATER)


@pytest.mark.slow
def test_under_the_name_jax():
    program = """
        from bevel import compat
        compat.install()
        import importlib.metadata, sys, jax, jax._src.core, jax.core, jax.extend as jex, jax.interpreters.mlir
        from jax._src import source_info_util, traceback_util
        from jax.experimental import io_callback
        from jax.sharding import Mesh, PartitionSpec as P, SingleDeviceSharding
        assert importlib.metadata.version("jax") == jax.__version__ == "0.10.2"
        assert jax.core.ShapedArray is jax._src.core.ShapedArray and jex.core.Primitive
        assert jax.P("a") == P("a") != P("b") and len(Mesh(jax.devices()[:1], "a").shape) == 1
        assert isinstance(jax.numpy.ones(2).sharding, SingleDeviceSharding)
        assert jax.tree_util and sys.modules["jax.tree_util"] is jax.tree_util
        for bad in ("engine", "control", "nothing"):
            try:
                getattr(jax, bad)
            except AttributeError as error:
                assert "not in Bevel" in str(error), error
            else:
                raise AssertionError(bad)
        try:
            import jax.nowhere
        except ModuleNotFoundError as error:
            assert error.name == "jax.nowhere"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)
