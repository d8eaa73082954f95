"""Products with the derivative: forward (`jvp`), reverse (`vjp`), and the derivative as a linear function of its own.

`gradients` and `jacobians` are made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bevel.api.flat import Flat, argument_names, name_of, positions_of
from bevel.api.jit import jit
from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError, NonDifferentiableError, TreeError
from bevel.base.words import kind_of
from bevel.control.program import backward
from bevel.core.jaxpr import ClosedJaxpr, evaluate
from bevel.core.places import Transformation, scope, under
from bevel.core.source import user_line
from bevel.core.staging import stage
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval, is_valid_value, state
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_nodes import register_pytree_node
from bevel.engine.pytree import flatten
from bevel.ops.convert import as_weak_as, convert
from bevel.ops.shapes import as_array, instantiate
from bevel.transforms.jvp import jvp as run_jvp
from bevel.transforms.linearize import Linearized
from bevel.transforms.linearize import linearize as run_linearize


def check_callable(fun, what):
    if not callable(fun):
        raise TypeError(f"{what} needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")


def value_and_aux(result, fun, what):
    is_row = isinstance(result, (tuple, list))
    if not is_row or len(result) != 2:
        got = f"a {type(result).__name__} of {len(result)}" if is_row else kind_of(result)
        raise TypeError(
            f"{what} with has_aux=True needs {name_of(fun)} to give a pair (value, aux); it gave {got}"
            f"{user_line(' at {}')}."
        )
    return result


class Aux:
    """What a function gives beside its value: a tree whose arrays follow the value, and whose other leaves stay."""

    __slots__ = ("arrays", "leaves", "places", "tree")

    def __init__(self, aux):
        self.leaves, self.tree = flatten(aux)
        self.places = [i for i, leaf in enumerate(self.leaves) if is_valid_value(leaf)]
        self.arrays = [self.leaves[i] for i in self.places]

    def of(self, arrays):
        """The tree with other arrays."""
        for i, array in zip(self.places, arrays, strict=True):
            self.leaves[i] = array
        return self.tree.unflatten(self.leaves)


_NOTHING = Aux(())


def check_inputs(fun, leaves, positions, chosen, holomorphic, allow_int, what):
    for index, leaf in enumerate(leaves):
        try:
            dtype = get_aval(leaf).dtype
        except TypeError as error:
            if isinstance(leaf, np.ndarray):
                raise
            raise TypeError(
                f"{what} of {name_of(fun)} differentiates in {_leaf_name(fun, positions, chosen, index)}, which is "
                f"{kind_of(leaf)}, not an array or number{user_line(' at {}')}: {str(leaf)[:60]}\n"
                "Choose what to differentiate in by argnums."
            ) from error
        if holomorphic:
            if not dtypes.issubdtype(dtype, np.complexfloating):
                raise NonDifferentiableError(
                    f"{what} with holomorphic=True needs complex arguments; "
                    f"{_leaf_name(fun, positions, chosen, index)} of {name_of(fun)} is {get_aval(leaf).str_short()}"
                    f"{user_line(' at {}')}."
                )
        elif dtypes.issubdtype(dtype, dtypes.extended) or dtypes.issubdtype(dtype, np.integer) or dtype == np.bool_:
            if not allow_int:
                raise NonDifferentiableError(
                    f"{what} needs real or complex arguments; {_leaf_name(fun, positions, chosen, index)} of "
                    f"{name_of(fun)} is {get_aval(leaf).str_short()}{user_line(' at {}')}.\n"
                    "Pass a float (3.0 for 3), choose others by argnums, or allow_int=True for a gradient of float0."
                )
        elif what == "jacfwd" and dtypes.issubdtype(dtype, np.complexfloating):
            raise NonDifferentiableError(
                f"jacfwd needs real arguments; {_leaf_name(fun, positions, chosen, index)} of {name_of(fun)} is "
                f"{get_aval(leaf).str_short()}{user_line(' at {}')}.\n"
                "For a holomorphic function: holomorphic=True; for the derivative in one direction: jvp."
            )
        elif not dtypes.issubdtype(dtype, np.inexact):
            raise NonDifferentiableError(f"{what} cannot differentiate in an argument of dtype {dtype}.")


def _leaf_name(fun, positions, chosen, index):
    held = [()] * (max(positions) + 1)
    for position, value in zip(positions, chosen, strict=True):
        held[position] = value
    return argument_names(fun, tuple(held), {})[index]


def jvp(fun: Callable, primals, tangents, has_aux: bool = False):
    """The value of fun and its derivative along tangents: (value, tangent), or with aux (value, tangent, aux).

    primals, tangents   tuples of one tree: a tangent for each argument, of its shape and dtype

    >>> import bevel, bevel.numpy as jnp
    >>> print(bevel.jvp(jnp.sin, (0.0,), (2.0,))[1])
    2.0
    """
    check_callable(fun, "jvp")
    for what, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, (tuple, list)):
            raise TypeError(
                f"jvp needs {what} as a tuple, one entry per argument; got {kind_of(value)}{user_line(' at {}')}."
            )
    leaves, in_tree = flatten(tuple(primals))
    given, tangent_tree = flatten(tuple(tangents))
    if tangent_tree != in_tree:
        raise TypeError(
            f"jvp needs tangents of the primals' structure{user_line(' at {}')}.\n"
            + describe_mismatch(tuple(primals), tuple(tangents), "primals", "tangents")
        )
    prepared = [_tangent(t, p, i) for i, (t, p) in enumerate(zip(given, leaves, strict=True))]
    flat = _FlatWithAux(fun, in_tree, has_aux, "jvp")
    results, out = run_jvp(under("jvp", flat), leaves, prepared, state.trace)
    count = len(results) - len(flat.aux.arrays)
    value = flat.out_tree.unflatten([as_array(r) for r in results[:count]])
    avals = [get_aval(r) for r in results[:count]]
    tangent = flat.out_tree.unflatten([_pushed(t, a, prepared) for t, a in zip(out[:count], avals, strict=True)])
    return (value, tangent, flat.aux.of(results[count:])) if has_aux else (value, tangent)


class TangentError(BevelError, TypeError, ValueError):
    """A tangent or cotangent is not of the structure, shape or dtype of what it belongs to.

    Fails: `jvp(jnp.sin, (jnp.ones(3),), (1.0,))`. Mended: `jvp(jnp.sin, (jnp.ones(3),), (jnp.ones(3),))`.
    """


class ArgumentsError(BevelError, TypeError):
    """A differentiated function was called without the arguments that it is differentiated in."""


def _pushed(tangent, aval, given):
    """The tangent of a result as the caller gets it: weakly typed where that is, unless it is one of those given."""
    if is_zero(tangent) and tangent.aval.dtype == dtypes.float0:
        return np.zeros(tangent.aval.shape, dtypes.float0)
    array = as_array(instantiate(tangent))
    return array if any([tangent is t for t in given]) else as_weak_as(array, aval)


def _tangent(tangent, primal, position):
    """A tangent checked against its primal; `Zero` for integers."""
    aval = get_aval(primal)
    expected = aval.to_tangent_aval()
    got = get_aval(tangent) if getattr(tangent, "dtype", None) != dtypes.float0 else None
    if expected.dtype == dtypes.float0:
        if got is not None:
            raise TypeError(
                f"jvp: argument {position} is {aval.str_short()}, which has no derivative; its tangent must be of "
                f"dtype float0, not {got.str_short()}: np.zeros(shape, bevel.dtypes.float0)."
            )
        return Zero(expected)
    if got is None or got.shape != aval.shape or got.dtype != aval.dtype:
        raise TangentError(
            f"jvp: the tangent of argument {position} must be of its shape and dtype: {aval.str_short()}; "
            f"got {'float0' if got is None else got.str_short()}{user_line(' at {}')}."
        )
    return tangent


class _FlatWithAux(Flat):
    """As Flat, for functions that may give (value, aux): aux leaves come last."""

    __slots__ = ("aux", "has_aux", "what")

    def __init__(self, function, in_tree, has_aux, what):
        super().__init__(function, in_tree)
        self.has_aux = has_aux
        self.what = what
        self.aux = _NOTHING

    def __call__(self, *leaves):
        result = self.function(*self.in_tree.unflatten(leaves))
        if self.has_aux:
            result, aux = value_and_aux(result, self.function, self.what)
            self.aux = Aux(aux)
        values, self.out_tree = flatten(result)
        return [*values, *self.aux.arrays]


def vjp(fun: Callable, *primals, has_aux: bool = False, reduce_axes: Sequence = ()):
    """The value of fun, and a function from cotangents of it to cotangents of its arguments: (value, vjp_fun[, aux]).

    >>> import bevel, bevel.numpy as jnp
    >>> value, pull = bevel.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> [float(g) for g in pull(1.0)]
    [3.0, 2.0]
    """
    leaves, flat, linearized, results, given = _linearized(fun, primals, has_aux, "vjp")
    avals = [get_aval(r) for r in results]
    pull = VJP(linearized, [get_aval(x) for x in leaves], avals, flat.in_tree, flat.out_tree)
    value = flat.out_tree.unflatten([as_array(r) for r in results])
    return (value, pull, flat.aux.of(given)) if has_aux else (value, pull)


def _linearized(fun, primals, has_aux, what):
    """A function run at primals: (their leaves, it on leaves, its linear part, its results, arrays of aux)."""
    check_callable(fun, what)
    leaves, in_tree = flatten(primals)
    flat = _FlatWithAux(fun, in_tree, has_aux, what)
    results, linearized = run_linearize(under("jvp", flat), leaves)
    count = len(results) - len(flat.aux.arrays)
    linearized.results = linearized.results[:count]
    return leaves, flat, linearized, results[:count], results[count:]


class VJP:
    """A function of cotangents: the transpose of a derivative at a point. A pytree of its residuals."""

    def __init__(self, linearized, in_avals, out_avals, in_tree, out_tree):
        self.linearized = linearized
        self.in_avals = in_avals
        self.out_avals = out_avals
        self.in_tree = in_tree
        self.out_tree = out_tree

    def __call__(self, cotangents):
        given, tree = flatten(cotangents)
        if tree != self.out_tree:
            raise TreeError(
                "The cotangents given to a vjp function must have the structure of the function's value.\n"
                + describe_mismatch(self.out_tree, cotangents, "the value", "the cotangents")
            )
        cts = [_cotangent(ct, aval) for ct, aval in zip(given, self.out_avals, strict=True)]
        found = self.linearized.backward(cts)
        pairs = zip(given, self.out_avals, strict=True)
        is_strong = any([aval.weak_type and not get_aval(ct).weak_type for ct, aval in pairs])
        products = zip(found, self.in_avals, strict=True)
        return self.in_tree.unflatten([pulled(ct, aval, is_strong) for ct, aval in products])


def pulled(ct, aval, is_strong=False):
    """The cotangent of an argument as the caller gets it: weakly typed where that is, unless the caller gave a strongly
    typed one of a weakly typed value."""
    if ct is None:
        return np.zeros(aval.shape, dtypes.float0)
    keeps = not aval.weak_type or (is_strong and not is_zero(ct))
    ct = as_array(instantiate(ct))
    return ct if keeps else as_weak_as(ct, aval)


def _cotangent(ct, aval, expected=None):
    expected = aval.to_tangent_aval() if expected is None else expected
    if expected.dtype == dtypes.float0:
        return Zero(expected)
    got = get_aval(ct)
    is_number = got.weak_type and got.dtype.kind in ("fc" if expected.dtype.kind == "c" else "f")
    if got.shape != aval.shape or (got.dtype != aval.dtype and not is_number):
        raise TangentError(
            f"A vjp function needs a cotangent of the value's shape and dtype, {aval.str_short()}; got "
            f"{got.str_short()}."
        )
    return convert(ct, aval.dtype) if got.dtype != aval.dtype else ct


class _Residual(Linearized):
    """A linearised program taken out of its tape: its residuals are values in a list."""

    __slots__ = ("program", "residuals")

    def __init__(self, program, residuals, wanted):
        self.program = program
        self.residuals = residuals
        self.inputs = wanted

    def forward(self, tangents):
        held = [instantiate(t) for t, w in zip(tangents, self.inputs, strict=True) if w is not None]
        return evaluate(self.program.jaxpr, self.program.consts, *self.residuals, *held)

    def backward(self, cotangents):
        count = len(self.residuals)
        linear = (False,) * count + (True,) * (len(self.program.jaxpr.invars) - count)
        operands = [*self.residuals, *[None] * (len(linear) - count)]
        cts = [instantiate(c) if is_zero(c) else c for c in cotangents]
        with scope(Transformation("transpose")):
            found = iter(backward(self.program, linear, operands, cts))
        return [None if w is None else next(found) for w in self.inputs]


def _flatten_vjp(pull):
    linearized = pull.linearized
    if not isinstance(linearized, _Residual):
        wanted = [v if v is None else True for v in linearized.inputs]
        live = [v for v in linearized.inputs if v is not None]
        whole = Linearized(linearized.tape, linearized.equations, live, linearized.results)
        program, residuals = whole.to_jaxpr()
        linearized = pull.linearized = _Residual(program, residuals, wanted)
    static = (
        linearized.program,
        tuple(linearized.inputs),
        tuple(pull.in_avals),
        tuple(pull.out_avals),
        pull.in_tree,
        pull.out_tree,
    )
    return tuple(linearized.residuals), static


def _unflatten_vjp(static, residuals):
    program, wanted, in_avals, out_avals, in_tree, out_tree = static
    return VJP(_Residual(program, list(residuals), list(wanted)), list(in_avals), list(out_avals), in_tree, out_tree)


register_pytree_node(VJP, _flatten_vjp, _unflatten_vjp)


def linearize(fun: Callable, *primals, has_aux: bool = False):
    """The value of fun, and its derivative there as a function of tangents: (value, jvp_fun[, aux]).

    The nonlinear work is done once; each call of jvp_fun costs only the linear part.
    """
    leaves, flat, linearized, results, given = _linearized(fun, primals, has_aux, "linearize")
    in_tree, out_tree, out_avals = flat.in_tree, flat.out_tree, [get_aval(r) for r in results]

    def push(*tangents):
        moved, tree = flatten(tangents)
        if tree != in_tree:
            raise TangentError(
                "A linearised function needs tangents of the structure of its arguments.\n"
                + describe_mismatch(in_tree, tangents, "the arguments", "the tangents")
            )
        prepared = [_tangent(t, p, i) for i, (t, p) in enumerate(zip(moved, leaves, strict=True))]
        out = linearized.forward(prepared)
        return out_tree.unflatten([_pushed(t, a, prepared) for t, a in zip(out, out_avals, strict=True)])

    value = out_tree.unflatten([as_array(r) for r in results])
    return (value, push, flat.aux.of(given)) if has_aux else (value, push)


def linear_transpose(fun: Callable, *primals, reduce_axes: Sequence = ()) -> Callable:
    """The transpose of a linear function: from a cotangent of its value to cotangents of its arguments.

    fun      linear in its arguments, trees of arrays (integers too)
    primals  examples of the arguments; only their shapes and dtypes matter (`ShapeDtypeStruct`s will do)
    gives    a function of one cotangent, of the structure, shapes and dtypes of fun's value, that gives a tuple of
             cotangents, one for each argument, in its dtype
    raises   NonDifferentiableError where fun is not linear

    >>> import bevel, bevel.numpy as jnp
    >>> transposed = bevel.linear_transpose(lambda x: jnp.stack([x, 2 * x]), bevel.ShapeDtypeStruct((), jnp.float32))
    >>> print(transposed(jnp.array([1.0, 10.0]))[0])
    21.0
    """
    check_callable(fun, "linear_transpose")
    leaves, in_tree = flatten(primals)
    avals = [_aval_like(x, fun) for x in leaves]
    flat = _FlatWithAux(fun, in_tree, False, "linear_transpose")
    jaxpr, consts = stage(flat, avals, name_of(fun))
    out_avals = [a.strip_weak_type() for a in jaxpr.out_avals]
    out_tree = flat.out_tree

    def transposed(cotangents):
        given, tree = flatten(cotangents)
        if tree != out_tree:
            raise TangentError(
                f"The transpose of {name_of(fun)} takes a cotangent of the structure of its value.\n"
                + describe_mismatch(out_tree, cotangents, "the value", "the cotangent")
            )
        cts = [_cotangent(ct, aval, aval) for ct, aval in zip(given, out_avals, strict=True)]
        closed, linear = ClosedJaxpr(jaxpr, consts), (True,) * len(avals)
        with scope(Transformation("transpose")):
            found = backward(closed, linear, [None] * len(avals), cts)
        return in_tree.unflatten(
            [convert(as_array(instantiate(ct)), a.dtype, a.weak_type) for ct, a in zip(found, avals, strict=True)]
        )

    return transposed


def _aval_like(x, fun):
    """The aval of an array, or of anything with a shape and a dtype."""
    try:
        return get_aval(x)
    except TypeError:
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
        if shape is None or dtype is None:
            raise TypeError(
                f"linear_transpose of {name_of(fun)} needs examples with a shape and a dtype; got "
                f"{kind_of(x)}: {str(x)[:60]}"
            ) from None
        return ShapedArray(tuple(shape), dtypes.canonicalize_dtype(dtype))


def fwd_and_bwd(
    fun: Callable, argnums: int | Sequence[int], has_aux: bool = False, jitted: bool = True
) -> tuple[Callable, Callable]:
    """Forward and backward pass as two functions, each compiled once: (fwd, bwd).

    argnums  which positional arguments to differentiate in
    has_aux  fun gives (value, aux)
    jitted   both are given as `jit`ted functions
    gives    fwd(*args) → (value, residuals), or (value, residuals, aux); residuals are a pytree of arrays
             bwd(residuals, cotangent of value) → a tuple of cotangents, or one where argnums is an int

    >>> import bevel, bevel.numpy as jnp
    >>> fwd, bwd = bevel.fwd_and_bwd(lambda w, x: w * jnp.sin(x), argnums=(0, 1))
    >>> value, residuals = fwd(2.0, 0.0)
    >>> [float(ct) for ct in bwd(residuals, 1.0)]
    [0.0, 2.0]
    """
    check_callable(fun, "fwd_and_bwd")
    single = isinstance(argnums, (int, np.integer))

    def fwd(*args, **kwargs):
        positions = positions_of(argnums, len(args), f"fwd_and_bwd (argnums={argnums})", fun)
        of_chosen = function_of_chosen(fun, args, kwargs, positions)
        return vjp(of_chosen, *[args[i] for i in positions], has_aux=has_aux)

    def bwd(residuals, cotangent):
        return one_or_all(residuals(cotangent), single)

    return (jit(fwd), jit(bwd)) if jitted else (fwd, bwd)


def function_of_chosen(fun, args, kwargs, positions):
    """fun of its arguments at these positions; the others are as given."""

    def of_chosen(*chosen):
        given = list(args)
        for i, value in zip(positions, chosen, strict=True):
            given[i] = value
        return fun(*given, **kwargs)

    of_chosen.__name__ = name_of(fun)
    return of_chosen


def one_or_all(values, single):
    return values[0] if single else values
