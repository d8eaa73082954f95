"""Writes semantics.json: small expressions and what the referee makes of them: value, dtype, weak type, shape, repr, or the exception.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_semantics.py`.

An expression is a string over the names `jnp`, `np`, `jax` and `lax`. A value is stored as its dtype, shape, weak type and the hex (floats),
or int, of each element, so that -0.0, NaN and the last digit count; and as its repr. A tuple or list result is stored item by item.
Elementwise transcendental functions are left out: what they round to is the compiler's affair.
"""

import json
import pathlib
import warnings

EXPRESSIONS = r"""
# promotion: arrays with Python scalars, NumPy scalars and each other
jnp.array(1) + 1
jnp.array(1) + 1.5
jnp.array(1) + 1j
jnp.array(True) + True
jnp.array(True) + 1
jnp.int8(1) + 1
jnp.int8(100) + 100
jnp.uint8(200) + 100
jnp.uint8(1) - 2
jnp.uint8(1) + jnp.int8(1)
jnp.uint32(1) + jnp.int32(1)
jnp.int32(1) + jnp.float16(1)
jnp.bfloat16(1) + jnp.float16(1)
jnp.bfloat16(1) + 1.5
jnp.float16(1) + 100000.0
jnp.int8(1) + 1.5
jnp.int8(1) * np.float32(2)
jnp.float32(1) + np.float64(2)
jnp.float32(1) + np.int64(2)
jnp.array([1, 2]) + [3, 4]
jnp.array([1, 2]) + np.array([3.0, 4.0])
1 + jnp.float16(2)
True + jnp.int16(3)
jnp.asarray(1)
jnp.asarray(1.0)
jnp.asarray(1j)
jnp.asarray(True)
jnp.asarray(np.int64(1))
jnp.asarray(np.float64(1))
jnp.asarray([1, 2.5])
jnp.asarray([])
jnp.asarray([[1, 2], [3]])
jnp.asarray("a")
jnp.asarray(None)
jnp.asarray(2**31)
jnp.asarray(2**40)
jnp.asarray(-2**31)
jnp.array(3, dtype=jnp.int8)
jnp.array(300, dtype=jnp.int8)
jnp.array(-1, dtype=jnp.uint8)
jnp.array(1.7, dtype=int)
jnp.array([1, 2], dtype=bool)
jnp.array(5, ndmin=2)
jnp.zeros(3)
jnp.zeros((2,), dtype=int)
jnp.ones_like(1)
jnp.ones_like(1.0)
jnp.full(3, 2)
jnp.full((2,), 2, dtype=jnp.float16)
jnp.full_like(jnp.int8(3), 1.7)
jnp.zeros(-1)
jnp.zeros(2.0)
jnp.empty((2, 0))
jnp.eye(2)
jnp.eye(2, 3, 1, dtype=int)
jnp.identity(2)
jnp.result_type(jnp.int8, jnp.uint8)
jnp.result_type(1, jnp.float16)
jnp.promote_types(jnp.int32, jnp.float16)
jnp.promote_types('bool', 'int8')
jnp.sqrt(4)
jnp.sqrt(jnp.int8(4))
jnp.sqrt(True)
jnp.abs(jnp.int8(-128))
jnp.abs(-3)
jnp.abs(True)
jnp.negative(jnp.uint8(1))
-jnp.array(True)
~jnp.array(True)
~jnp.array(5)
~jnp.float32(1)
jnp.array(1) + "a"
jnp.array(1) + None
jnp.add(1, 2)
jnp.add(1, 2.0)
jnp.add([1], 2)
jnp.add(jnp.ones(2), jnp.ones(3))
lax.add(jnp.float32(1), jnp.int32(1))
lax.add(1, 2)
lax.add(1.0, jnp.float16(2))
lax.add(jnp.ones(2), jnp.ones(1))
lax.add(jnp.ones(2), 1.0)
jnp.multiply(jnp.int32(2**30), 4)
jnp.int32(2**31 - 1) + 1
jnp.int32(-2**31) - 1
# division, remainder, power
jnp.array(7) / 2
jnp.array(7) // 2
jnp.array(-7) // 2
jnp.array(7) // -2
jnp.array(7) % 3
jnp.array(-7) % 3
jnp.array(7) % -3
jnp.array(7) // 0
jnp.array(7) % 0
jnp.array(-7) // 0
jnp.uint8(7) // jnp.uint8(0)
jnp.uint8(7) % jnp.uint8(0)
jnp.int32(-2**31) // -1
jnp.int32(-2**31) % -1
jnp.array(7) / 0
jnp.array(0) / 0
jnp.array(-7.5) // 2
jnp.array(-7.5) % 2
jnp.array(7.5) % -2
jnp.array(1.0) // 0
jnp.array(1.0) % 0
jnp.array(-1.0) // 0
jnp.array(5.0) % jnp.inf
jnp.array(-5.0) % jnp.inf
jnp.array(-0.0) % 2
jnp.fmod(-7, 3)
jnp.fmod(-7.5, 2)
jnp.fmod(5, 0)
jnp.remainder(-7, 3)
jnp.divmod(-7, 3)
jnp.divmod(-7.5, 2)
divmod(jnp.array(7), 2)
jnp.floor_divide(True, True)
jnp.true_divide(1, 3)
lax.div(7, 2)
lax.div(-7, 2)
lax.div(7, 0)
lax.rem(-7, 3)
lax.rem(7, 0)
lax.rem(-7.5, 2.0)
lax.div(jnp.int8(-128), jnp.int8(-1))
jnp.array(2) ** 3
jnp.array(2) ** -1
jnp.array(2) ** jnp.array(-1)
jnp.array(0) ** 0
jnp.array(0.0) ** 0
jnp.array(-2.0) ** 3
jnp.array(-8.0) ** (1 / 3)
jnp.array(2) ** 3.0
jnp.array(2) ** 40
2 ** jnp.array([0, 1, 2])
2.0 ** jnp.array([0, 1, 2])
jnp.power(2, -1)
jnp.power(jnp.array(True), 2)
jnp.float_power(2, 3)
lax.integer_pow(2, -1)
lax.integer_pow(3.0, -2)
jnp.power(jnp.int8(2), 7)
jnp.square(jnp.int8(12))
jnp.reciprocal(2)
jnp.reciprocal(2.0)
jnp.gcd(12, -18)
jnp.gcd(0, 0)
jnp.lcm(4, 6)
jnp.lcm(0, 6)
# shifts and bits
jnp.array(1) << 31
jnp.array(1) << 32
jnp.array(1) << 33
jnp.array(-8) >> 1
jnp.array(-8) >> 40
jnp.uint8(255) >> 1
jnp.uint8(255) << 1
jnp.array(1) << -1
jnp.array(1.0) << 1
lax.shift_left(1, 32)
lax.shift_right_logical(-8, 1)
lax.shift_right_logical(-8, 32)
lax.shift_right_arithmetic(-8, 40)
jnp.right_shift(jnp.uint32(2**31), 31)
jnp.bitwise_and(6, 3)
jnp.bitwise_xor(True, 3)
jnp.bitwise_count(jnp.uint8(255))
lax.population_count(-1)
lax.clz(1)
lax.clz(jnp.int8(0))
jnp.invert(jnp.uint8(1))
jnp.logical_not(3)
jnp.logical_and(2, 0.0)
jnp.logical_xor(1, 2)
# signs, zeros, NaN
jnp.sign(-0.0)
jnp.sign(0.0)
jnp.sign(jnp.nan)
jnp.sign(-3)
jnp.sign(jnp.uint8(3))
jnp.sign(3 + 4j)
jnp.sign(0j)
jnp.signbit(-0.0)
jnp.copysign(1, -0.0)
jnp.heaviside(0.0, 0.5)
jnp.heaviside(jnp.nan, 0.5)
jnp.maximum(jnp.nan, 1)
jnp.maximum(1, jnp.nan)
jnp.minimum(jnp.nan, 1)
jnp.fmax(jnp.nan, 1)
jnp.fmin(jnp.nan, 1)
jnp.maximum(-0.0, 0.0)
jnp.maximum(0.0, -0.0)
jnp.minimum(0.0, -0.0)
jnp.max(jnp.array([1, jnp.nan, 3]))
jnp.min(jnp.array([1, jnp.nan, 3]))
jnp.nanmax(jnp.array([1, jnp.nan, 3]))
jnp.nanmin(jnp.array([jnp.nan, jnp.nan]))
jnp.nansum(jnp.array([1, jnp.nan]))
jnp.nanmean(jnp.array([jnp.nan]))
jnp.argmax(jnp.array([1, jnp.nan, 3]))
jnp.argmin(jnp.array([1, jnp.nan, 3, jnp.nan]))
jnp.nanargmax(jnp.array([1, jnp.nan, 3]))
jnp.nanargmax(jnp.array([jnp.nan, jnp.nan]))
jnp.argmax(jnp.array([1, 3, 3]))
jnp.argmax(jnp.array([False, True, True]))
jnp.sort(jnp.array([3, jnp.nan, -jnp.inf, 1, -0.0, 0.0]))
jnp.argsort(jnp.array([3, jnp.nan, 1, jnp.nan]))
jnp.argsort(jnp.array([0.0, -0.0, 0.0]))
jnp.argsort(jnp.array([2, 1, 2, 1]), descending=True)
jnp.sort(jnp.array([3, jnp.nan, 1]), descending=True)
jnp.sort(jnp.array([True, False]))
jnp.sort(jnp.array([1 + 2j, 1 + 1j, 0]))
lax.sort(jnp.array([jnp.nan, -jnp.nan, 1]))
lax.top_k(jnp.array([1, jnp.nan, 3, 3]), 2)
lax.top_k(jnp.array([1.0, 2]), 3)
jnp.unique(jnp.array([3, 1, 3, 2]))
jnp.unique(jnp.array([jnp.nan, jnp.nan, 1]))
jnp.unique(jnp.array([0.0, -0.0]))
jnp.unique(jnp.array([3, 1, 3]), return_counts=True, return_inverse=True, return_index=True)
jnp.unique(jnp.array([3, 1, 3]), size=4)
jnp.median(jnp.array([1, 2, 4, 3]))
jnp.median(jnp.array([1, jnp.nan]))
jnp.percentile(jnp.array([1.0, 2, 3, 4]), 30)
jnp.quantile(jnp.array([1.0, 2, 3, 4]), 0.3, method="lower")
jnp.searchsorted(jnp.array([1, 2, 2, 3]), 2)
jnp.searchsorted(jnp.array([1, 2, 2, 3]), 2, side="right")
jnp.searchsorted(jnp.array([1.0, 2, jnp.nan]), jnp.nan)
jnp.digitize(jnp.array([0, 1, 5]), jnp.array([1, 3]))
jnp.isnan(3)
jnp.isinf(jnp.array([1, -jnp.inf]))
jnp.isfinite(3)
jnp.isposinf(-jnp.inf)
jnp.isclose(jnp.nan, jnp.nan)
jnp.allclose(1.0, 1.0 + 1e-9)
jnp.array_equal(jnp.arange(2), jnp.arange(3))
jnp.nan_to_num(jnp.array([jnp.nan, jnp.inf, -jnp.inf]))
jnp.array(jnp.nan) == jnp.nan
jnp.array([1, 2]) == jnp.array([1, 2, 3])
jnp.array(1) == None
jnp.array(1) == "a"
bool(jnp.array([]))
bool(jnp.array([1, 2]))
int(jnp.array(3.7))
float(jnp.array([1.0]))
float(jnp.array([1.0, 2.0]))
len(jnp.array(1))
list(jnp.arange(2))
# casts
jnp.array(jnp.nan).astype(int)
jnp.array(jnp.inf).astype(int)
jnp.array(-jnp.inf).astype(int)
jnp.array(3e9).astype(int)
jnp.array(-3e9).astype(int)
jnp.array(-1.5).astype(jnp.uint8)
jnp.array(300.0).astype(jnp.uint8)
jnp.array(300).astype(jnp.uint8)
jnp.array(-1).astype(jnp.uint32)
jnp.array(200.7).astype(jnp.int8)
jnp.array(jnp.nan).astype(bool)
jnp.array(0.5).astype(bool)
jnp.array(-0.0).astype(bool)
jnp.array(1 + 2j).astype(float)
jnp.array(1 + 2j).astype(bool)
jnp.array(65504.0).astype(jnp.float16) * 2
jnp.array(1e39).astype(jnp.float32)
jnp.array(3.14159265).astype(jnp.bfloat16)
jnp.array(1e-45).astype(jnp.float32)
jnp.array(True).astype(jnp.float16)
jnp.array(16777217).astype(jnp.float32)
jnp.array(500.0).astype(jnp.float8_e4m3fn)
jnp.array(1e6).astype(jnp.float8_e5m2)
jnp.array(0.3).astype(jnp.float8_e4m3fn)
jnp.array(7).astype(jnp.int4)
jnp.array(9).astype(jnp.int4)
jnp.array(1.0).astype("float64")
jnp.array(1.0).astype("foo")
jnp.array([1.5, 2.5]).view(jnp.int32)
jnp.array([1, 2], jnp.int32).view(jnp.int8)
jnp.array([1, 2, 3], jnp.int8).view(jnp.int16)
lax.bitcast_convert_type(jnp.float32(1), jnp.int32)
lax.bitcast_convert_type(jnp.float32(1), jnp.int8)
lax.convert_element_type(1, jnp.float32)
lax.convert_element_type(1.0, float)
# rounding
jnp.round(2.5)
jnp.round(-2.5)
jnp.round(-0.4)
jnp.round(3)
jnp.round(25, -1)
jnp.round(1.25, 1)
jnp.round(jnp.int8(127), -1)
jnp.rint(2.5)
jnp.rint(3)
jnp.floor(2)
jnp.floor(-0.5)
jnp.ceil(-0.5)
jnp.trunc(-1.7)
jnp.fix(-1.7)
round(jnp.array(2.5))
round(jnp.array(2.567), 2)
lax.round(2.5)
lax.round(2.5, lax.RoundingMethod.TO_NEAREST_EVEN)
jnp.modf(-1.25)
jnp.frexp(jnp.array([0.0, 8.0, -3.0]))
jnp.ldexp(1.5, 3)
jnp.nextafter(0.0, 1.0)
jnp.spacing(1.0)
# reductions
jnp.sum(jnp.array([], dtype=jnp.float32))
jnp.sum(jnp.array([True, True]))
jnp.sum(jnp.array([100, 100], dtype=jnp.int8))
jnp.sum(jnp.array([200, 100], dtype=jnp.uint8))
jnp.sum(jnp.ones(3, jnp.float16))
jnp.sum(jnp.ones((2, 3)), axis=(0, 1))
jnp.sum(jnp.ones((2, 3)), axis=2)
jnp.sum(jnp.ones((2, 3)), axis=(0, 0))
jnp.sum(jnp.ones((2, 3)), axis=-1, keepdims=True)
jnp.sum(jnp.arange(4), where=jnp.array([True, False, True, False]))
jnp.sum(jnp.arange(4), initial=10)
jnp.sum(3)
jnp.sum([1, 2])
jnp.prod(jnp.array([]))
jnp.prod(jnp.array([2, 3], dtype=jnp.int8))
jnp.max(jnp.array([]))
jnp.max(jnp.zeros((0, 3)), axis=0)
jnp.max(jnp.zeros((0, 3)), axis=1)
jnp.max(jnp.array([]), initial=-1)
jnp.min(jnp.array([3, 1]), where=jnp.array([True, False]), initial=10)
jnp.argmax(jnp.array([]))
jnp.mean(jnp.array([]))
jnp.mean(jnp.array([1, 2]))
jnp.mean(jnp.array([1, 2], jnp.float16))
jnp.mean(jnp.array([True, False]))
jnp.var(jnp.array([1.0]), ddof=1)
jnp.std(jnp.array([1, 3]))
jnp.var(jnp.array([1j, 2]))
jnp.all(jnp.array([]))
jnp.any(jnp.array([]))
jnp.all(jnp.array([1, 2, 0]))
jnp.count_nonzero(jnp.array([0, 1, jnp.nan]))
jnp.ptp(jnp.array([3, 1, 7]))
jnp.average(jnp.array([1.0, 3.0]), weights=jnp.array([3, 1]))
jnp.cumsum(jnp.array([[1, 2], [3, 4]]))
jnp.cumsum(jnp.array([True, True]))
jnp.cumsum(jnp.array([100, 100], dtype=jnp.int8))
jnp.cumprod(jnp.array([1, 2, 3]), axis=0)
jnp.cumsum(jnp.array([1.0, jnp.nan, 2]))
jnp.nancumsum(jnp.array([1.0, jnp.nan, 2]))
lax.cummax(jnp.array([1.0, 3, 2]))
jnp.diff(jnp.array([1, 4, 9]))
jnp.diff(jnp.array([True, False]))
jnp.ediff1d(jnp.array([1, 4, 9]))
jnp.bincount(jnp.array([0, 1, 1, 3]))
jnp.bincount(jnp.array([0, 5]), length=3)
jnp.histogram(jnp.array([0.0, 1, 2]), bins=2)
# indexing
jnp.arange(5)[2]
jnp.arange(5)[-1]
jnp.arange(5)[10]
jnp.arange(5)[-10]
jnp.arange(5)[jnp.array(10)]
jnp.arange(5)[jnp.array(-10)]
jnp.arange(5)[jnp.array([1, 10, -1, -10])]
jnp.arange(5.0)[jnp.array([10])]
jnp.arange(5)[1:3]
jnp.arange(5)[::-1]
jnp.arange(5)[10:20]
jnp.arange(5)[3:1]
jnp.arange(5)[-2:]
jnp.arange(5)[::0]
jnp.arange(5)[None]
jnp.arange(5)[...]
jnp.arange(5)[..., None]
jnp.arange(5)[()]
jnp.arange(5)[[0, 2]]
jnp.arange(5)[(0, 2)]
jnp.arange(5)[1.0]
jnp.arange(5)["a"]
jnp.arange(5)[True]
jnp.arange(5)[False]
jnp.arange(5)[jnp.array([True, False, True, False, True])]
jnp.arange(5)[jnp.array([True, False])]
jnp.arange(5)[jnp.array([], dtype=int)]
jnp.arange(5)[np.array([1, 2])]
jnp.arange(5)[jnp.array([1.0])]
jnp.arange(6).reshape(2, 3)[1]
jnp.arange(6).reshape(2, 3)[:, 1]
jnp.arange(6).reshape(2, 3)[1, 2]
jnp.arange(6).reshape(2, 3)[5, 0]
jnp.arange(6).reshape(2, 3)[0, 0, 0]
jnp.arange(6).reshape(2, 3)[jnp.array([0, 1]), jnp.array([2, 0])]
jnp.arange(6).reshape(2, 3)[:, jnp.array([2, 0])]
jnp.arange(6).reshape(2, 3)[jnp.array([[True, False, True], [False, True, False]])]
jnp.arange(6).reshape(2, 3)[..., 0]
jnp.arange(6).reshape(2, 3)[jnp.array([1]), None, 0]
jnp.arange(24).reshape(2, 3, 4)[jnp.array([0, 1]), :, jnp.array([2, 3])]
jnp.arange(24).reshape(2, 3, 4)[0, :, jnp.array([2, 3])]
jnp.arange(3).at[1].set(7)
jnp.arange(3).at[10].set(7)
jnp.arange(3).at[-1].set(7)
jnp.arange(3).at[-10].set(7)
jnp.arange(3).at[jnp.array([0, 0])].add(1)
jnp.arange(3).at[jnp.array([0, 0])].set(jnp.array([5, 6]))
jnp.arange(3).at[jnp.array([5])].add(1, mode="clip")
jnp.arange(3).at[jnp.array([5])].get(mode="fill", fill_value=-1)
jnp.arange(3).at[jnp.array([5])].get(mode="clip")
jnp.arange(3.0).at[jnp.array([5])].get(mode="fill")
jnp.arange(3).at[jnp.array([-5])].get()
jnp.arange(3).at[5].get(mode="promise_in_bounds")
jnp.arange(3).at[1:].mul(2)
jnp.arange(3).at[1].set(1.7)
jnp.arange(3).at[1].divide(2)
jnp.arange(3.0).at[1].divide(2)
jnp.arange(3).at[1].power(2)
jnp.arange(3).at[1].min(0)
jnp.arange(3).at[1].max(9)
jnp.arange(3).at[1].apply(lambda x: x + 5)
jnp.arange(3).at[jnp.array([True, False, True])].set(9)
jnp.arange(3).at[0:2].set(jnp.array([1, 2, 3]))
jnp.arange(6).reshape(2, 3).at[0].set(jnp.array([7, 8, 9]))
jnp.arange(6).reshape(2, 3).at[:, jnp.array([0, 0])].add(1)
jnp.zeros(2, jnp.int8).at[0].set(300)
jnp.take(jnp.arange(3), 10)
jnp.take(jnp.arange(3.0), 10)
jnp.take(jnp.arange(3), 10, mode="clip")
jnp.take(jnp.arange(3), 10, mode="wrap")
jnp.take(jnp.arange(3), -1)
jnp.take(jnp.arange(6).reshape(2, 3), jnp.array([0, 2]), axis=1)
jnp.take_along_axis(jnp.arange(6).reshape(2, 3), jnp.array([[2], [0]]), 1)
jnp.choose(jnp.array([0, 1]), [jnp.array([1, 2]), jnp.array([3, 4])])
jnp.compress(jnp.array([True, False]), jnp.array([1, 2]))
jnp.nonzero(jnp.array([0, 1, 2]))
jnp.nonzero(jnp.array([0, 1, 2]), size=3, fill_value=-1)
jnp.argwhere(jnp.array([0, 1]))
jnp.flatnonzero(jnp.array([0, 1]))
jnp.put_along_axis(jnp.zeros((2, 2)), jnp.array([[0], [1]]), 1.0, 1, inplace=False)
jnp.place(jnp.arange(3), jnp.array([True, False, True]), jnp.array([9]), inplace=False)
lax.dynamic_slice(jnp.arange(5), (4,), (2,))
lax.dynamic_slice(jnp.arange(5), (-1,), (2,))
lax.dynamic_update_slice(jnp.arange(5), jnp.array([9, 9]), (4,))
lax.dynamic_index_in_dim(jnp.arange(5), 10)
lax.slice(jnp.arange(5), (1,), (9,))
# where, clip, select
jnp.where(True, 1, 2.0)
jnp.where(True, jnp.int8(1), 300)
jnp.where(jnp.array([True, False]), 1, jnp.nan)
jnp.where(jnp.array([0, 2]), 1, 0)
jnp.where(jnp.array([0, 2]))
jnp.where(True, 1)
jnp.where(jnp.array([True, False]), jnp.arange(2), jnp.arange(3))
jnp.clip(5, 0, 3)
jnp.clip(5, 0, 3.5)
jnp.clip(5, 3, 1)
jnp.clip(jnp.nan, 0, 1)
jnp.clip(jnp.array([-1, 2]), 0)
jnp.clip(jnp.array([-1, 2]), None, 1)
jnp.clip(jnp.array([-1, 2]))
jnp.clip(jnp.uint8(5), -1, 300)
jnp.clip(jnp.array([1.0]), jnp.array([2.0, 3.0]), 9)
lax.clamp(0.0, jnp.nan, 1.0)
lax.clamp(3, 5, 1)
lax.select(True, 1, 2)
lax.select(True, 1, 2.0)
jnp.select([jnp.array([True, False])], [jnp.array([1, 2])], 9)
jnp.piecewise(jnp.array([-1.0, 1.0]), [jnp.array([True, False])], [0.0, lambda x: x])
# ranges
jnp.arange(3)
jnp.arange(3.0)
jnp.arange(1, 3)
jnp.arange(3, 1)
jnp.arange(0, 1, 0.25)
jnp.arange(5, 0, -2)
jnp.arange(0, 1, 0)
jnp.arange(jnp.int8(3))
jnp.arange(3, dtype=jnp.float16)
jnp.arange(True)
jnp.arange(0, 3.5)
jnp.arange("a")
jnp.linspace(0, 1, 5)
jnp.linspace(0, 1, 1)
jnp.linspace(0, 1, 0)
jnp.linspace(0, 1, 3, endpoint=False)
jnp.linspace(0, 10, 5, dtype=int)
jnp.linspace(0, 1, 3, retstep=True)
jnp.linspace(jnp.array([0, 1]), 2, 3)
jnp.linspace(0, 1, -1)
jnp.logspace(0, 2, 3)
jnp.geomspace(1, 4, 3)
jnp.indices((2, 2))
jnp.meshgrid(jnp.arange(2), jnp.arange(3))
jnp.tri(2)
jnp.vander(jnp.array([1, 2]))
lax.iota(jnp.int32, 3)
lax.iota(bool, 3)
# shapes
jnp.arange(6).reshape(2, -1)
jnp.arange(6).reshape(4, -1)
jnp.arange(6).reshape(-1, -1)
jnp.arange(0).reshape(0, -1)
jnp.squeeze(jnp.ones((1, 2, 1)))
jnp.squeeze(jnp.ones((2, 1)), 0)
jnp.expand_dims(jnp.arange(2), (0, 2))
jnp.expand_dims(jnp.arange(2), 5)
jnp.concatenate([jnp.arange(2), jnp.ones(1)])
jnp.concatenate([])
jnp.concatenate([1, 2])
jnp.concatenate([jnp.ones((1, 2)), jnp.ones((1, 3))])
jnp.stack([1, 2])
jnp.stack([1, 2.0])
jnp.stack([jnp.int8(1), 300])
jnp.hstack([1, jnp.array([2, 3])])
jnp.split(jnp.arange(5), 2)
jnp.array_split(jnp.arange(5), 2)
jnp.split(jnp.arange(5), [1, 3])
jnp.tile(jnp.array([1, 2]), (2, 1))
jnp.repeat(jnp.array([1, 2]), 2)
jnp.repeat(jnp.array([1, 2]), jnp.array([0, 2]))
jnp.roll(jnp.arange(4), 1)
jnp.roll(jnp.arange(4), -5)
jnp.flip(jnp.arange(3))
jnp.rot90(jnp.arange(4).reshape(2, 2))
jnp.pad(jnp.arange(2), 1)
jnp.pad(jnp.arange(3), (1, 2), mode="edge")
jnp.pad(jnp.arange(3), 2, mode="reflect")
jnp.pad(jnp.arange(3), 2, mode="wrap")
jnp.pad(jnp.arange(3), 2, constant_values=(7, 8))
jnp.pad(jnp.arange(3), -1)
jnp.broadcast_to(jnp.array(1), (2,))
jnp.broadcast_to(jnp.arange(2), (3,))
jnp.broadcast_shapes((1, 2), (3, 1))
jnp.transpose(jnp.ones((2, 3)), (1, 0)).shape
jnp.transpose(jnp.ones((2, 3)), (0, 0))
jnp.moveaxis(jnp.ones((2, 3, 4)), 0, -1).shape
jnp.swapaxes(jnp.ones((2, 3)), 0, 5)
jnp.tril(jnp.ones((2, 2)), -1)
jnp.diag(jnp.array([1, 2]), 1)
jnp.diagonal(jnp.arange(4).reshape(2, 2))
jnp.trace(jnp.arange(4).reshape(2, 2))
jnp.ravel(jnp.arange(4).reshape(2, 2))
jnp.insert(jnp.arange(3), 1, 9)
jnp.delete(jnp.arange(3), 1)
jnp.append(jnp.arange(2), 2.5)
jnp.trim_zeros(jnp.array([0, 1, 0]))
jnp.unravel_index(5, (2, 3))
jnp.ravel_multi_index((1, 2), (2, 3))
jnp.ravel_multi_index((1, 7), (2, 3))
# products
jnp.dot(jnp.arange(3), jnp.arange(3))
jnp.dot(2, 3)
jnp.dot(jnp.ones((2, 3)), jnp.ones(2))
jnp.matmul(2, 3)
jnp.arange(4).reshape(2, 2) @ jnp.arange(2)
jnp.array([True, True]) @ jnp.array([True, True])
jnp.array([100, 100], jnp.int8) @ jnp.array([2, 1], jnp.int8)
jnp.ones(2, jnp.int8) @ jnp.ones(2, jnp.float16)
jnp.ones((0, 3)) @ jnp.ones((3, 2))
jnp.ones((2, 0)) @ jnp.ones((0, 2))
jnp.vdot(jnp.array([1j]), jnp.array([1j]))
jnp.inner(jnp.arange(2), jnp.arange(2))
jnp.outer(jnp.arange(2), jnp.arange(2))
jnp.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
jnp.kron(jnp.array([1, 2]), jnp.array([1, 1]))
jnp.tensordot(jnp.ones((2, 3)), jnp.ones((3, 2)))
jnp.tensordot(jnp.arange(6).reshape(2, 3), jnp.arange(6).reshape(3, 2), 1)
jnp.einsum("ij->ji", jnp.arange(4).reshape(2, 2))
jnp.einsum("ii", jnp.arange(4).reshape(2, 2))
jnp.einsum("i,i", jnp.arange(3), jnp.arange(3.0))
jnp.einsum("i,j", jnp.arange(2), jnp.arange(3))
jnp.einsum("ij,k", jnp.arange(2), jnp.arange(3))
jnp.convolve(jnp.array([1, 2, 3]), jnp.array([1, 1]))
jnp.correlate(jnp.array([1, 2, 3]), jnp.array([0, 1]), mode="full")
jnp.polyval(jnp.array([1, 2]), 3)
jnp.interp(2.5, jnp.array([1, 2, 3]), jnp.array([3, 2, 0]))
jnp.interp(jnp.array([0, 9]), jnp.array([1, 2]), jnp.array([3.0, 5.0]))
jnp.trapezoid(jnp.array([1, 2, 3]))
lax.dot(jnp.ones((2, 3)), jnp.ones((2, 3)))
# sets and logic
jnp.isin(jnp.array([1, 2]), jnp.array([2]))
jnp.union1d(jnp.array([1, 2]), jnp.array([2, 3]))
jnp.intersect1d(jnp.array([1, 2]), jnp.array([2, 3]))
jnp.setdiff1d(jnp.array([1, 2]), jnp.array([2, 3]))
jnp.packbits(jnp.array([1, 0, 1], dtype=jnp.uint8))
jnp.unpackbits(jnp.array([5], dtype=jnp.uint8))
jnp.iscomplexobj(1j)
jnp.isscalar(jnp.array(1))
jnp.ndim([1, 2])
jnp.shape(3)
jnp.size(jnp.ones((2, 3)))
jnp.issubdtype(jnp.bfloat16, jnp.floating)
jnp.finfo(jnp.bfloat16).eps
jnp.iinfo(jnp.int8).max
jnp.dtype("float32")
# what a search over sampled arguments found
jnp.bincount(jnp.array([0, 2, 200], dtype=jnp.uint8)).shape
jnp.fft.fftfreq(3, dtype=int)
jnp.fft.rfftn(2)
jnp.fft.rfft(jnp.arange(2))
jnp.linalg.cond(jnp.zeros((0, 3, 3)))
jnp.linalg.cond(jnp.zeros((2, 0, 0)))
jnp.polydiv(jnp.ones((3, 3)), -1.5)
jnp.polyadd(jnp.array([1.0, 2.0]), jnp.array([1.0]))
jnp.unique_counts(jnp.array([2, 1, 2]))
jnp.intersect1d(jnp.array([3, 1]), jnp.array([1.0]), size=2)
jnp.take(jnp.arange(3), jnp.array([1.0]))
jnp.concatenate([jnp.array(1), jnp.ones(2)])
jnp.full_like(jnp.arange(2), 7.5)
jnp.linspace(0, 3.9, 3, dtype=int)
jnp.moveaxis(jnp.ones((2, 3)), (0, 0), (1, 1))
jnp.trace(jnp.ones((2, 2), jnp.int8))
jnp.sum(jnp.ones(2, jnp.uint8), dtype=jnp.float16)
jnp.mean(jnp.arange(3), where=jnp.array([True, True, False]))
jnp.max(jnp.ones(2), where=jnp.array([True, False]))
jnp.any(jnp.nan)
jnp.clip(1.0, jnp.nan, None)
jnp.var(jnp.array([1.0, 3.0]), dtype=jnp.float16)
jnp.array([1 + 0j]) ** 2
jnp.array([4 + 0j]) ** 0.5
jnp.float16(2) ** jnp.int8(3)
jnp.array([1, 2], jnp.int8) + 300
jnp.array([True, False]) * 2.5
1j * jnp.array([1, 2], jnp.bfloat16)
jnp.array([]) @ jnp.array([])
jnp.arange(3).choose([1, 2])
jnp.arange(3).compress(jnp.array([True, False]))
jnp.arange(3).searchsorted(1)
jnp.arange(4).reshape(2, 2).diagonal()
jnp.arange(3).view("uint8").shape
jnp.arange(3).at[7].get(mode="fill")
jnp.arange(3).at[...].set(1j)
jnp.arange(3).astype("complex64").astype(bool)
divmod(jnp.array([7.5, -7.5]), 2)
round(jnp.arange(3))
jax.image.resize(jnp.array([0.5, -1.0, 2.0]), 3, "linear")
jax.image.resize(jnp.array([1.0, 2.0]), (4,), "nearest")
jax.ops.segment_min(jnp.array([1, 2], jnp.uint32), jnp.array([0, 2]))
jax.ops.segment_max(jnp.array([1, 2], jnp.int8), jnp.array([0, 2]))
jax.ops.segment_sum(jnp.array([1, 2]), jnp.array([0, -1]), 2)
jax.nn.one_hot(jnp.array([1.0, 0.0]), 2)
jax.nn.relu6(jnp.array([-1, 9]))
jax.nn.standardize(jnp.array([1.0, 1.0]))
jax.scipy.special.xlogy(0, jnp.nan)
jax.scipy.special.rel_entr(jnp.array([0, 1]), 0.0)
jax.scipy.special.entr(jnp.array([0.0, -1.0]))
jax.scipy.special.ndtr(0.0)
jax.scipy.special.beta(jnp.float16(-1.5), jnp.float16(1000.0))
jax.scipy.special.factorial(jnp.array([0, -1]))
jax.scipy.stats.norm.cdf(0.0)
jax.scipy.stats.norm.logpdf(jnp.array([jnp.inf]))
jax.scipy.stats.uniform.cdf(-1.5)
jax.scipy.stats.uniform.pdf(jnp.array([0, 2]), 0.5, 1)
jax.scipy.stats.bernoulli.pmf(jnp.array([0, 1, 2]), 0.25)
jax.scipy.linalg.toeplitz(jnp.array([1, 2, 3]))
jax.scipy.linalg.block_diag(jnp.ones((1, 2)), 3)
jax.scipy.fft.dctn(jnp.zeros(2), axes=0)
jax.tree.map(lambda a, b: a + b, [1, None], [2, None])
jax.tree.transpose(jax.tree.structure([0, 0]), jax.tree.structure((0, 0)), [(1, 2), (3, 4)])
# complex
jnp.array(3 + 4j).real
jnp.real(3)
jnp.imag(3.0)
jnp.conj(3)
jnp.conj(1 + 2j)
jnp.abs(3 + 4j)
jnp.angle(1j)
jnp.angle(-1)
jnp.array(1j) > 0
jnp.maximum(1 + 2j, 1 + 1j)
jnp.array(1 + 2j) * 1j
jnp.array(1j) ** 2
# methods and attributes
jnp.arange(3).sum()
jnp.arange(3).T
jnp.ones((2, 3)).mT.shape
jnp.arange(3).tolist()
jnp.arange(3).item()
jnp.array(2.5).item()
jnp.arange(3).astype(float)
jnp.arange(3).nbytes
jnp.arange(3).itemsize
jnp.arange(3).ndim
jnp.float32(1).weak_type
jnp.asarray(1.0).weak_type
jnp.arange(3).clip(1)
jnp.arange(3).repeat(2)
jnp.arange(3).argmax()
jnp.arange(3).std()
jnp.arange(3).any()
jnp.arange(3).round()
jnp.arange(3).flatten()
jnp.arange(3).at[0]
jnp.arange(3).foo
jnp.arange(3).fill(0)
jnp.arange(3).__setitem__(0, 1)
hash(jnp.arange(3))
3 in jnp.arange(5)
jnp.arange(3).__index__()
[10, 20, 30][jnp.array(1)]
[10, 20, 30][jnp.array(1.0)]
# repr and str
repr(jnp.arange(3))
repr(jnp.array(1))
repr(jnp.array(1.5))
repr(jnp.float32(1.5))
repr(jnp.array(True))
repr(jnp.zeros((0, 3)))
repr(jnp.ones((2, 3), jnp.bfloat16))
repr(jnp.array([1 + 2j]))
repr(jnp.arange(2000))
repr(jnp.ones((50, 50)))
repr(jnp.array([1e10, 1e-10, jnp.nan]))
repr(jnp.array([1, 2], jnp.uint8))
repr(jnp.array([0.1], jnp.float16))
repr(jnp.array([1, 2]).astype(jnp.int4))
repr(jnp.array([1, 2]).astype(jnp.float8_e4m3fn))
repr(jnp.arange(12).reshape(2, 2, 3))
repr(jnp.array([[1.5, -2.25], [3.0, 1e6]]))
repr(jnp.full(30, 1 / 3))
repr(jax.random.key(0))
repr(jax.random.split(jax.random.key(0)))
str(jnp.arange(3))
str(jnp.array(1.5))
str(jnp.ones((2, 2)))
str(jnp.array([True, False]))
str(jnp.array(1, jnp.bfloat16))
str(jax.random.key(0))
f"{jnp.array(1.5):.3f}"
f"{jnp.arange(2)}"
f"{jnp.arange(2):.3f}"
repr(jnp.dtype(jnp.bfloat16))
repr(jnp.float32)
repr(jax.ShapeDtypeStruct((2, 3), jnp.float32))
repr(jax.typeof(jnp.ones((2, 3))))
repr(jax.eval_shape(lambda x: x + 1, 1.0))
str(jax.make_jaxpr(lambda x: lax.add(x, 1.0))(1.0))
repr(jax.tree.structure({"a": 1, "b": [2, None]}))
repr(jax.tree.map(lambda x: x + 1, {"a": 1, "b": (2, 3)}))
# transformations
jax.grad(lambda x: x ** 2)(3.0)
jax.grad(lambda x: x ** 2)(3)
jax.grad(lambda x: x)(jnp.arange(2.0))
jax.grad(lambda x: jnp.array([x]))(1.0)
jax.grad(jnp.abs)(0.0)
jax.grad(jnp.sqrt)(0.0)
jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0))(0.0)
jax.grad(jnp.max)(jnp.array([1.0, 1.0, 0.0]))
jax.grad(lambda x: jnp.maximum(x, 0.0))(0.0)
jax.grad(jax.nn.relu)(0.0)
jax.grad(lambda x: jnp.clip(x, 0.0, 1.0))(0.0)
jax.grad(jnp.sign)(1.0)
jax.grad(jnp.floor)(1.5)
jax.grad(lambda x: x ** 0)(0.0)
jax.grad(lambda x: 0.0 ** x)(1.0)
jax.grad(jnp.linalg.norm)(jnp.zeros(2))
jax.grad(lambda x: jnp.sort(x)[0])(jnp.array([2.0, 1.0]))
jax.grad(lambda x: jnp.prod(x))(jnp.array([0.0, 2.0, 3.0]))
jax.grad(lambda x: x, allow_int=True)(3)
jax.grad(lambda x: jnp.real(x * 1j))(1.0 + 1j)
jax.grad(lambda x: x * 1j)(1.0)
jax.value_and_grad(lambda x: x * 2, has_aux=False)(1.0)
jax.grad(lambda x: (x, 1), has_aux=True)(1.0)
jax.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
jax.grad(lambda x: x, argnums=1)(1.0)
jax.jvp(lambda x: x * 2, (1.0,), (1.0,))
jax.jvp(lambda x: x * 2, (1,), (1,))
jax.jvp(lambda x: x * 2, (1.0,), (1,))
jax.vjp(lambda x: x * 2, 1.0)[1](1.0)
jax.jacfwd(lambda x: x * 2)(jnp.arange(2.0))
jax.jacrev(lambda x: x ** 2)(jnp.arange(2.0))
jax.hessian(lambda x: jnp.sum(x ** 3))(jnp.arange(2.0))
jax.vmap(lambda x: x + 1)(jnp.arange(3))
jax.vmap(lambda x: x + 1)(3)
jax.vmap(lambda x, y: x + y)(jnp.arange(2), jnp.arange(3))
jax.vmap(lambda x, y: x + y, in_axes=(0, None))(jnp.arange(2), 1)
jax.vmap(lambda x: x, out_axes=1)(jnp.ones((2, 3))).shape
jax.vmap(lambda x: 1.0)(jnp.arange(2))
jax.jit(lambda x: x + 1)(1)
jax.jit(lambda x: x)("a")
jax.jit(lambda x, n: x * n, static_argnums=1)(2.0, 3)
jax.jit(lambda x: x if x > 0 else -x)(1.0)
jax.jit(lambda x: x[x > 0])(jnp.arange(3))
jax.jit(lambda x: int(x))(1)
jax.jit(lambda x: jnp.arange(x))(3)
jax.jit(lambda x: np.sin(x))(1.0)
lax.cond(True, lambda: 1, lambda: 2)
lax.cond(1, lambda: 1, lambda: 2)
lax.cond(jnp.array([True]), lambda: 1, lambda: 2)
lax.cond(True, lambda: 1, lambda: 2.0)
lax.cond(True, lambda: 1, lambda: (1, 2))
lax.switch(5, [lambda: 1, lambda: 2])
lax.switch(-1, [lambda: 1, lambda: 2])
lax.switch(0, [])
lax.while_loop(lambda x: x < 3, lambda x: x + 1, 0)
lax.while_loop(lambda x: x < 3, lambda x: x + 1.0, 0)
lax.while_loop(lambda x: x, lambda x: x, 0)
lax.fori_loop(0, 3, lambda i, x: x + i, 0)
lax.fori_loop(3, 0, lambda i, x: x + i, 7)
lax.fori_loop(0, 3, lambda i, x: x * 1.5, 1)
lax.scan(lambda c, x: (c + x, c), 0, jnp.arange(3))
lax.scan(lambda c, x: (c + x, c), 0, jnp.arange(0))
lax.scan(lambda c, x: (c, x), 0.0, None)
lax.scan(lambda c, x: (c + 0.5, x), 0, jnp.arange(3))
lax.scan(lambda c, x: c, 0, jnp.arange(3))
lax.map(lambda x: x * 2, jnp.arange(3))
lax.associative_scan(lax.add, jnp.arange(4))
jax.nn.softmax(jnp.array([0.0, 0.0]))
jax.nn.softmax(jnp.array([-jnp.inf, -jnp.inf]))
jax.nn.relu(jnp.array([-1, 2]))
jax.nn.one_hot(jnp.array([0, 5, -1]), 3)
jax.nn.one_hot(1, 3, dtype=int)
jax.tree.leaves({"b": 1, "a": [2, None, (3,)]})
jax.device_get(jnp.arange(2))
jax.block_until_ready(jnp.arange(2))
jax.eval_shape(lambda x: x, jnp.ones(2)).shape
jax.dtypes.canonicalize_dtype("float64")
""".strip().splitlines()


