"""shard_map and pmap: a function of the part that one device holds.

Both are `vmap` over the axes of a mesh, with the mapped axes laid over the devices: a collective such as `psum` is the
operation along a mapped axis that it is under `vmap`, and XLA, which is told where the axis lies, makes of it the
exchange between devices. So both differentiate, nest and compose as `vmap` does (decision 115).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.flat import argument_names, name_of, named_after
from bevel.api.jit import jit
from bevel.api.sharding import constrained
from bevel.api.vmap import mapped_size, vmap
from bevel.base import settings
from bevel.base.errors import ShapeError, ShardingError
from bevel.base.meshes import UNCONSTRAINED, NamedSharding, PartitionSpec, axes_of, check_shape, check_spec
from bevel.core.source import user_line
from bevel.core.trace import get_aval, state
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine import client
from bevel.engine.pytree import flatten
from bevel.engine.shardings import Mesh
from bevel.ops.shapes import move_axis, reshape, to_front, transpose
from bevel.transforms.batch import batch

_WHOLE = PartitionSpec()


def shard_map(
    f: Callable | None = None,
    /,
    *,
    out_specs: Any,
    in_specs: Any = None,
    mesh: Any = None,
    axis_names: Any = frozenset(),
    check_vma: bool = True,
    check_rep: bool | None = None,
    auto: Any = None,
) -> Callable:
    """A function of the parts that single devices hold, as a function of whole arrays.

    f           of the part of each argument that one device holds; collectives name the axes of the mesh
    in_specs    a PartitionSpec for each argument, or a tree of them: along which mesh axes it is cut; None: not
    out_specs   likewise, how the results of all devices make up the whole. Along a mesh axis that it does not name all
                devices must have one result, as after `lax.psum`
    mesh        devices in a grid; by default the mesh around (`set_mesh`)
    axis_names  the axes that f speaks of; the others are left to the compiler. By default all
    check_vma   False takes the first device's result where out_specs says that all have one, without a look
    raises      ShardingError where an argument does not fall into equal parts

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.sharding import PartitionSpec as P
    >>> mesh = bevel.make_mesh((1,), ("data",))
    >>> mean = bevel.shard_map(
    ...     lambda x: bevel.lax.pmean(x.mean(), "data"), mesh=mesh, in_specs=P("data"), out_specs=P())
    >>> print(mean(jnp.arange(4.0)))
    1.5
    """
    if f is None:
        return functools.partial(
            shard_map, out_specs=out_specs, in_specs=in_specs, mesh=mesh, axis_names=axis_names, check_vma=check_vma,
            check_rep=check_rep, auto=auto,
        )  # fmt: skip
    given, checked = mesh, check_vma if check_rep is None else check_rep

    @named_after(f)
    def run(*args):
        mesh = settings.mesh.value if given is None else given
        if not isinstance(mesh, Mesh):
            raise ShardingError(
                f"shard_map of {name_of(f)} has no mesh{user_line(' at {}')}: give `mesh=`, or set one around the "
                "call, `with bevel.set_mesh(mesh):`."
            )
        named = set(axis_names) or set(mesh.axis_names) - set(auto or ())
        axes = [name for name in mesh.axis_names if name in named]
        leaves, tree = flatten(args)
        specs = _specs(in_specs, args, "in_specs", "the arguments")
        names = argument_names(f, args, {})
        blocks = [
            _cut(x, spec, mesh, axes, f"{name_of(f)}'s argument {name}")
            for x, spec, name in zip(leaves, specs, names, strict=True)
        ]
        used = [_used(spec) for spec in specs]
        whole: list = []

        def part(*parts):
            results, out_tree = flatten(f(*tree.unflatten(parts)))
            whole.append(out_tree)
            return results

        answers, out = _over(part, axes, mesh, blocks, used)
        out_tree = whole[-1]
        wanted = _specs(out_specs, out_tree.unflatten(answers), "out_specs", f"the value of {name_of(f)}")
        rows = zip(answers, out, wanted, strict=True)
        return out_tree.unflatten([_joined(y, has, s, mesh, axes, checked, name_of(f)) for y, has, s in rows])

    return jit(run)


def _specs(specs, tree, what, whole) -> list:
    flat = _axes(specs, tree, what, whole)
    return [_WHOLE if s is None else s.spec if isinstance(s, NamedSharding) else s for s in flat]


def _used(spec) -> set:
    return {name for part in spec for name in axes_of(part)}


def _over(function, axes, mesh, blocks, used):
    """`function` of single parts, mapped over the mesh axes: (results with their mapped axes in front, those axes).

    Level by level, the first axis outermost. Along an axis that a result does not vary over it has none.
    """

    def level(depth, values):
        if depth == len(axes):
            results = function(*values)
            return results, [()] * len(results)
        name = axes[depth]
        places = [0 if name in names else None for names in used]
        inner: list = []

        def inside(*parts):
            results, has = level(depth + 1, parts)
            inner.append(has)
            return results

        results, out = batch(inside, values, places, mesh.shape[name], state.trace, name, name)
        laid, found = [], []
        for y, axis, below in zip(results, out, inner[-1], strict=True):
            if axis is None:
                laid.append(y)
                found.append(below)
            else:
                laid.append(move_axis(y, axis, 0))
                found.append((name, *below))
        return laid, found

    return level(0, blocks)


def _cut(x, spec, mesh, axes, what):
    """An array with an axis in front for each mesh axis that it is cut along: the parts of the devices there."""
    _check(mesh, spec, axes, what)
    shape = get_aval(x).shape
    check_shape(mesh, spec, shape, f"shard_map: {what}")
    sizes, split, place = mesh.shape, [], {}
    for axis, size in enumerate(shape):
        names = axes_of(spec[axis]) if axis < len(spec) else ()
        for name in names:
            place[name] = len(split)
            split.append(sizes[name])
        split.append(size // math.prod([sizes[name] for name in names]))
    front = [name for name in axes if name in place]
    if not front:
        return x
    x = constrained(x, _sharding(mesh, spec, axes, len(shape)))
    x = reshape(x, tuple(split))
    order = [place[name] for name in front]
    rest = [i for i in range(len(split)) if i not in order]
    x = transpose(x, (*order, *rest))
    return constrained(x, _sharding(mesh, PartitionSpec(*front), axes, len(split)))


def _check(mesh, spec, axes, what):
    check_spec(mesh, spec)
    for name in _used(spec):
        if name not in axes:
            raise ShardingError(
                f"shard_map: {what} has the spec {spec}, and {name!r} is left to the compiler: axis_names are "
                f"{', '.join(map(repr, axes))}.\nName it in axis_names, or leave it out of the spec."
            )


def _sharding(mesh, spec, axes, rank):
    """The sharding of a spec of these axes: how the others cut the array is open where the function leaves some out."""
    if len(axes) < len(mesh.axis_names):
        parts = (*spec, *[None] * (rank - len(spec)))
        spec = PartitionSpec(*[UNCONSTRAINED if part is None else part for part in parts])
    return NamedSharding(mesh, spec)


def _joined(y, has, spec, mesh, axes, checked, name):
    """A result of all devices as one array: has names the mesh axes that it has in front."""
    _check(mesh, spec, axes, f"a result of {name}")
    wanted = _used(spec)
    for axis in reversed([a for a in has if a not in wanted]):
        if checked:
            raise ShardingError(
                f"shard_map of {name}{user_line(' at {}')}: a result may differ from device to device along the mesh "
                f"axis {axis!r}, and out_specs has {spec} for it, which says that all have one.\n"
                f"Name {axis!r} in out_specs, make them one (lax.psum, lax.pmean), or take the first: check_vma=False."
            )
        y = move_axis(y, list(has).index(axis), 0)[0]
        has = tuple([a for a in has if a != axis])
    sizes = mesh.shape
    for axis in [a for a in axes if a in wanted and a not in has]:  # one result for all: each device has it as its part
        y = to_front(y, None, sizes[axis])
        has = (axis, *has)
    shape = get_aval(y).shape
    inner = shape[len(has) :]
    if len(spec) > len(inner):
        raise ShardingError(
            f"shard_map of {name}{user_line(' at {}')}: out_specs has {spec} for a result of shape {inner}, which has "
            f"{len(inner)} ax{'is' if len(inner) == 1 else 'es'} to be joined along."
        )
    order, joined = [], []
    for axis, size in enumerate(inner):
        names = axes_of(spec[axis]) if axis < len(spec) else ()
        order += [list(has).index(n) for n in names] + [len(has) + axis]
        joined.append(size * math.prod([sizes[n] for n in names]))
    y = reshape(transpose(y, order), tuple(joined))
    return constrained(y, _sharding(mesh, spec, axes, len(joined)))


def pmap(
    fun: Callable,
    axis_name: Any = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_broadcasted_argnums: Any = (),
    devices: Any = None,
    backend: str | None = None,
    axis_size: int | None = None,
    donate_argnums: Any = (),
    global_arg_shapes: Any = None,
) -> Callable:
    """A function of one device's slice, as a function of all of them: slice i goes to device i.

    in_axes, out_axes   as those of vmap: the axis whose slices go to the devices, None for what all get
    axis_name           a name for it, for collectives inside
    static_broadcasted_argnums   arguments taken by value
    devices             to run on; by default the first ones
    donate_argnums      arguments whose memory the results may take over
    raises              ShapeError where there are more slices than devices

    >>> import bevel, bevel.numpy as jnp
    >>> print(bevel.pmap(lambda x: x / bevel.lax.psum(x, "i"), axis_name="i")(jnp.ones((1, 2))))
    [[1. 1.]]
    """
    static = static_broadcasted_argnums
    static = (static,) if isinstance(static, int) else tuple(static)
    label = "_internal_pmap_axis_name" if axis_name is None else axis_name

    @named_after(fun)
    def run(*args, **kwargs):
        kept = [i for i in range(len(args)) if i not in static]

        @named_after(fun)
        def of_some(*some, **named):
            every = list(args)
            for i, value in zip(kept, some, strict=True):
                every[i] = value
            return fun(*every, **named)

        entries = list(in_axes) if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
        axes = tuple([entries[i] for i in kept])
        given = tuple([args[i] for i in kept]), kwargs
        places = _axes((axes, 0), given, "in_axes", "the arguments")
        leaves, tree = flatten(given)
        shown = [args[i] if i in kept else None for i in range(len(args))]  # a static one has no leaves to be named
        size = mapped_size("pmap", fun, leaves, places, axis_size, shown, kwargs)
        mesh = _row(name_of(fun), size, devices, backend, label)
        some, named = tree.unflatten([constrained(x, _along(mesh, a)) for x, a in zip(leaves, places, strict=True)])
        mapped = vmap(of_some, axes, out_axes, axis_name=label, axis_size=size, spmd_axis_name=label)
        value = mapped(*some, **named)
        results, out_tree = flatten(value)
        places = _axes(out_axes, value, "out_axes", f"the value of {name_of(fun)}")
        return out_tree.unflatten([constrained(y, _along(mesh, a)) for y, a in zip(results, places, strict=True)])

    return jit(run, static_argnums=static or None, donate_argnums=donate_argnums or None)


def _axes(prefix, tree, what, whole) -> list:
    return broadcast_prefix(prefix, tree, is_leaf=lambda a: a is None, prefix_name=what, full_name=whole)


def _along(mesh, axis):
    """The sharding of an array whose slices along an axis lie on the devices of a row."""
    [name] = mesh.axis_names
    return NamedSharding(mesh, _WHOLE if axis is None else PartitionSpec(*[None] * axis, name))


def _row(name, size, devices, backend, label) -> Mesh:
    available = list(client.local_devices(backend) if devices is None else devices)
    if size > len(available):
        raise ShapeError(
            f"pmap of {name}{user_line(' at {}')} was given {size} slices, and there are {len(available)} devices: "
            "each gets one.\n"
            "vmap maps any number on one device; both together, pmap(vmap(f)), take an axis each."
        )
    return Mesh(np.array(available[:size], dtype=object), (label,))


__all__ = ["pmap", "shard_map"]
