"""Functions of numbers with what NumPy gives them besides the call: `jnp.add.reduce`, `.accumulate`, `.at`, …

The functions that JAX gives as ufuncs are ufuncs here. Where one has a name of its own for a method (`add.reduce` is
`sum`) that is what runs; an associative one goes by a tree; any other by a loop.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bevel.api.associative import associative_scan
from bevel.api.looping import fori_loop
from bevel.api.scanning import scan
from bevel.api.stages import eval_shape
from bevel.base import dtypes, lattice, settings
from bevel.base.avals import ShapedArray
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.engine.client import Array
from bevel.numpy import arithmetic, bits, cumulative, exponentials, logic, order, reductions
from bevel.numpy.axes import as_array, as_index, one_axis, refuse_out, several_axes, shape_of
from bevel.numpy.choosing import where as chosen
from bevel.numpy.creation import asarray, wanted_dtype
from bevel.numpy.eager import compiled, with_number
from bevel.numpy.index_keys import parse
from bevel.numpy.promotion import arrays, broadcast_shapes, broadcast_to
from bevel.numpy.ranges import arange
from bevel.numpy.selection import index
from bevel.numpy.stretches import by_doubling, by_passing, column
from bevel.numpy.vectorized import vectorize
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumlogsumexp, Cummax, Cummin
from bevel.ops.cumulative_bits import Cumand, Cumor, CumulativeBits, Cumxor
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.indexing import take_rows
from bevel.ops.reductions import ReduceAnd, ReduceOr, ReduceXor
from bevel.ops.shapes import move_axis, reshape


class ufunc:
    """A function of `nin` numbers that acts elementwise on arrays, with the methods that NumPy gives to such functions.

    func      the function of numbers, made of bevel.numpy's; `call` is the same on whole arrays, where there is one
    nin, nout how many numbers it takes and gives
    identity  what `reduce` gives of no elements; None: that is an error
    call, reduce, accumulate, at, reduceat   faster forms of the methods, for who knows any

    >>> import bevel.numpy as jnp
    >>> jnp.add.reduce(jnp.array([1, 2, 3]))
    Array(6, dtype=int32)
    >>> isinstance(jnp.add, jnp.ufunc)
    True
    """

    __module__ = "bevel.numpy"
    __slots__ = ("__dict__", "_call", "_faster", "_function", "_prepared")

    def __init__(
        self, func: Callable, /, nin: int, nout: int, *, name: str | None = None, nargs: int | None = None,
        identity: Any = None, call: Callable | None = None, reduce: Callable | None = None,
        accumulate: Callable | None = None, at: Callable | None = None, reduceat: Callable | None = None,
    ):  # fmt: skip
        if not callable(func):
            raise TypeError(f"ufunc needs a function of numbers; got {kind_of(func)}{user_line(' at {}')}.")
        self.__name__ = name or getattr(func, "__name__", "function")
        self.__doc__ = func.__doc__
        self.nin, self.nout, self.nargs = as_index("ufunc", nin, "nin"), as_index("ufunc", nout, "nout"), nargs or nin
        self.identity = identity
        self.is_associative = False
        self._prepared = (
            None  # what operands of the methods are made first, where the function would change their dtype
        )
        self._function = func
        self._call = call or _refusing(vectorize(func), self.__name__)
        self._faster = {"reduce": reduce, "accumulate": accumulate, "at": at, "reduceat": reduceat}

    if TYPE_CHECKING:

        def __call__(self, *args, out=None, where=None) -> Any: ...

    @property
    def __signature__(self):
        return inspect.signature(self._call)

    def __repr__(self):
        return f"<jnp.ufunc {self.__name__!r}>"

    def __reduce__(self):
        """Pickled, and copied, by name; one that a user made, by its function."""
        if getattr(sys.modules["bevel.numpy"], self.__name__, None) is self:
            return self.__name__
        make = functools.partial(ufunc, name=self.__name__, nargs=self.nargs, identity=self.identity)
        return make, (self._function, self.nin, self.nout)

    def _key(self):
        return self._function, self.nin, self.nout, self.__name__, self.identity

    def __hash__(self):
        return hash((self._function, self.__name__))

    def __eq__(self, other):
        return self is other or (type(other) is ufunc and self._key() == other._key())

    def _operand(self, method, a):
        if self.nin != 2 or self.nout != 1:
            raise ValueError(
                f"{method} only supported for binary ufuncs with a single output{user_line(' at {}')}; "
                f"{self.__name__} takes {self.nin} and gives {self.nout}."
            )
        x = as_array(f"{self.__name__}.{method}", a)
        return x if self._prepared is None else self._prepared(x)

    @compiled(static=("self", "axis", "dtype", "keepdims"))
    def reduce(self, a, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=None):
        """The elements along an axis joined to one by the function, from the first to the last.

        axis     None: of the array laid flat; a tuple only where the function has an order-free form (add, maximum, …)
        initial  what it starts from
        where    a mask of elements to take; needs an identity, or initial
        """
        x = self._operand("reduce", a)
        refuse_out(f"{self.__name__}.reduce", out)
        if where is not None and self.identity is None and initial is None:
            raise ValueError(
                f"{self.__name__} has no identity, so with a where mask it needs an initial value{user_line(' at {}')}."
            )
        faster = self._faster["reduce"]
        if faster is not None:
            return faster(x, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
        shape, dtype = shape_of(x), get_aval(x).dtype if dtype is None else wanted_dtype(dtype, self.__name__)
        x = convert(x, dtype)
        if where is not None:
            where = broadcast_to(as_array("where", where), broadcast_shapes("where", shape, shape_of(where)))
        if axis is None:
            x, axis = reshape(x, (get_aval(x).size,)), 0
            where = None if where is None else reshape(where, shape_of(x))
            kept = (1,) * len(shape)
        else:
            axis = one_axis(self.__name__, _lone(axis), len(shape))
            kept = tuple([1 if i == axis else d for i, d in enumerate(shape)])
        result = self._folded(move_axis(x, axis, 0), None if where is None else move_axis(where, axis, 0), initial)
        return reshape(result, kept) if keepdims else result

    def _folded(self, rows, mask, initial):
        """The rows joined, one after the other."""
        count, shape = shape_of(rows)[0], shape_of(rows)[1:]
        dtype = get_aval(rows).dtype
        start = self.identity if initial is None else initial
        if start is None and not count:
            raise ValueError(
                f"zero-size array to reduction operation {self.__name__} which has no identity{user_line(' at {}')}: "
                "give initial=…."
            )
        first = take_rows(rows, 0) if start is None else broadcast_to(convert(asarray(start), dtype), shape)
        rest = rows if start is not None else slice_in_dim(rows, 1, count, 0)

        def step(total, row):
            new = convert(self._call(total, row if mask is None else row[0]), dtype)
            return (new if mask is None else chosen(row[1], new, total)), None

        return scan(step, first, rest if mask is None else (rest, mask))[0]

    @compiled(static=("self", "axis", "dtype"))
    def accumulate(self, a, axis=0, dtype=None, out=None):
        """All the partial results of `reduce` along an axis; as many as there are elements. None: of x laid flat."""
        x = self._operand("accumulate", a)
        refuse_out(f"{self.__name__}.accumulate", out)
        if not shape_of(x):
            x = reshape(x, (1,))
        if axis is None:
            x, axis = reshape(x, (get_aval(x).size,)), 0
        axis = one_axis(self.__name__, _lone(axis), len(shape_of(x)))
        if self._faster["accumulate"] is not None:
            return self._faster["accumulate"](x, axis=axis, dtype=dtype)
        x = convert(x, get_aval(x).dtype if dtype is None else wanted_dtype(dtype, self.__name__))
        rows = move_axis(x, axis, 0)
        if not shape_of(rows)[0]:
            return x
        if self.is_associative:
            return associative_scan(self._call, x, axis=axis)

        def step(total, row):
            new = convert(self._call(total, row), get_aval(row).dtype)
            return new, new

        first = take_rows(rows, 0)
        _, others = scan(step, first, slice_in_dim(rows, 1, shape_of(rows)[0], 0))
        return move_axis(Concatenate(0)(reshape(first, (1, *shape_of(first))), others), 0, axis)

    def at(self, a, indices, b=None, /, *, inplace=True):
        """A copy of `a` with the function applied at places, as often as each is named.

        `inplace` must be False: arrays don't change. A function of one number takes no b. The copy has the dtype that
        the function gives of both: floats of `logaddexp` of ints, bools of `logical_and`. Sums, differences and
        products keep that of a.
        """
        if inplace:
            raise NotImplementedError(
                f"jnp.{self.__name__}.at cannot change its argument{user_line(' at {}')}: arrays are immutable.\n"
                f"With inplace=False it gives a changed copy: x = jnp.{self.__name__}.at(x, indices, b, inplace=False)."
            )
        if (b is None) is (self.nin == 2):
            raise ValueError(
                f"{self.__name__}.at takes {'a second operand' if self.nin == 2 else 'no second operand'}"
                f"{user_line(' at {}')}: the function is of {self.nin} numbers."
            )
        others = () if b is None else (b,)
        parts = indices if type(indices) is tuple else (indices,)
        if all([type(i) is Array and i.aval.dtype.kind in "iu" for i in parts]) or self._is_place(a, indices):
            return self._at_arrays(a, indices, *others)  # whose shapes depend on no value: one program
        return self._at(a, indices, *others)

    @staticmethod
    def _is_place(a, i):
        """Is it an int within bounds? Where no letter is due for others, any int is."""
        shape = get_aval(a).shape if type(i) is int else ()
        return bool(shape) and (-shape[0] <= i < shape[0] or settings.sharp_edges.value == "compat")

    @compiled(static="self", name="at")
    def _at_arrays(self, a, indices, *others):
        return self._at(a, indices, *others)

    def _at(self, a, indices, b=None):
        x = as_array(f"{self.__name__}.at", a)
        if self._faster["at"] is not None:
            return self._faster["at"](x, indices, b)
        # the places in the order that NumPy goes through them, as positions in the array laid flat; those out of bounds
        # behind its end, where nothing is set
        count, numbered = get_aval(x).size, reshape(arange(get_aval(x).size), shape_of(x))
        if settings.sharp_edges.value != "compat":
            parse(shape_of(x), indices)  # the letter about an int out of bounds
        places = index(numbered, indices, mode="fill", fill_value=count)
        positions = reshape(places, (get_aval(places).size,))
        others = () if b is None else (as_array(f"{self.__name__}.at", b),)
        wanted = [ShapedArray((), v.dtype, v.weak_type) for v in map(get_aval, (x, *others))]
        x = convert(x, eval_shape(self._call, *wanted).dtype)
        return self._applied(x, positions, *[broadcast_to(other, shape_of(places)) for other in others])

    @compiled(static="self")
    def _applied(self, x, positions, *others):
        """x with the function applied at positions in it laid flat, one after the other."""
        others = [reshape(other, shape_of(positions)) for other in others]

        def step(i, flat):
            place = take_rows(positions, i)
            new = self._call(take_rows(flat, place), *[take_rows(other, i) for other in others])
            return flat.at[place].set(convert(new, get_aval(flat).dtype))

        flat = reshape(x, (get_aval(x).size,))
        return reshape(fori_loop(0, shape_of(positions)[0], step, flat), shape_of(x))

    @compiled(static=("self", "axis", "dtype"))
    def reduceat(self, a, indices, axis=0, dtype=None, out=None):
        """`reduce` of the stretches from each index to the next one, the last to the end.

        Where the next index is not greater, the stretch is the one element. Ends beyond the last are the last; of
        a start beyond it comes NaN, or the lowest integer.
        """
        x = self._operand("reduceat", a)
        refuse_out(f"{self.__name__}.reduceat", out)
        starts = as_array(f"{self.__name__}.reduceat", indices)
        if len(shape_of(starts)) != 1 or not dtypes.issubdtype(get_aval(starts).dtype, np.integer):
            raise ValueError(
                f"reduceat takes a vector of integer indices{user_line(' at {}')}; got {get_aval(starts).str_short()}."
            )
        axis = one_axis(self.__name__, _lone(axis), len(shape_of(x)))
        if self._faster["reduceat"] is not None:
            return self._faster["reduceat"](x, starts, axis=axis, dtype=dtype)
        rows = move_axis(convert(x, _sum_dtype(self, x, dtype)), axis, 0)
        if not shape_of(rows)[0]:
            raise IndexError(f"reduceat of an axis without elements{user_line(' at {}')}: shape {shape_of(x)}.")
        result = (by_doubling if self.is_associative else by_passing)(self._call, rows, starts)
        count = shape_of(rows)[0]
        is_inside = column(logic.logical_and(order.greater_equal(starts, -count), order.less(starts, count)), rows)
        return move_axis(chosen(is_inside, result, index(rows, starts, mode="fill")), 0, axis)

    @compiled(static="self")
    def outer(self, A, B, /):
        """The function of each element of A with each of B: the axes of A, then those of B."""
        if self.nin != 2:
            raise ValueError(f"outer only supported for binary ufuncs; {self.__name__} takes {self.nin} numbers.")
        A, B = [as_array(f"{self.__name__}.outer", v) for v in arrays(f"{self.__name__}.outer", A, B)]
        return self._call(reshape(A, shape_of(A) + (1,) * len(shape_of(B))), B)


# A call of a ufunc is a call of what it holds, without a frame of Python's between: 4.4 µs for 4.85.
ufunc.__call__ = ufunc.__dict__["_call"]  # type: ignore[method-assign]


def _refusing(call, name):
    """The call with letters for two arguments of NumPy's."""

    @functools.wraps(call)
    def with_letters(*args, out=None, where=None):
        if out is not None or where is not None:
            refuse_out(name, out)
            raise NotImplementedError(
                f"jnp.{name} does not support the argument 'where'{user_line(' at {}')}: the elements left out would "
                "have no value. Choose afterwards with jnp.where."
            )
        return call(*args)

    return with_letters