def describe(value, jax):
    """A result as data that compares exactly."""
    import numpy as np

    if isinstance(value, tuple | list):
        return {
            "kind": type(value).__name__ if type(value) in (tuple, list) else "named",
            "items": [describe(x, jax) for x in value],
        }
    if isinstance(value, jax.Array):
        array = np.asarray(value)
        flat = array.reshape(-1)
        if array.dtype == bool or np.issubdtype(array.dtype, np.integer) or "int" in str(array.dtype):
            items = [int(x) for x in flat]
        elif np.iscomplexobj(array):
            items = [[number(x.real), number(x.imag)] for x in flat]
        else:
            items = [number(x) for x in flat]
        return {
            "kind": "array",
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "weak": bool(value.aval.weak_type),
            "items": items,
            "repr": repr(value),
        }
    if isinstance(value, np.ndarray | np.generic):
        return {"kind": "numpy", "repr": repr(value)}
    if isinstance(value, dict):
        return {"kind": "dict", "items": {str(k): describe(v, jax) for k, v in value.items()}}
    return {"kind": type(value).__name__, "repr": repr(value)}


def number(x):
    """A float to the last bit and sign; every NaN is the same."""
    x = float(x)
    return "nan" if x != x else x.hex()


def evaluate(jax, source):
    import numpy as np

    scope = {"jax": jax, "jnp": jax.numpy, "lax": jax.lax, "np": np}
    return describe(eval(source, scope), jax)


def sources():
    return [line for line in EXPRESSIONS if line and not line.startswith("# ")]


if __name__ == "__main__":
    import jax

    warnings.simplefilter("ignore")
    rows = []
    for x64 in (False, True):
        jax.config.update("jax_enable_x64", x64)
        for source in sources():
            row = {"source": source, "x64": x64}
            try:
                row |= evaluate(jax, source)
            except Exception as error:
                row["error"] = next(
                    c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins" and c is not object
                )
                row["raised"] = type(error).__name__
            if x64 and {k: v for k, v in rows[sources().index(source)].items() if k != "x64"} == {
                k: v for k, v in row.items() if k != "x64"
            }:
                continue  # the same with and without: once is enough
            rows.append(row)
    path = pathlib.Path(__file__).with_name("semantics.json")
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(len(rows), "rows", path.stat().st_size, "bytes", sum("error" in row for row in rows), "errors")
