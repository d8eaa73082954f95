"""Names of JAX that Bevel does not have yet, and that libraries nevertheless import: they raise when used.

A library that imports `jax.experimental.sparse` for one of its functions should run as long as that function is not
called. So a name that is listed here is a class that nothing is an instance of; calling it, or asking it for
anything, answers with the letter that a missing name has. Names that no library asks for at import are not listed.
"""

from __future__ import annotations

import types

from bevel.base.errors import MissingNameError

# module → names that stand in it until the module is there. `...` in front: its other names are Bevel's, see PLACES.
LATER = {
    "jax": "Ref empty_ref free_ref freeze new_ref ref smap",
    "jax.distributed": "initialize is_initialized shutdown",
    "jax.experimental": "EArray cur_qdd primal_tangent_dtype",
    "jax.experimental.array_serialization": "",
    "jax.experimental.array_serialization.serialization": (
        "AsyncManager BarrierTimeoutError GlobalAsyncCheckpointManager GlobalAsyncCheckpointManagerBase "
        "get_tensorstore_spec is_remote_storage"
    ),
    "jax.experimental.pallas": (
        "ANY BlockSpec Blocked Buffered CompilerParams CostEstimate Element GridSpec MemoryRef MemorySpace Slice "
        "Squeezed cdiv core_map debug_print ds dslice kernel load loop multiple_of next_power_of_2 num_programs "
        "pallas_call program_id run_scoped run_state squeezed store when"
    ),
    "jax.experimental.pallas.ops": "",
    "jax.experimental.pallas.tpu": (
        "CompilerParams PrefetchScalarGridSpec SEMAPHORE SMEM VMEM async_copy bitcast make_async_copy "
        "make_async_remote_copy prng_random_bits prng_seed repeat roll"
    ),
    "jax.experimental.pallas.triton": (
        "CompilerParams TritonCompilerParams approx_tanh atomic_add atomic_max dot elementwise_inline_asm load store"
    ),
    "jax.experimental.sparse": (
        "BCOO BCSR COO CSC CSR JAXSparse SparseEfficiencyError SparseEfficiencyWarning bcoo_broadcast_in_dim "
        "bcoo_concatenate bcoo_dot_general bcoo_fromdense bcoo_multiply_dense bcoo_multiply_sparse bcoo_reduce_sum "
        "bcoo_reshape bcoo_squeeze bcoo_sum_duplicates bcoo_todense bcoo_transpose bcoo_update_layout empty eye "
        "random_bcoo sparsify todense"
    ),
    "jax.experimental.sparse.linalg": "lobpcg_standard spsolve",
    "jax.experimental.colocated_python": (
        "colocated_cpu_devices colocated_python colocated_python_class api func func_backend obj obj_backend "
        "serialization"
    ),
    "jax.experimental.colocated_python.func": "",
    "jax.experimental.colocated_python.serialization": "DeviceList",
    "jax.ref": "AbstractRef Ref addupdate empty_ref free_ref freeze get new_ref set swap",
    "jax._src.earray": "EArray",
    "jax._src.state": "",
    "jax._src.state.types": "AbstractRef",
}


class Later(type):
    """The class of the names that come later: asked for anything, one raises."""

    def __call__(cls, *args, **kwargs):
        raise _letter(cls.place)

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise _letter(cls.place)

    def __repr__(cls):
        return f"<{cls.place}, not in Bevel yet>"


def _letter(place):
    return MissingNameError(
        f"{place} is not in Bevel yet: programs may import it, but not use it.\n"
        "bevel.compat.later lists what comes later; everything else of Bevel is here to be used."
    )


def later(place: str) -> type:
    """What stands for a name of JAX until it is there.

    >>> from bevel.compat.later import later
    >>> Ref = later("jax.Ref")
    >>> isinstance(3, Ref), Ref | None, Ref
    (False, jax.Ref | None, <jax.Ref, not in Bevel yet>)
    """
    module, _, name = place.rpartition(".")
    doc = f"Not in Bevel yet: {place}."
    return Later(name, (), {"place": place, "__module__": module, "__doc__": doc})


def named(module: str, name: str):
    """What stands for a name that is listed in the table; None where it is not."""
    return later(f"{module}.{name}") if name in LATER.get(module, "").split() else None


class LaterModule(types.ModuleType):
    """A module of JAX of which Bevel has nothing yet."""

    def __getattr__(self, name):
        below = f"{self.__name__}.{name}"
        if below in LATER:
            import importlib  # as `import jax.a.b` would

            return importlib.import_module(below)
        found = named(self.__name__, name)
        if found is None:
            raise MissingNameError(f"{below} is not in Bevel yet.")
        setattr(self, name, found)
        return found

    def __dir__(self):
        return sorted(LATER[self.__name__].split())


__all__ = ["LATER", "Later", "LaterModule", "later", "named"]