def _lone(axis):
    if isinstance(axis, (tuple, list)):
        if len(axis) == 1:
            return axis[0]
        raise NotImplementedError(
            f"This takes one axis at a time{user_line(' at {}')}: with several, the order of its elements would matter."
        )
    return axis


def _sum_dtype(function, x, dtype):
    if dtype is not None:
        return wanted_dtype(dtype, function.__name__)
    own = get_aval(x).dtype
    return reductions.wide_dtype(own) if function.__name__ in ("add", "multiply") else own


def frompyfunc(func: Callable, /, nin: int, nout: int, *, identity: Any = None) -> ufunc:
    """A ufunc of a Python function of numbers, made of bevel.numpy's functions.

    >>> import bevel.numpy as jnp
    >>> horner = jnp.frompyfunc(lambda total, c: 10 * total + c, 2, 1, identity=0)
    >>> print(horner.reduce(jnp.array([1, 2, 3])))
    123
    """
    return ufunc(func, nin, nout, identity=identity)


# ---- the ufuncs


def _reduction(function):
    """A method `reduce` by a reduction of bevel.numpy; those without a dtype argument reduce the converted array."""

    def reduce(x, *, axis, dtype, keepdims, initial, where):
        options: dict[str, Any] = {"axis": axis, "keepdims": keepdims, "where": where}
        if function in (reductions.sum, reductions.prod):
            options["dtype"] = dtype
        elif dtype is not None:
            x = convert(x, wanted_dtype(dtype, function.__name__))
        return function(x, initial=initial, **options)

    return reduce


