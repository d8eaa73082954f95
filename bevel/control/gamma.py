"""Draws of the gamma distribution: a primitive, since its derivative is not that of the loop that draws.

Marsaglia & Tsang 2000, "A simple method for generating gamma variables", doi:10.1145/358407.358414; the
derivative of a draw in its shape by implicit reparameterisation, Figurnov et al. 2018, arXiv:1805.08498.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.control.branches import Cond
from bevel.control.loops import While
from bevel.control.scan import Scan
from bevel.core.keys import is_key_dtype
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import physical
from bevel.ops.arithmetic import Max, add, div, full_like, neg, sub
from bevel.ops.compact import compact
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.cutting import slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_log as log
from bevel.ops.exponential import drawn_log1p as log1p
from bevel.ops.exponential import exp
from bevel.ops.gather import ScatterDimensionNumbers
from bevel.ops.incomplete import random_gamma_grad
from bevel.ops.indexing import take_rows
from bevel.ops.logic import Ge, Le, Lt, Not, ShiftRightLogical, and_, eq, or_, select
from bevel.ops.powers import drawn_pow as pow_
from bevel.ops.powers import sqrt
from bevel.ops.random_bits import THREEFRY, RandomBits, RandomSplit, RandomUnwrap, RandomWrap
from bevel.ops.reductions import ReduceOr
from bevel.ops.scatter import Scatter
from bevel.ops.shapes import BroadcastInDim, Iota, OfLastAxes, full, reshape
from bevel.ops.special import ErfInv
from bevel.ops.threefry import Cipher, ThreefryBits, ThreefryPairs, both, paired

# Marsaglia & Tsang's quick acceptance bound.
SQUEEZE = 0.0331
# One proposal in twenty is rejected at most: from so many draws on, those go on in a vector of an eighth of the length.
_FEWEST_IN_SHARES, _SHARE = 4096, 8
_INT32 = np.dtype("int32")


@primitive
class RandomGamma(OfLastAxes):
    """Draws from the gamma distributions of shapes `a`, scale 1: float[*keys, *shape] of key<…>[*keys] and such shapes.

    log_space   give the logarithms of the draws, which stay finite for small shapes
    """

    log_space: bool = False
    name = "random_gamma"
    knows_keys = True
    uses_keys_up = True
    keeps_apart = True
    kind = "draws"
    cost = 1000

    def infer(self, keys, a):
        if not is_key_dtype(keys.dtype):
            raise DTypeError(f"random_gamma takes random keys; got {keys.str_short()}.")
        if not dtypes.issubdtype(a.dtype, np.floating):
            raise DTypeError(f"random_gamma takes floating-point shapes; got {a.str_short()}.")
        if a.shape[: len(keys.shape)] != keys.shape:
            raise ShapeError(f"random_gamma needs shapes for each key; got {keys.str_short()} and {a.str_short()}.")
        return a.strip_weak_type()

    def jvp(self, primals, tangents):
        [keys, a], [_, da] = primals, tangents
        draw = self(keys, a)
        if is_zero(da):
            return draw, zero_of(draw)
        x = exp(draw) if self.log_space else draw
        smallest = np.asarray(ml_dtypes.finfo(get_aval(x).dtype).tiny).astype(get_aval(x).dtype)[()]
        x = select(eq(x, 0), full_like(x, smallest), x)  # a draw that has vanished is taken for the least that had not
        slope = random_gamma_grad(a, x)
        return draw, mul(da, div(slope, x) if self.log_space else slope)

    def lower(self, out, keys, a):
        key_aval, aval = out.in_avals
        impl, rank = key_aval.dtype.impl, len(key_aval.shape)

        def draw(words, a):
            return [draws(RandomWrap(impl)(words), a, self.log_space)]

        def draw_by_one(words, a):
            return [draws_by_one(RandomWrap(impl)(words), a, self.log_space)]

        if impl is not THREEFRY:
            return out.module.compose(out, draw_by_one, [physical(key_aval), aval], [keys, a])[0]
        return out.module.compose(out, draw, [physical(key_aval), aval], [keys, a], mapped=rank)[0]


def draws(key, a, log_space):
    """The draws of one key of threefry: each element has a key of its own."""
    shape, dtype = get_aval(a).shape, get_aval(a).dtype
    size = math.prod(shape)
    if not size:
        return full(shape, 0, dtype)
    a = reshape(a, (size,))
    if settings.threefry_partitionable.value and size < 2**32:
        one = _Pairs([paired(*both(RandomUnwrap()(key)))])
        return reshape(_draw_each(one.numbered(Iota(np.dtype("uint32"), (size,), 0)()), a, log_space), shape)
    return reshape(_draw_each(_Keys([RandomSplit((size,))(key)]), a, log_space), shape)


def draws_by_one(keys, a, log_space):
    """The draws of keys of another generator: those draw for several keys at once from the first of them.

    So the keys are split together, which is such a draw for some generators, and each then draws by itself.
    """
    shape, dtype, lead = get_aval(a).shape, get_aval(a).dtype, get_aval(keys).shape
    size, count = math.prod(shape), math.prod(shape[len(lead) :])
    if not size:
        return full(shape, 0, dtype)
    keys = reshape(RandomSplit((count,))(keys), (size,))
    a = reshape(a, (size,))

    def row(key, a):
        return [reshape(_draw_each(_Keys([reshape(key, (1,))]), reshape(a, (1,)), log_space), ())]

    program, _ = stage_closed(row, [get_aval(keys).with_shape(()), get_aval(a).with_shape(())])
    return reshape(Scan(program, size, 0, 0)(keys, a)[0], shape)


class _Keys:
    """A vector of keys, as the arrays that hold it."""

    def __init__(self, arrays):
        self.arrays = arrays

    def split(self, count):
        """Each key split: `count` vectors of keys."""
        pieces = RandomSplit((count,))(*self.arrays)
        size = get_aval(pieces).shape[0]
        return [_Keys([reshape(slice_in_dim(pieces, i, i + 1, 1), (size,))]) for i in range(count)]

    def bits(self, width):
        return RandomBits(width, ())(*self.arrays)


class _Pairs(_Keys):
    """Keys of threefry, held as a vector of pairs of words (ops.threefry)."""

    def numbered(self, number):
        """The key of that number among those that each key splits into."""
        return _Pairs([ThreefryPairs()(*self.arrays, number)])

    def split(self, count):
        return [self.numbered(np.uint32(i)) for i in range(count)]

    def bits(self, width):
        return ThreefryBits(width)(*self.arrays)


def _draw_each(keys, a, log_space):
    """One draw of each key, for vectors of keys and shapes."""
    [size], dtype = get_aval(a).shape, get_aval(a).dtype
    number = _numbers(dtype)
    in_shares = type(keys) is _Pairs and size >= _FEWEST_IN_SHARES
    own = keys
    keys, boosts = (own.numbered(np.uint32(0)), None) if in_shares else own.split(2)
    large = Ge()(a, number(1))
    d = sub(select(large, a, add(a, 1)), number(1 / 3))
    c = div(full_like(d, number(1 / 3)), sqrt(d))
    live = full((size,), True, np.dtype(bool))
    v_cubed = _Proposals(type(keys), d, c).accepted(keys.arrays, live)
    filled = lambda value: full((size,), value, dtype)
    none = 0 if log_space else 1

    def boost(boosts):
        """What brings a draw for a shape above 1 down to one below, as Marsaglia & Tsang have it."""
        if log_space:
            drawn = log1p(neg(uniform(boosts, dtype)))
            return select(or_(large, eq(drawn, 0)), filled(none), mul(drawn, div(filled(1), a)))
        return select(large, filled(none), pow_(sub(filled(1), uniform(boosts, dtype)), div(filled(1), a)))

    if in_shares:
        factor = if_any(Not()(large), lambda: boost(own.numbered(np.uint32(1))), lambda: filled(none))
    else:
        factor = boost(boosts)
    if log_space:
        return add(add(log(d), log(v_cubed)), factor)
    return mul(mul(d, v_cubed), factor)


def _numbers(dtype):
    return lambda value: np.asarray(value).astype(dtype)[()]


class _Proposals:
    """Marsaglia & Tsang's proposals for vectors of keys: each element's next one, until one is accepted.

    kind   the class of the keys; d and c are what the shape gives
    """

    def __init__(self, kind, d, c):
        self.kind, self.d, self.c = kind, d, c
        [self.size], self.dtype = get_aval(d).shape, get_aval(d).dtype

    def accepted(self, keys, live):
        """The cubes v³ that are accepted, where `live`; elsewhere any number."""
        if self.kind is _Pairs and self.size >= _FEWEST_IN_SHARES:
            return self._by_shares(*keys, live)
        return self._together(keys, live)

    def _filled(self, value):
        return full((self.size,), value, self.dtype)

    def _is_doubtful(self, x_squared, u):
        """Whether the quick bound does not accept it."""
        number = _numbers(self.dtype)
        return Ge()(u, sub(number(1), mul(number(SQUEEZE), mul(x_squared, x_squared))))

    def _is_above(self, x_squared, v_cubed, u):
        """Whether the exact bound does not accept it."""
        number = _numbers(self.dtype)
        bound = add(mul(x_squared, number(0.5)), mul(self.d, add(sub(number(1), v_cubed), log(v_cubed))))
        return Ge()(log(u), bound)

    def _rejected(self, x_squared, v_cubed, u):
        return and_(self._is_doubtful(x_squared, u), self._is_above(x_squared, v_cubed, u))

    def _moved(self, x):
        """1 + c x."""
        return add(_numbers(self.dtype)(1), mul(x, self.c))

    def _is_below(self, v):
        return Le()(v, _numbers(self.dtype)(0))

    def _together(self, keys, live):
        """All elements propose until each has been accepted."""
        kind, held = self.kind, len(keys)

        def turn(*carry):
            keys, [x_squared, v_cubed, u] = carry[:held], carry[held:]
            live = self._rejected(x_squared, v_cubed, u)
            keys_next, x_keys, u_keys = kind(keys).split(3)

            def redraw(*carry):
                x_keys, v = carry[:held], carry[-1]
                again = self._is_below(v)
                x_keys_next, drawn = kind(x_keys).split(2)
                x = normal(drawn, self.dtype)
                new = [*x_keys_next.arrays, x, self._moved(x)]
                return [select(again, after, before) for after, before in zip(new, carry, strict=True)]

            # those that are accepted already start as if drawn, so that nobody waits for them
            start = select(live, self._filled(-1), self._filled(1))
            begin = [*x_keys.arrays, self._filled(0), start]
            *_, x, v = loop(lambda *carry: _any(self._is_below(carry[-1])), redraw, *begin)
            new = [*keys_next.arrays, mul(x, x), mul(mul(v, v), v), uniform(u_keys, self.dtype)]
            return [select(live, after, before) for after, before in zip(new, carry, strict=True)]

        start = [self._filled(0), self._filled(1), select(live, self._filled(2), self._filled(0))]
        *_, v_cubed, _ = loop(lambda *carry: _any(self._rejected(*carry[held:])), turn, *keys, *start)
        return v_cubed

    def _by_shares(self, pairs, live):
        """All elements propose once; the few that the quick bound leaves go on, gathered into a shorter vector.

        One whose x was too far below goes on with the key that it had, and so draws that x again.
        """
        room = self.size // _SHARE
        keys = _Pairs([pairs])
        # A function of its own: next to a c that is one number for all, XLA would multiply that by the √2 in x.
        x = ThreefryNormal(self.dtype)(*keys.numbered(np.uint32(1)).numbered(np.uint32(1)).arrays)
        bits = drawn_bits(keys.numbered(np.uint32(2)), self.dtype)
        v = self._moved(x)
        doubtful = self._is_doubtful(mul(x, x), unit_of(bits, self.dtype))
        waiting = and_(live, or_(self._is_below(v), doubtful))

        def turn(v_cubed, waiting, _):
            places, count = compact(waiting, room)
            is_one = Lt()(Iota(_INT32, (room,), 0)(), BroadcastInDim((room,), ())(count))
            pairs_there, d, c, x_there, bits_there = [take_rows(z, places) for z in (pairs, self.d, self.c, x, bits)]
            share = _Proposals(self.kind, d, c)
            v = share._moved(x_there)
            below, cube = share._is_below(v), mul(mul(v, v), v)
            above = share._is_above(mul(x_there, x_there), cube, unit_of(bits_there, self.dtype))
            [later] = _Pairs([pairs_there]).numbered(np.uint32(0)).arrays
            again = and_(is_one, or_(below, above))
            found = share.accepted([select(below, pairs_there, later)], again)
            targets = reshape(select(is_one, places, full((room,), self.size, _INT32)), (room, 1))
            write = Scatter(ScatterDimensionNumbers((), (0,), (0,)), unique_indices=True)
            last = slice_in_dim(places, room - 1, room, 0)
            after = Lt()(BroadcastInDim((self.size,), (0,))(last), Iota(_INT32, (self.size,), 0)())
            more = Lt()(np.int32(room), count)
            return [write(v_cubed, targets, select(again, found, cube)), and_(waiting, after), more]

        some = full((), True, np.dtype(bool))
        return loop(lambda *carry: carry[-1], turn, mul(mul(v, v), v), waiting, some)[0]


def if_any(mask, function, otherwise):
    """function() where the mask, of rank 1, has a true element, and else otherwise(), which closes over nothing."""
    program, consts = stage_closed(lambda: [function()], [])
    other, _ = stage_closed(lambda *_: [otherwise()], [get_aval(x) for x in consts])
    return Cond((other, program))(convert(_any(mask), _INT32), *consts)[0]


def loop(condition, body, *carry):
    """Runs `carry = body(*carry)` while `condition(*carry)`; both may close over tracers."""
    avals = [get_aval(x) for x in carry]
    cond_program, cond_consts = stage_closed(lambda *xs: [condition(*xs)], avals)
    body_program, body_consts = stage_closed(body, avals)
    op = While(cond_program, len(cond_consts), body_program, len(body_consts))
    return op(*cond_consts, *body_consts, *carry)


def _any(mask):
    return ReduceOr((0,))(mask)


def uniform(keys, dtype):
    """Uniform on [0, 1), one number a key of `_Keys`; as bevel.random.uniform."""
    return unit_of(drawn_bits(keys, dtype), dtype)


def drawn_bits(keys, dtype):
    """What a number on [0, 1) is made of: a word as wide as it, of bfloat16 one of 8 bits."""
    info = ml_dtypes.finfo(dtype)
    return keys.bits(8 if info.nmant < 8 else info.bits)


def unit_of(words, dtype):
    """Such words as numbers on [0, 1)."""
    info = ml_dtypes.finfo(dtype)
    held, width = np.dtype(f"uint{info.bits}"), 8 * get_aval(words).dtype.itemsize
    one = np.ones((), dtype)[()]
    mantissa = ShiftRightLogical()(convert(words, held), held.type(width - info.nmant))
    return sub(BitcastConvertType(dtype)(or_(mantissa, np.asarray(one).view(held)[()])), one)


def normal(keys, dtype):
    """The standard normal distribution, one number a key; as bevel.random.normal."""
    number = lambda v: np.asarray(v).astype(dtype)[()]
    one = np.ones((), dtype)
    low = np.nextafter(-one, one * 0).astype(dtype)[()]
    u = add(mul(uniform(keys, dtype), number(1) - low), low)
    return mul(ErfInv()(Max()(low, u)), number(math.sqrt(2)))


@primitive
class ThreefryNormal(Cipher):
    """A number of the standard normal distribution for each pair that is a key (ops.threefry).

    XLA takes it for what it is, a factor or a term, and does not look into it.
    """

    dtype: np.dtype
    name = "threefry_normal"
    keeps_apart = True

    def infer(self, pairs):
        if pairs.dtype != np.complex64:
            raise DTypeError(f"threefry_normal takes keys as complex64; got {pairs.str_short()}.")
        return ShapedArray(pairs.shape, self.dtype)

    def lower(self, out, pairs):
        [x] = out.module.compose(out, lambda x: [normal(_Pairs([x]), self.dtype)], out.in_avals, [pairs], apart=self)
        return x if out.platform == "cpu" else out.ops("stablehlo.optimization_barrier", [x]).results[0]

    def reference(self, pairs):
        words = ThreefryBits(32).reference(pairs)
        low = np.nextafter(np.float32(-1), np.float32(0))
        u = (words >> np.uint32(9)).astype(np.float32) / np.float32(2**23) * (np.float32(1) - low) + low
        return (math.sqrt(2) * ErfInv().reference(u.astype(np.float64))).astype(np.float32)

    @staticmethod
    def samples(array):
        keys = np.arange(8, dtype=np.uint32).reshape(2, 4).view(np.complex64)
        for some in (keys, keys[0, 1], keys[:0]):
            yield ThreefryNormal(np.dtype("float32")), [some]

    @staticmethod
    def refusals(array):
        yield ThreefryNormal(np.dtype("float32")), [array(2)], "takes keys as complex64"


__all__ = ["RandomGamma"]
