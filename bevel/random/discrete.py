"""Distributions of counts: geometric, Poisson, binomial, multinomial."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.arrays import placed
from bevel.api.control_flow import scan, while_loop
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Ceil, Floor, Max, Min, add, div, neg, sub
from bevel.ops.complex import abs_
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumsum
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_log as log
from bevel.ops.exponential import drawn_log1p as log1p
from bevel.ops.gather import CLIP
from bevel.ops.indexing import take_rows
from bevel.ops.logic import AND, GE, GT, LE, LT, NOT, OR, eq, ne, select
from bevel.ops.powers import sqrt
from bevel.ops.random_bits import RandomBitsApart, RandomClone, RandomSplit
from bevel.ops.reductions import ReduceOr
from bevel.ops.shapes import full, move_axis
from bevel.ops.special import DrawnLgamma
from bevel.random.bits import uniform_of
from bevel.random.drawing import (
    RandomShapeError,
    draws,
    float_dtype,
    int_dtype,
    joint_shape,
    number,
    shape_of,
    single_key,
    split_of,
    spread,
    together,
)

# log(k!) less Stirling's k log k - k + log(2πk)/2, moved by a half, for k = 0 … 9.
STIRLING_TAIL = (
    0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
    0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871,
)  # fmt: skip


# long formulas follow each draw
_uniform = functools.partial(uniform_of, draw=RandomBitsApart)


class _Numbers:
    """Constants of one dtype: `of(0.5)` is the number in it."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __call__(self, value):
        return np.asarray(value).astype(self.dtype)[()]


def _any(mask):
    return ReduceOr(tuple(range(len(get_aval(mask).shape))))(mask)


def _all(mask):
    return NOT(_any(NOT(mask)))


# ---- geometric


@draws
def geometric(key, p, shape=None, dtype=None, *, out_sharding=None):
    """How many trials, each a success with probability p, until the first success: 1, 2, 3, …

    k has the probability (1 - p)^(k - 1) p; the mean is 1 / p.

    p       float[…] in (0, 1], which broadcasts to `shape`, for None p's own; it is drawn in p's dtype
    gives   int[*shape] of `dtype`, the default integer for None; where p is 0, the largest one
    raises  TypeError where dtype is no integer one, ValueError where p does not fit the shape, or key is several

    >>> import bevel
    >>> rolls = bevel.random.geometric(bevel.random.key(0), 1 / 6, (1000,))  # of a die, until a six
    >>> print(f"{rolls.mean():.0f} {rolls.min()}")
    6 1
    """
    key, dtype = single_key(key, "geometric"), int_dtype(dtype, "geometric")
    shape = joint_shape(shape, "geometric", p)
    [p] = together(p)
    real = _Numbers(get_aval(p).dtype)
    u = _uniform(key, shape, real.dtype)
    u = select(eq(u, 0), full(shape, 1, real.dtype), u)
    turns = Floor()(div(log(u), spread(log1p(neg(p)), shape)))
    return placed(convert(add(turns, real(1)), dtype), out_sharding)


# ---- Poisson


@draws
def poisson(key, lam, shape=None, dtype=None, *, out_sharding=None):
    """The Poisson distribution of mean `lam`.

    lam      float[…], >= 0, which broadcasts to `shape`; -1 comes out where it is NaN or negative
    dtype    an integer one; the default for None
    source   Knuth, The Art of Computer Programming 2, 3.4.1, below 10; from there on Hörmann 1993, "The transformed
             rejection method for generating Poisson random variables", algorithm PTRS

    >>> import bevel
    >>> int(bevel.random.poisson(bevel.random.key(0), 0.0))
    0
    """
    key, dtype = single_key(key, "poisson"), int_dtype(dtype, "poisson")
    shape = joint_shape(shape, "poisson", lam)
    lam = spread(number(lam, np.dtype("float32"), "lam"), shape)
    real = _Numbers(np.dtype("float32"))
    small = OR(is_nan(lam), LT(lam, real(10)))
    few = _poisson_by_product(key, select(small, lam, full(shape, 0, real.dtype)), dtype)
    # each example takes the draws of one of the two: from the same key, as in JAX
    many = _poisson_by_rejection(
        RandomClone()(key), select(small, full(shape, 1e5, real.dtype), lam), _all(small), dtype
    )
    drawn = select(small, few, many)
    return placed(select(eq(lam, 0), full(shape, 0, dtype), drawn), out_sharding)


def is_nan(x):
    return ne(x, x)


def _poisson_by_product(key, lam, dtype):
    """How many uniform numbers it takes until their product is below exp(-lam), less one.

    All elements draw together.
    """
    shape = get_aval(lam).shape

    def going(state):
        _, _, total = state
        return _any(GT(total, neg(lam)))

    def turn(state):
        key, count, total = state
        key, drawn = split_of(key)
        count = select(GT(total, neg(lam)), add(count, 1), count)
        return key, count, add(total, log(_uniform(drawn, shape, get_aval(lam).dtype)))

    _, count, _ = while_loop(going, turn, (key, full(shape, 0, dtype), full(shape, 0, get_aval(lam).dtype)))
    return sub(count, 1)