def _logic(call, op):
    """A method `reduce` by a reduction over bits or truth values."""

    def reduce(x, *, axis, dtype, keepdims, initial, where):
        x = x if dtype is None else convert(x, wanted_dtype(dtype, "reduce"))
        axes = tuple(sorted(several_axes("reduce", axis, len(shape_of(x)))))
        x = reductions.masked("reduce", x, where, op.start(get_aval(x).dtype))
        result = op(axes)(x) if axes else x
        if initial is not None:
            result = call(convert(asarray(initial), get_aval(x).dtype), result)
        return reductions.kept(result, shape_of(x), axes, keepdims)

    return reduce


def _log_sum(base):
    """log_b Σ b^x, from the largest element on so that nothing overflows."""
    exponential, logarithm = (
        (exponentials.exp, exponentials.log) if base == 0 else (exponentials.exp2, exponentials.log2)
    )

    def reduce(x, *, axis, dtype, keepdims, initial, where):
        dtype = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(x).dtype)) if dtype is None else (
            wanted_dtype(dtype, "reduce")
        )  # fmt: skip
        x = reductions.masked("reduce", convert(x, dtype), where, -math.inf)
        top = reductions.max(x, axis=axis, keepdims=True, initial=-math.inf)
        finite = chosen(logic.isfinite(top), top, 0)
        total = reductions.sum(exponential(arithmetic.subtract(x, finite)), axis=axis, keepdims=True)
        result = arithmetic.add(logarithm(total), finite)
        if not keepdims:
            axes = several_axes("reduce", axis, len(shape_of(x)))
            result = reshape(result, [d for i, d in enumerate(shape_of(x)) if i not in axes])
        if initial is None:
            return result
        return (exponentials.logaddexp if base == 0 else exponentials.logaddexp2)(result, initial)

    return reduce


