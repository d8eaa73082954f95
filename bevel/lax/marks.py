"""What is said about values in a program: staged, kept, waited for, under a name that a compiler may know."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from bevel.api.eager import compiled
from bevel.api.flat import name_of
from bevel.base.avals import abstract_token
from bevel.base.errors import ShapeError
from bevel.control.composite import Composite
from bevel.control.foreign import frozen
from bevel.core.staging import stage_closed
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree import tree_flatten, tree_unflatten
from bevel.engine.client import Array
from bevel.lax.elementwise import rem
from bevel.lax.joining import concatenate
from bevel.lax.operands import integers, operand, operands
from bevel.lax.places import gather
from bevel.lax.structure import broadcast_in_dim, convert_element_type
from bevel.ops.arithmetic import add
from bevel.ops.barriers import AfterAll, CreateToken, DceSink
from bevel.ops.convert import Stage
from bevel.ops.indexing import GatherDimensionNumbers
from bevel.ops.logic import lt, select

stage_builtin = Stage()


def stage(x, /):
    """x as an array, or as a value of the program that is being traced.

    >>> from bevel import lax
    >>> lax.stage(2.0)
    Array(2., dtype=float32, weak_type=True)
    """
    x = operand("stage", x)
    return x if isinstance(x, (Array, Tracer)) else stage_builtin(x)


def dce_sink(val, *, prevent_mlir_dce: bool = False):
    """Keeps what computes `val` (a tree of arrays) in the program, though nobody uses it.

    prevent_mlir_dce   the compiler keeps it too, and it is computed at run time
    gives              None

    >>> import bevel
    >>> from bevel import lax
    >>> def unused(x):
    ...     lax.dce_sink(lax.sin(x))
    ...     return x
    >>> print(bevel.make_jaxpr(unused)(1.0))
    { lambda ; a:f32[]. let
        b:f32[] = sin a
        dce_sink[prevent_mlir_dce=False] b
      in (a,) }
    """
    for leaf in tree_flatten(val)[0]:
        DceSink(bool(prevent_mlir_dce))(leaf)


class Token:
    """A token outside of programs: all that it might wait for has happened."""

    aval = abstract_token

    def __array__(self, dtype=None, copy=None):
        return np.zeros(0, bool)

    def block_until_ready(self):
        return self


def create_token(_=None):
    """A token that waits for nothing: the first of a chain. The argument is ignored.

    In a program a value that only gives order, and holds no numbers; outside of programs, where all is in order
    anyway, an object on which `block_until_ready` may be called.

    >>> import bevel
    >>> from bevel import lax
    >>> print(bevel.make_jaxpr(lambda: lax.create_token())())
    { lambda ; . let a:Tok = create_token  in (a,) }
    """
    return Token() if state.trace.is_evaluation else CreateToken()()


def after_all(*operands):
    """A token that waits for all the tokens given, in any order among them.

    >>> import bevel
    >>> from bevel import lax
    >>> print(bevel.make_jaxpr(lambda: lax.after_all(lax.create_token(), lax.create_token()))())
    { lambda ; . let
        a:Tok = create_token
        b:Tok = create_token
        c:Tok = after_all a b
      in (c,) }
    """
    return Token() if state.trace.is_evaluation else AfterAll()(*operands)


def composite(decomposition: Callable, name: str, version: int = 0) -> Callable:
    """A function that does what `decomposition` does, under a name that a compiler may know a faster way for.

    name   of the form "space.name"; another one is not written into the program

    Its keyword arguments are attributes, written into the program: numbers, text, NumPy arrays, or sequences and dicts
    of them; None is left out. Derivatives and batches are those of the decomposition.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> tangent = lax.composite(lambda x: jnp.sin(x) / jnp.cos(x), "my.tangent")
    >>> print(tangent(0.0))
    0.0
    """

    @functools.wraps(decomposition)
    def call(*args, **attributes):
        leaves, tree = tree_flatten(args)
        trees = []

        def flat(*values):
            results, out_tree = tree_flatten(decomposition(*tree_unflatten(tree, values), **attributes))
            trees[:] = [out_tree]
            return results

        closed, outer = stage_closed(flat, [get_aval(x) for x in leaves], name_of(decomposition))
        held = {k: np.asarray(v) if isinstance(v, Array) else v for k, v in attributes.items() if v is not None}
        given = tuple([(k, frozen(v)) for k, v in held.items()])
        results = Composite(closed, name, given, version)(*outer, *leaves)
        return tree_unflatten(trees[0], results)

    return call


@compiled(static="axes")
def index_take(src, idxs, axes: Sequence[int]):
    """src at places along several axes at once: idxs[k] holds, for each result, the place on axis axes[k].

    src    [...]
    idxs   integers, one array for each axis, of one shape s; negative ones count from the end
    gives  [*s, *the axes of src that are not named], in src's dtype
    raises ShapeError unless there are as many arrays of places as axes

    A place beyond an axis is counted around it again: it is taken modulo the size, and no place is out of bounds.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[0, 1, 2], [10, 11, 12]])
    >>> print(lax.index_take(x, [jnp.array([0, 1, -1]), jnp.array([2, 0, 4])], axes=(0, 1)))
    [ 2 10 11]
    """
    x = operand("index_take", src)
    axes = integers("index_take", "axes", axes)
    places = operands("index_take", *idxs)
    if len(places) != len(axes):
        raise ShapeError(f"lax.index_take needs one array of places for each axis; got {len(places)} for axes {axes}.")
    shape, aval = get_aval(places[0]).shape, get_aval(x)
    columns = []
    for place, axis in zip(places, axes, strict=True):
        dtype = get_aval(places[0]).dtype
        size = np.asarray(aval.shape[axis], dtype)[()]
        place = convert_element_type(place, dtype)
        place = rem(place, max(size, dtype.type(1)))
        place = select(lt(place, 0), add(place, size), place)
        columns.append(broadcast_in_dim(place, (*shape, 1), tuple(range(len(shape)))))
    indices = concatenate(columns, len(shape)) if len(columns) > 1 else columns[0]
    kept = len(aval.shape) - len(axes)
    numbers = GatherDimensionNumbers(tuple(range(len(shape), len(shape) + kept)), tuple(sorted(axes)), tuple(axes))
    sizes = [1 if a in axes else d for a, d in enumerate(aval.shape)]
    return gather(x, indices, numbers, sizes, mode="promise_in_bounds")


__all__ = ["after_all", "composite", "create_token", "dce_sink", "index_take", "stage"]