def _poisson_by_rejection(key, lam, nobody, dtype):
    """PTRS for lam >= 10; nothing is drawn where nobody waits for it (`nobody`).

    An element goes on drawing until all are accepted, and keeps what was accepted last.
    """
    shape = get_aval(lam).shape
    real = _Numbers(get_aval(lam).dtype)
    log_lam = log(lam)
    b = add(real(0.931), mul(real(2.53), sqrt(lam)))
    a = add(real(-0.059), mul(real(0.02483), b))
    inverse_alpha = add(real(1.1239), div(real(1.1328), sub(b, real(3.4))))
    v_r = sub(real(0.9277), div(real(3.6224), sub(b, real(2))))

    def turn(state):
        key, result, accepted = state
        key, u_key, v_key = split_of(key, 3)
        u = sub(_uniform(u_key, shape, real.dtype), real(0.5))
        v = _uniform(v_key, shape, real.dtype)
        room = sub(real(0.5), abs_(u))
        k = Floor()(add(add(mul(add(div(mul(real(2), a), room), b), u), lam), real(0.43)))
        s = log(div(mul(v, inverse_alpha), add(div(a, mul(room, room)), b)))
        t = sub(add(neg(lam), mul(k, log_lam)), DrawnLgamma()(add(k, real(1))))
        good = AND(GE(room, real(0.07)), LE(v, v_r))
        bad = OR(LT(k, real(0)), AND(LT(room, real(0.013)), GT(v, room)))
        accept = OR(good, AND(NOT(bad), LE(s, t)))
        return key, select(accept, k, result), OR(accepted, accept)

    start = (key, full(shape, -1, real.dtype), spread(nobody, shape))
    _, result, _ = while_loop(lambda state: _any(NOT(state[2])), turn, start)
    return convert(result, dtype)


# ---- binomial


@draws
def binomial(key, n, p, shape=None, dtype=None):
    """How many of n trials, each a success with probability p, succeed.

    n        float[…], >= 0; NaN comes out where it, or p, is none
    p        float[…] in [0, 1]; it is drawn in p's dtype
    dtype    of the result, a floating one; the default for None
    source   Kachitvichyanukul & Schmeiser 1988, doi:10.1145/42372.42381, inversion, where n·p <= 10; beyond it
             Hörmann 1993, "The generation of binomial random variates", algorithm BTRS

    >>> import bevel
    >>> float(bevel.random.binomial(bevel.random.key(0), 5, 1.0))
    5.0
    """
    key, dtype = single_key(key, "binomial"), float_dtype(dtype, "binomial")
    shape = joint_shape(shape, "binomial", n, p)
    [p] = together(p)
    return binomial_of(key, number(n, get_aval(p).dtype, "n"), p, shape, dtype)


def binomial_of(key, n, p, shape, dtype):
    """Drawn in the dtype of n and p, and then converted."""
    n, p = spread(n, shape), spread(p, shape)
    real = _Numbers(get_aval(n).dtype)
    filled = lambda value: full(shape, value, real.dtype)
    low = LT(p, real(0.5))
    q = select(low, p, sub(real(1), p))
    bad_n = OR(is_nan(n), LT(n, real(0)))
    infinite = eq(abs_(n), real(np.inf))
    q_is_nan = is_nan(q)
    bad_q = OR(q_is_nan, LT(q, real(0)))
    q = select(bad_q, filled(0.01), q)
    by_gaps = OR(bad_n, LE(mul(n, q), real(10)))
    whole = Floor()(n)
    few = _binomial_by_gaps(key, select(by_gaps, whole, filled(0)), q)
    many = _binomial_by_rejection(
        RandomClone()(key), select(by_gaps, filled(1e4), whole), select(by_gaps, filled(0.5), q), _all(by_gaps)
    )
    few, many, whole = [convert(x, dtype) for x in (few, many, whole)]
    drawn = select(by_gaps, few, many)
    bad = OR(bad_q, bad_n)
    drawn = select(bad, full(shape, np.nan, dtype), drawn)
    drawn = select(AND(infinite, NOT(bad)), full(shape, np.inf, dtype), drawn)
    keep = OR(OR(OR(low, bad_n), q_is_nan), infinite)
    return select(keep, drawn, sub(whole, drawn))


def _binomial_by_gaps(key, n, p):
    """Counts geometric gaps between successes until they pass n; all elements draw together."""
    shape, dtype = get_aval(n).shape, get_aval(n).dtype
    log_miss = log1p(neg(p))

    def turn(state):
        key, count, total = state
        drawn, key = split_of(key)
        count = select(LE(total, n), add(count, 1), count)
        return key, count, add(total, Ceil()(div(log(_uniform(drawn, shape, dtype)), log_miss)))

    start = (key, full(shape, 0, dtype), full(shape, 0, dtype))
    _, count, _ = while_loop(lambda state: _any(LE(state[2], n)), turn, start)
    return sub(count, 1)