def _running(op, of_truths=None):
    """A method `accumulate` by an op that runs along an axis; another one of booleans."""

    def accumulate(x, *, axis, dtype):
        x = x if dtype is None else convert(x, wanted_dtype(dtype, "accumulate"))
        dtype = get_aval(x).dtype
        running = op if of_truths is None or dtype != np.dtype(bool) else of_truths
        return running(axis)(convert(x, dtype) if issubclass(running, CumulativeBits) else x)  # never weakly typed

    return accumulate


def _inexact(x):
    return convert(x, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(x).dtype)))


_OF_TRUTHS = {"add": "max", "multiply": "min"}  # True + True is True


def _updates(how):
    """A method `at` by an update of `x.at[indices]`."""

    def at(x, indices, b):
        if how in _OF_TRUTHS and all([get_aval(v).dtype == np.bool_ for v in (x, b)]):
            return getattr(x.at[indices], _OF_TRUTHS[how])(b)
        if how in ("max", "min"):
            x = convert(x, lattice.lattice_result([(get_aval(v).dtype, get_aval(v).weak_type) for v in (x, b)])[0])
        return getattr(x.at[indices], how)(b)

    return at


_OF_NUMBERS = (order.maximum, order.minimum)  # by which arrays are bounded


def _known(function, identity=None, is_associative=True, prepared=None, **faster):
    call = compiled(_refusing(function, function.__name__))
    call = with_number(call) if function in _OF_NUMBERS else call
    found = ufunc(function, 1 if function is arithmetic.negative else 2, 1, identity=identity, call=call, **faster)
    found.is_associative, found._prepared = is_associative, prepared
    return found


