"""shard_map where older JAX had it: bevel.shard_map, with its first arguments by position."""

from bevel.api import shard_map as _current


def shard_map(f, mesh=None, in_specs=None, out_specs=None, check_rep=True, auto=frozenset(), check_vma=None):
    """`bevel.shard_map`, with the mesh and the specs by position.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.sharding import PartitionSpec as P
    >>> mesh = bevel.make_mesh((1,), ("data",))
    >>> print(shard_map(lambda x: bevel.lax.psum(x, "data"), mesh, P("data"), P())(jnp.arange(2.0)))
    [0. 1.]
    """
    checked = check_rep if check_vma is None else check_vma
    return _current.shard_map(f, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=checked, auto=auto)


__all__ = ["shard_map"]