def _binomial_by_rejection(key, n, p, nobody):
    """BTRS for n·p >= 10, drawing as `_poisson_by_rejection` does."""
    shape = get_aval(n).shape
    real = _Numbers(get_aval(n).dtype)
    one = real(1)
    deviation = sqrt(mul(mul(n, p), sub(one, p)))
    b = add(real(1.15), mul(real(2.53), deviation))
    a = add(add(real(-0.0873), mul(real(0.0248), b)), mul(real(0.01), p))
    c = add(mul(n, p), real(0.5))
    v_r = sub(real(0.92), div(real(4.2), b))
    ratio = div(p, sub(one, p))
    alpha = mul(add(real(2.83), div(real(5.1), b)), deviation)
    mode = Floor()(mul(add(n, one), p))
    tails = np.asarray(STIRLING_TAIL).astype(real.dtype)

    def tail(k):
        near = Min()(real(9), Max()(real(0), k))
        next_ = add(near, one)
        square = mul(next_, next_)
        far = div(sub(real(1 / 12), div(sub(real(1 / 360), div(real(1 / 1260), square)), square)), next_)
        return select(LE(k, real(9)), take_rows(tails, convert(Floor()(near), np.dtype("int32")), CLIP), far)

    def turn(state):
        key, result, accepted = state
        key, u_key, v_key = split_of(key, 3)
        u, v = _uniform(u_key, shape, real.dtype), _uniform(v_key, shape, real.dtype)
        u = sub(u, real(0.5))
        room = sub(real(0.5), abs_(u))
        good = AND(GE(room, real(0.07)), LE(v, v_r))
        k = Floor()(add(mul(add(div(mul(real(2), a), room), b), u), c))
        bad = OR(LT(k, real(0)), GT(k, n))
        height = log(div(mul(v, alpha), add(div(a, mul(room, room)), b)))
        from_mode, from_k = add(sub(n, mode), one), add(sub(n, k), one)
        bound = mul(add(mode, real(0.5)), log(div(add(mode, one), mul(ratio, from_mode))))
        bound = add(bound, mul(add(n, one), log(div(from_mode, from_k))))
        bound = add(bound, mul(add(k, real(0.5)), log(div(mul(ratio, from_k), add(k, one)))))
        bound = add(add(bound, tail(mode)), tail(sub(n, mode)))
        bound = sub(sub(bound, tail(k)), tail(sub(n, k)))
        accept = OR(good, AND(NOT(bad), LE(height, bound)))
        return key, select(accept, k, result), OR(accepted, accept)

    start = (key, full(shape, -1, real.dtype), spread(nobody, shape))
    _, result, _ = while_loop(lambda state: _any(NOT(state[2])), turn, start)
    return result


# ---- multinomial


@draws(static=("shape", "dtype", "unroll"))
def multinomial(key, n, p, *, shape=None, dtype=None, unroll=1):
    """How often each category comes up in n trials.

    n        float[…]
    p        float[…, categories], probabilities
    shape    of the result, categories last; that of n and p for None
    dtype    of the result, a floating one; the default for None
    unroll   how many categories one step of the loop takes

    >>> import bevel, bevel.numpy as jnp
    >>> float(bevel.random.multinomial(bevel.random.key(0), 10, jnp.array([0.5, 0.5])).sum())
    10.0
    """
    key, dtype = single_key(key, "multinomial"), float_dtype(dtype, "multinomial")
    n, p = together(n, p)
    real = _Numbers(get_aval(n).dtype)
    p_shape = get_aval(p).shape
    if not p_shape:
        raise RandomShapeError(
            f"multinomial needs a probability for each category, p of rank >= 1{user_line(' at {}')}."
        )
    if shape is not None:
        shape = shape_of(shape, "multinomial")
        if not shape or shape[-1] != p_shape[-1]:
            raise RandomShapeError(
                f"multinomial of {p_shape[-1]} categories was asked for shape {shape}{user_line(' at {}')}; "
                f"its last size is {p_shape[-1]}."
            )
        shape = shape[:-1]
    rows = np.broadcast_shapes(get_aval(n).shape, p_shape[:-1])
    rows = rows if shape is None else joint_shape(shape, "multinomial", full(rows, 0, real.dtype))
    last = len(p_shape) - 1
    left = Cumsum(last, True)(p)
    ratios = div(p, select(eq(left, 0), full(p_shape, 1, real.dtype), left))
    ratios = spread(ratios, (*rows, p_shape[-1]))

    def category(remaining, of_category):
        ratio, key = of_category
        ratio = Min()(real(1), Max()(real(0), ratio))
        count = binomial_of(key, remaining, ratio, rows, real.dtype)
        return sub(remaining, count), count

    keys = RandomSplit((p_shape[-1],))(key)
    _, counts = scan(category, spread(n, rows), (move_axis(ratios, len(rows), 0), keys), unroll=unroll)
    return convert(move_axis(counts, 0, len(rows)), dtype)


__all__ = ["binomial", "geometric", "multinomial", "poisson"]