def _by_name(function):
    """A method by the function of bevel.numpy that is known for it."""
    return lambda x, *, axis, dtype: function(x, axis=axis, dtype=dtype)


def _of_bits(function, op, running):
    identity = -1 if op is ReduceAnd else 0
    return _known(function, identity, reduce=_logic(function, op), accumulate=_running(running))


def _of_truths(function, op, running):
    faster = {"reduce": _logic(function, op), "accumulate": _running(running)}
    return _known(function, op is ReduceAnd, prepared=logic.truth, **faster)


_SUM, _PRODUCT = _by_name(cumulative.cumsum), _by_name(cumulative.cumprod)
add = _known(arithmetic.add, 0, reduce=_reduction(reductions.sum), accumulate=_SUM, at=_updates("add"))
multiply = _known(
    arithmetic.multiply, 1, reduce=_reduction(reductions.prod), accumulate=_PRODUCT, at=_updates("multiply")
)
subtract = _known(arithmetic.subtract, is_associative=False, at=_updates("subtract"))
negative = _known(arithmetic.negative, is_associative=False)
maximum = _known(
    order.maximum, reduce=_reduction(reductions.max), accumulate=_running(Cummax, Cumor), at=_updates("max")
)
minimum = _known(
    order.minimum, reduce=_reduction(reductions.min), accumulate=_running(Cummin, Cumand), at=_updates("min")
)
logaddexp = _known(
    exponentials.logaddexp, -math.inf, prepared=_inexact, reduce=_log_sum(0), accumulate=_running(Cumlogsumexp)
)
logaddexp2 = _known(exponentials.logaddexp2, -math.inf, prepared=_inexact, reduce=_log_sum(2))
bitwise_and = _of_bits(bits.bitwise_and, ReduceAnd, Cumand)
bitwise_or = _of_bits(bits.bitwise_or, ReduceOr, Cumor)
bitwise_xor = _of_bits(bits.bitwise_xor, ReduceXor, Cumxor)
logical_and = _of_truths(logic.logical_and, ReduceAnd, Cumand)
logical_or = _of_truths(logic.logical_or, ReduceOr, Cumor)
logical_xor = _of_truths(logic.logical_xor, ReduceXor, Cumxor)

__all__ = [
    "add", "bitwise_and", "bitwise_or", "bitwise_xor", "frompyfunc", "logaddexp", "logaddexp2", "logical_and",
    "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative", "subtract", "ufunc",
]  # fmt: skip
