"""Taylor mode: the higher derivatives of a function along a path, at the price of one run: jet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bevel.api.flat import argument_names, name_of
from bevel.base import dtypes
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.core.places import under
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.engine.pytree import flatten
from bevel.ops.convert import as_weak_as, convert
from bevel.ops.elementwise import mul
from bevel.ops.shapes import as_array, full, instantiate
from bevel.transforms.jet import jet as run_jet


class ZeroTerm:
    """A term of a series that is zero."""

    def __repr__(self):
        return "zero_term"


class ZeroSeries:
    """The series of an argument that stays where it is."""

    def __repr__(self):
        return "zero_series"


zero_term, zero_series = ZeroTerm(), ZeroSeries()


class SeriesError(BevelError, ValueError, TypeError):
    """The series given to jet do not fit: one for each argument, all of one length, of terms like the argument.

    Fails: `jet(jnp.sin, (0.0,), (1.0,))`. Mended: `jet(jnp.sin, (0.0,), ([1.0],))`.
    """


def jet(fun: Callable, primals: Sequence, series: Sequence, factorial_scaled: bool = True, **_: Any):
    """The value of fun and its derivatives along a path, of order one to n: (value, series).

    fun       a function of arrays; its value may be any tree
    primals   where the path begins: an array for each argument
    series    for each argument its terms [x′, x″, …], of its shape and dtype, all of one length n; or `zero_series`
              for one that stays, `zero_term` for a term
    factorial_scaled   terms are derivatives; False: coefficients of the Taylor polynomial, x⁽ᵏ⁾/k!
    gives     the value, and a tree of its structure with a list of n terms for each array
    raises    SeriesError where they do not fit
    source    Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 13

    The cost grows with n² for a product, not with 2ⁿ as that of nested jvps does.

    >>> import bevel.numpy as jnp
    >>> from bevel.experimental.jet import jet
    >>> value, terms = jet(jnp.exp, (0.0,), ([1.0, 0.0, 0.0],))
    >>> print(value, [float(t) for t in terms])
    1.0 [1.0, 1.0, 1.0]
    """
    if not callable(fun):
        raise TypeError(f"jet needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    primals, series = tuple(primals), tuple(series)
    if len(primals) != len(series):
        raise SeriesError(
            f"jet of {name_of(fun)} needs a series for each argument; it was given {len(primals)} arguments and "
            f"{len(series)} series."
        )
    order = _order(fun, primals, series)
    values, paths = [], []
    for i, (x, terms) in enumerate(zip(primals, series, strict=True)):
        value, path = _prepared(fun, primals, i, x, terms, order, factorial_scaled)
        values.append(value)
        paths.append(path)
    tree: Any = None

    def flat(*xs):
        nonlocal tree
        results, tree = flatten(fun(*xs))
        return results

    results, found = run_jet(under("jet", flat), values, paths, order)
    is_strong = any([get_aval(x).weak_type and not _is_weak(path) for x, path in zip(values, paths, strict=True)])
    terms = [_given(r, t, order, factorial_scaled, is_strong) for r, t in zip(results, found, strict=True)]
    return tree.unflatten([as_array(r) for r in results]), tree.unflatten(terms)


def jet2(fun: Callable, primals: Sequence, series: Sequence, *, factorial_scaled: bool = False, **_: Any):
    """As `jet`, with Taylor coefficients x⁽ᵏ⁾/k! as terms, unless told otherwise.

    >>> from bevel.experimental.jet import jet2
    >>> value, terms = jet2(lambda x: x**3, (2.0,), ([1.0, 0.0, 0.0],))
    >>> [float(t) for t in terms]
    [12.0, 6.0, 1.0]
    """
    return jet(fun, primals, series, factorial_scaled)


def _order(fun, primals, series) -> int:
    """The one length of all series."""
    lengths: dict[int, int] = {}
    for i, terms in enumerate(series):
        if isinstance(terms, ZeroSeries):
            continue
        if not isinstance(terms, (list, tuple)):
            raise SeriesError(
                f"jet of {name_of(fun)} needs the series of {_name(fun, primals, i)} as a list of terms; got "
                f"{kind_of(terms)}: {str(terms)[:60]}"
            )
        lengths.setdefault(len(terms), i)
    if len(lengths) > 1:
        said = ", ".join([f"{_name(fun, primals, i)} has {n}" for n, i in lengths.items()])
        raise SeriesError(
            f"jet of {name_of(fun)} needs series of one length; {said}.\nFill the shorter ones with zero_term."
        )
    order = next(iter(lengths), 0)
    if not order:
        raise SeriesError(f"jet of {name_of(fun)} was given no terms. Give at least [1.0] for one argument.")
    return order


def _name(fun, primals, i) -> str:
    names = argument_names(fun, tuple([0.0] * len(primals)), {})
    return names[i] if len(names) == len(primals) else f"argument {i}"


def _prepared(fun, primals, i, x, terms, order, factorial_scaled):
    """(value, path) of an argument, its terms being derivatives; the path None where it stays."""
    if flatten(x)[1].num_nodes != 1 or x is None:
        raise SeriesError(
            f"jet of {name_of(fun)} needs arrays as arguments; {_name(fun, primals, i)} is {kind_of(x)}.\n"
            "Take its arrays as arguments of their own."
        )
    aval = get_aval(x)
    if isinstance(terms, ZeroSeries):
        return x, None
    if aval.to_tangent_aval().dtype == dtypes.float0:
        if any([np.any(np.asarray(t) != 0) for t in terms if not isinstance(t, ZeroTerm)]):
            raise SeriesError(
                f"jet of {name_of(fun)} was given a series for {_name(fun, primals, i)}, {aval.str_short()}: an "
                "integer has no derivatives. Pass a float."
            )
        return x, None
    out = []
    for k, term in enumerate(terms, 1):
        if isinstance(term, ZeroTerm):
            out.append(Zero(aval.to_tangent_aval()))
            continue
        got = get_aval(term)
        if got.shape != aval.shape or (got.dtype != aval.dtype and not got.weak_type):
            raise SeriesError(
                f"jet of {name_of(fun)} needs terms of the shape and dtype of the argument; term {k} of "
                f"{_name(fun, primals, i)}, {aval.str_short()}, is {got.str_short()}."
            )
        term = convert(term, aval.dtype) if got.dtype != aval.dtype else term
        out.append(term if factorial_scaled else mul(term, aval.dtype.type(math.factorial(k))))
    return x, out


def _is_weak(path) -> bool:
    """Are the terms of an argument's series weakly typed, or none?"""
    return path is None or all([is_zero(t) or get_aval(t).weak_type for t in path])


def _given(result, terms, order, factorial_scaled, is_strong):
    """The terms of a result as the caller gets them: weakly typed where that is, unless `is_strong`."""
    aval = get_aval(result).to_tangent_aval()
    if aval.dtype == dtypes.float0:  # integers stay where they are
        zero = dtypes.canonicalize_dtype(np.dtype("float64"))
        return [convert(full(aval.shape, 0, zero), zero, True)] * order
    terms = [Zero(aval)] * order if terms is None else terms
    if not factorial_scaled:
        scale = [aval.dtype.type(1 / math.factorial(k)) for k in range(1, order + 1)]
        terms = [t if is_zero(t) else mul(t, s) for t, s in zip(terms, scale, strict=True)]
    arrays = [as_array(instantiate(t)) for t in terms]
    if not aval.weak_type:
        return arrays
    return [t if is_strong and not is_zero(z) else as_weak_as(t, aval) for t, z in zip(arrays, terms, strict=True)]


__all__ = ["SeriesError", "ZeroSeries", "ZeroTerm", "jet", "jet2", "zero_series", "zero_term"]
