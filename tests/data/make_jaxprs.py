"""Writes jaxprs.json: small programs and the jaxprs that the referee prints for them.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_jaxprs.py`.

A program is a source string that evaluates to a function, with the names `jax`, `jnp`, `lax`, `np` and `P` in reach, and a string of
arguments, in which `f32(2, 3)` is an array of zeros of that dtype and shape. They are strings so that any library with this API can run them.

kind "lax"   says exactly which equations it wants: every library must print the same letters.
kind "jnp"   goes through a NumPy-like layer, which may stage the same meaning otherwise: recorded, not compared.
kind "mesh"  as "lax", and needs four devices.

How the printing works (found out by printing):
* variables are named a, b, …, z, ba, bb, … in order of appearance, going on through nested jaxprs; `_` is a result nobody reads
  from an equation that has one that is read;
* a jaxpr object that appears twice is printed once, above, as `let name = { … } in`;
* parameters print in alphabetical order, as `[k=v k=v]` where that fits the line and one a line otherwise; parameters that say the
  default (accuracy=None, sharding=None, donated_invars all False, …) are left out by the primitives that do so: see the rows;
* a weak type is not shown, neither in a binder nor in a literal: `1.0:f32[]`.
"""

import argparse
import json
import pathlib
import warnings

FLOAT_UNARY = (
    "neg abs sign floor ceil round exp exp2 expm1 log log1p sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh sqrt rsqrt cbrt "
    "logistic erf erfc erf_inv lgamma digamma bessel_i0e bessel_i1e is_finite square integer_pow reciprocal"
).split()
INTEGER_UNARY = "bitwise_not population_count clz".split()
FLOAT_BINARY = "add sub mul div rem pow max min atan2 nextafter igamma igammac random_gamma_grad zeta polygamma".split()
INTEGER_BINARY = (
    "bitwise_and bitwise_or bitwise_xor shift_left shift_right_logical shift_right_arithmetic add sub mul div rem max min mulhi"
).split()
COMPARISONS = "eq ne lt le gt ge".split()


def programs():
    """Yields (name, kind, source, arguments)."""
    for name in FLOAT_UNARY:
        call = "lambda x: lax.integer_pow(x, 3)" if name == "integer_pow" else f"lambda x: lax.{name}(x)"
        yield f"{name}_f32", "lax", call, "f32(2, 3)"
    for name in INTEGER_UNARY:
        yield f"{name}_i32", "lax", f"lambda x: lax.{name}(x)", "i32(4)"
    for name in ("real", "imag", "conj", "abs", "exp", "neg"):
        yield f"{name}_c64", "lax", f"lambda x: lax.{name}(x)", "c64(3)"
    yield "conj_f32", "lax", "lambda x: lax.conj(x)", "f32(3)"
    for name in FLOAT_BINARY:
        yield f"{name}_f32", "lax", f"lambda x, y: lax.{name}(x, y)", "f32(3), f32(3)"
    for name in INTEGER_BINARY:
        yield f"{name}_i32", "lax", f"lambda x, y: lax.{name}(x, y)", "i32(3), i32(3)"
    for name in COMPARISONS:
        yield f"{name}_f32", "lax", f"lambda x, y: lax.{name}(x, y)", "f32(3), f32(3)"
    for line in LINES.strip().splitlines():
        if line.strip() and not line.startswith("#"):
            name, kind, arguments, source = (part.strip() for part in line.split("|", 3))
            yield name, kind, source, arguments
    for name, kind, arguments, source in LONG:
        yield name, kind, source, arguments


# name | kind | arguments | source
LINES = """
complex | lax | f32(3), f32(3) | lambda x, y: lax.complex(x, y)
regularized_incomplete_beta | lax | f32(3), f32(3), f32(3) | lambda a, b, x: lax.betainc(a, b, x)
round_even | lax | f32(3) | lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)
exp_accuracy | lax | f32(3) | lambda x: lax.exp(x, accuracy=lax.AccuracyMode.HIGHEST)
identity | lax | f32(3) | lambda x: x
constant_output | lax | f32(3) | lambda x: 2.0
two_outputs | lax | f32(3), f32() | lambda x, y: (lax.sin(x), lax.cos(y))
unused_input | lax | f32(3), i32() | lambda x, n: lax.sin(x)
dead_code | lax | f32(3) | lambda x: (lax.cos(x), lax.sin(x))[1]
repeated_output | lax | f32(3) | lambda x: (x, x)
pytree | lax | {"a": f32(3), "b": (f32(), f32(2))} | lambda t: {"c": lax.sin(t["a"]), "d": [t["b"][0], t["b"][1]]}
no_inputs | lax | | lambda: lax.iota(np.int32, 3)
many_names | lax | f32() | lambda x: [lax.sin(x) for _ in range(30)]
add_scalar_literal | lax | f32(3) | lambda x: lax.add(x, 1.0)
add_scalar_to_scalar | lax | f32() | lambda x: lax.add(x, 1.0)
scalar_left | lax | f32(3) | lambda x: lax.sub(1.0, x)
mul_weak_scalar | lax | 2.0 | lambda x: lax.mul(x, 3.0)
mul_int_literal | lax | i32(3) | lambda x: lax.mul(x, 2)
bool_literal | lax | b(3) | lambda x: lax.bitwise_and(x, True)
nan_literal | lax | f32() | lambda x: lax.add(x, float("nan"))
inf_literal | lax | f32() | lambda x: lax.max(x, -float("inf"))
half_literal | lax | f16() | lambda x: x + 0.1
bfloat16_literal | lax | bf16() | lambda x: x + 0.1
float_literal_digits | lax | f32() | lambda x: lax.mul(x, 0.1)
large_literal | lax | f32() | lambda x: lax.mul(x, 1e30)
constant_array | lax | f32(3) | lambda x: lax.add(x, np.arange(3, dtype=np.float32))
constant_array_shared | lax | f32(3) | lambda x: (lambda c: lax.mul(lax.add(x, c), c))(np.arange(3, dtype=np.float32))
numpy_scalar | lax | f32() | lambda x: lax.add(x, np.float32(2))
operator_add | lax | f32(3), f32(3) | lambda x, y: x + y
operator_mixed | lax | f32(), f32() | lambda x, y: -x * y - x / y
operator_pow_int | jnp | f32(3) | lambda x: x ** 2
operator_pow_float | jnp | f32(3) | lambda x: x ** 2.5
operator_matmul | jnp | f32(3, 4), f32(4, 5) | lambda x, y: x @ y
operator_floordiv | jnp | i32(3), i32(3) | lambda x, y: x // y
operator_mod | jnp | i32(3), i32(3) | lambda x, y: x % y
operator_scalar | jnp | f32(3) | lambda x: 2 * x + 1
operator_promotes | jnp | f32(3), i32(3) | lambda x, y: x + y
operator_broadcasts | jnp | f32(2, 3), f32(3) | lambda x, y: x * y
operator_compare | jnp | f32(3) | lambda x: x > 0
operator_not | jnp | b(3) | lambda x: ~x
operator_shift | jnp | i32(3) | lambda x: (x << 1) | (x >> 2)
convert_element_type | lax | f32(3) | lambda x: lax.convert_element_type(x, np.int32)
convert_to_bfloat16 | lax | f32(3) | lambda x: lax.convert_element_type(x, jnp.bfloat16)
convert_to_bool | lax | f32(3) | lambda x: lax.convert_element_type(x, bool)
convert_same | lax | f32(3) | lambda x: lax.convert_element_type(x, np.float32)
convert_weak | lax | 1.0 | lambda x: lax.convert_element_type(x, np.float32)
convert_to_weak | lax | f32(3) | lambda x: lax.convert_element_type(x, float)
bitcast_convert_type | lax | f32(3) | lambda x: lax.bitcast_convert_type(x, np.int32)
bitcast_narrow | lax | f32(3) | lambda x: lax.bitcast_convert_type(x, np.uint8)
reduce_precision | lax | f32(3) | lambda x: lax.reduce_precision(x, 5, 10)
stop_gradient | lax | f32(3) | lambda x: lax.stop_gradient(x)
optimization_barrier | lax | f32(3), f32() | lambda x, y: lax.optimization_barrier((x, y))
broadcast_in_dim | lax | f32(3) | lambda x: lax.broadcast_in_dim(x, (2, 3), (1,))
broadcast_scalar | lax | f32() | lambda x: lax.broadcast_in_dim(x, (2, 3), ())
broadcast_leading | lax | f32(3) | lambda x: lax.broadcast(x, (2,))
full | lax | | lambda: lax.full((2, 3), 1.0)
full_like | lax | f32(3) | lambda x: lax.full_like(x, 7)
zeros_like | jnp | f32(3) | lambda x: jnp.zeros_like(x)
expand_dims | lax | f32(3) | lambda x: lax.expand_dims(x, (0, 2))
squeeze | lax | f32(1, 3, 1) | lambda x: lax.squeeze(x, (0, 2))
reshape | lax | f32(2, 3) | lambda x: lax.reshape(x, (3, 2))
reshape_dimensions | lax | f32(2, 3) | lambda x: lax.reshape(x, (6,), dimensions=(1, 0))
reshape_same | lax | f32(2, 3) | lambda x: lax.reshape(x, (2, 3))
transpose | lax | f32(2, 3, 4) | lambda x: lax.transpose(x, (2, 0, 1))
transpose_identity | lax | f32(2, 3) | lambda x: lax.transpose(x, (0, 1))
rev | lax | f32(2, 3) | lambda x: lax.rev(x, (1,))
concatenate | lax | f32(2, 3), f32(4, 3) | lambda x, y: lax.concatenate([x, y], 0)
pad | lax | f32(3) | lambda x: lax.pad(x, np.float32(0), [(1, 2, 1)])
pad_negative | lax | f32(3) | lambda x: lax.pad(x, 0.0, [(-1, 0, 0)])
iota | lax | | lambda: lax.iota(np.float32, 5)
broadcasted_iota | lax | | lambda: lax.broadcasted_iota(np.int32, (2, 3), 1)
select_n | lax | b(3), f32(3), f32(3) | lambda p, x, y: lax.select_n(p, x, y)
select_n_scalar | lax | b(), f32(3), f32(3) | lambda p, x, y: lax.select_n(p, x, y)
select_n_three | lax | i32(3), f32(3), f32(3), f32(3) | lambda i, x, y, z: lax.select_n(i, x, y, z)
select | lax | b(3), f32(3), f32(3) | lambda p, x, y: lax.select(p, x, y)
clamp | lax | f32(3) | lambda x: lax.clamp(0.0, x, 1.0)
clamp_arrays | lax | f32(3), f32(3), f32(3) | lambda lo, x, hi: lax.clamp(lo, x, hi)
slice | lax | f32(5, 4) | lambda x: lax.slice(x, (1, 0), (4, 2))
slice_strided | lax | f32(5, 4) | lambda x: lax.slice(x, (1, 0), (4, 4), (2, 1))
slice_in_dim | lax | f32(5, 4) | lambda x: lax.slice_in_dim(x, 1, 3, axis=0)
index_in_dim | lax | f32(5, 4) | lambda x: lax.index_in_dim(x, 1, axis=0, keepdims=False)
dynamic_slice | lax | f32(5, 4), i32(), i32() | lambda x, i, j: lax.dynamic_slice(x, (i, j), (2, 2))
dynamic_update_slice | lax | f32(5), f32(2), i32() | lambda x, u, i: lax.dynamic_update_slice(x, u, (i,))
dynamic_index_in_dim | jnp | f32(5, 4), i32() | lambda x, i: lax.dynamic_index_in_dim(x, i, keepdims=False)
split | lax | f32(5, 4) | lambda x: lax.split(x, (2, 3), axis=0)
tile | jnp | f32(3) | lambda x: lax.tile(x, (2,))
gather | lax | f32(5, 4), i32(3, 1) | lambda x, i: lax.gather(x, i, lax.GatherDimensionNumbers((1,), (0,), (0,)), (1, 4))
gather_mode | lax | f32(5, 4), i32(3, 1) | lambda x, i: lax.gather(x, i, lax.GatherDimensionNumbers((1,), (0,), (0,)), (1, 4), mode="clip")
scatter | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)))
scatter_add | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter_add(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)))
scatter_sub | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter_sub(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)))
scatter_mul | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter_mul(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)))
scatter_min | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter_min(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)))
scatter_max | lax | f32(5), i32(3, 1), f32(3) | lambda x, i, u: lax.scatter_max(x, i, u, lax.ScatterDimensionNumbers((), (0,), (0,)), unique_indices=True)
scatter_apply | lax | f32(5), i32(3, 1) | lambda x, i: lax.scatter_apply(x, i, lax.sin, lax.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(3,))
reduce_sum | lax | f32(2, 3) | lambda x: lax.reduce_sum(x, axes=(0,))
reduce_prod | lax | f32(2, 3) | lambda x: lax.reduce_prod(x, axes=(0,))
reduce_max | lax | f32(2, 3) | lambda x: lax.reduce_max(x, axes=(0, 1))
reduce_min | lax | f32(2, 3) | lambda x: lax.reduce_min(x, axes=(1,))
reduce_and | lax | b(2, 3) | lambda x: lax.reduce_and(x, axes=(1,))
reduce_or | lax | b(2, 3) | lambda x: lax.reduce_or(x, axes=(1,))
reduce_xor | lax | i32(2, 3) | lambda x: lax.reduce_xor(x, axes=(1,))
reduce_add | lax | f32(2, 3) | lambda x: lax.reduce(x, np.float32(0), lax.add, (0,))
reduce_general | lax | f32(2, 3) | lambda x: lax.reduce(x, np.float32(0), lambda a, b: a + 2.0 * b, (0,))
argmax | lax | f32(2, 3) | lambda x: lax.argmax(x, 1, np.int32)
argmin | lax | f32(2, 3) | lambda x: lax.argmin(x, 0, np.int32)
cumsum | lax | f32(4) | lambda x: lax.cumsum(x, axis=0)
cumsum_reverse | lax | f32(4) | lambda x: lax.cumsum(x, axis=0, reverse=True)
cumprod | lax | f32(4) | lambda x: lax.cumprod(x)
cummax | lax | f32(4) | lambda x: lax.cummax(x)
cummin | lax | f32(4) | lambda x: lax.cummin(x)
cumlogsumexp | lax | f32(4) | lambda x: lax.cumlogsumexp(x)
sort | lax | f32(4) | lambda x: lax.sort(x)
sort_unstable | lax | f32(2, 4) | lambda x: lax.sort(x, dimension=0, is_stable=False)
sort_pairs | lax | f32(4), i32(4) | lambda x, y: lax.sort((x, y), num_keys=1)
sort_key_val | lax | f32(4), i32(4) | lambda x, y: lax.sort_key_val(x, y)
top_k | lax | f32(2, 4) | lambda x: lax.top_k(x, 2)
approx_max_k | lax | f32(2, 4) | lambda x: lax.approx_max_k(x, 2)
dot | lax | f32(3), f32(3) | lambda x, y: lax.dot(x, y)
dot_matrix | lax | f32(2, 3), f32(3, 4) | lambda x, y: lax.dot(x, y)
dot_general | lax | f32(5, 2, 3), f32(5, 3, 4) | lambda x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,))))
dot_precision | lax | f32(2, 3), f32(3, 4) | lambda x, y: lax.dot(x, y, precision=lax.Precision.HIGHEST)
dot_preferred | lax | bf16(2, 3), bf16(3, 4) | lambda x, y: lax.dot(x, y, preferred_element_type=np.float32)
dot_precision_default | lax | f32(2, 3), f32(3, 4) | lambda x, y: lax.dot(x, y, precision="highest")
batch_matmul | lax | f32(5, 2, 3), f32(5, 3, 4) | lambda x, y: lax.batch_matmul(x, y)
ragged_dot | lax | f32(6, 3), f32(2, 3, 4), i32(2) | lambda x, y, n: lax.ragged_dot(x, y, n)
conv | lax | f32(1, 2, 8, 8), f32(4, 2, 3, 3) | lambda x, k: lax.conv(x, k, (1, 1), "SAME")
conv_general_dilated | lax | f32(1, 8, 8, 2), f32(3, 3, 1, 4) | lambda x, k: lax.conv_general_dilated(x, k, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2)
conv_transpose | lax | f32(1, 8, 8, 2), f32(3, 3, 2, 4) | lambda x, k: lax.conv_transpose(x, k, (2, 2), "SAME")
reduce_window_sum | lax | f32(4, 4) | lambda x: lax.reduce_window(x, np.float32(0), lax.add, (2, 2), (2, 2), "VALID")
reduce_window_max | lax | f32(4, 4) | lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 1), "SAME")
reduce_window_min | lax | f32(4, 4) | lambda x: lax.reduce_window(x, np.inf, lax.min, (2, 2), (2, 2), "VALID")
reduce_window_general | lax | f32(4, 4) | lambda x: lax.reduce_window(x, np.float32(1), lax.mul, (2, 2), (2, 2), "VALID")
grad_reduce_window_max | lax | f32(4, 4) | lambda x: jax.grad(lambda x: lax.reduce_sum(lax.reduce_window(x, -np.inf, lax.max, (2, 2), (2, 2), "VALID"), axes=(0, 1)))(x)
jvp_reduce_window_max | lax | f32(4, 4) | lambda x: jax.jvp(lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (2, 2), "VALID"), (x,), (x,))
fft | lax | c64(4) | lambda x: lax.fft(x, "fft", (4,))
ifft | lax | c64(4) | lambda x: lax.fft(x, "IFFT", (4,))
rfft | lax | f32(4) | lambda x: lax.fft(x, "rfft", (4,))
irfft | lax | c64(3) | lambda x: lax.fft(x, lax.FftType.IRFFT, (4,))
cholesky | lax | f32(3, 3) | lambda x: lax.linalg.cholesky(x, symmetrize_input=False)
cholesky_symmetrized | jnp | f32(3, 3) | lambda x: lax.linalg.cholesky(x)
eigh | jnp | f32(3, 3) | lambda x: lax.linalg.eigh(x)
eig | lax | f32(3, 3) | lambda x: lax.linalg.eig(x)
svd | lax | f32(3, 2) | lambda x: lax.linalg.svd(x, full_matrices=False)
qr | lax | f32(3, 2) | lambda x: lax.linalg.qr(x, full_matrices=False)
lu | lax | f32(3, 3) | lambda x: lax.linalg.lu(x)
lu_pivots_to_permutation | lax | i32(3) | lambda x: lax.linalg.lu_pivots_to_permutation(x, 3)
triangular_solve | lax | f32(3, 3), f32(3, 2) | lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True)
householder_product | lax | f32(3, 2), f32(2) | lambda a, t: lax.linalg.householder_product(a, t)
schur | lax | f32(3, 3) | lambda x: lax.linalg.schur(x)
hessenberg | lax | f32(3, 3) | lambda x: lax.linalg.hessenberg(x)
tridiagonal | lax | f32(3, 3) | lambda x: lax.linalg.tridiagonal(x)
tridiagonal_solve | lax | f32(3), f32(3), f32(3), f32(3, 1) | lambda l, d, u, b: lax.linalg.tridiagonal_solve(l, d, u, b)
symmetric_product | lax | f32(3, 2), f32(3, 3) | lambda a, c: lax.linalg.symmetric_product(a, c)
cholesky_update | lax | f32(3, 3), f32(3) | lambda r, w: lax.linalg.cholesky_update(r, w)
rng_bit_generator | lax | u32(4) | lambda k: lax.rng_bit_generator(k, (3,))
rng_uniform | lax | f32(), f32() | lambda a, b: lax.rng_uniform(a, b, (3,))
random_seed | jnp | i32() | lambda s: jax.random.key(s)
random_PRNGKey | jnp | i32() | lambda s: jax.random.PRNGKey(s)
random_bits | jnp | key() | lambda k: jax.random.bits(k, (3,))
random_bits_legacy | jnp | u32(2) | lambda k: jax.random.bits(k, (3,))
random_split | jnp | key() | lambda k: jax.random.split(k)
random_fold_in | jnp | key() | lambda k: jax.random.fold_in(k, 3)
random_unwrap | jnp | key() | lambda k: jax.random.key_data(k)
random_wrap | jnp | u32(2) | lambda k: jax.random.wrap_key_data(k)
random_uniform | jnp | key() | lambda k: jax.random.uniform(k, (3,))
random_normal | jnp | key() | lambda k: jax.random.normal(k, (3,))
random_gamma | jnp | key() | lambda k: jax.random.gamma(k, 2.0, (3,))
key_index | jnp | key(3) | lambda k: k[0]
jit | lax | f32(3) | lambda x: jax.jit(lambda y: lax.sin(y))(x)
jit_named | lax | f32(3) | lambda x: (lambda f: jax.jit(f)(x))(named(lambda y: lax.sin(y), "my_function"))
jit_inline | lax | f32(3) | lambda x: jax.jit(lambda y: lax.sin(y), inline=True)(x)
jit_closed_over | lax | f32(3), f32() | lambda x, s: jax.jit(lambda y: lax.mul(y, y) + s)(x)
jit_constant | lax | f32(3) | lambda x: jax.jit(lambda y: lax.add(y, np.arange(3, dtype=np.float32)))(x)
jit_twice | lax | f32(3) | lambda x: (lambda f: f(f(x)))(jax.jit(lambda y: lax.sin(y)))
jit_keep_unused | lax | f32(3), f32() | lambda x, y: jax.jit(lambda a, b: lax.sin(a), keep_unused=True)(x, y)
jit_donated | lax | f32(3) | lambda x: jax.jit(lambda y: lax.sin(y), donate_argnums=0)(x)
grad_jit | lax | f32() | jax.grad(lambda x: jax.jit(lambda y: lax.sin(y))(x))
while | lax | f32() | lambda x: lax.while_loop(lambda c: c < 10.0, lambda c: c * 2.0, x)
while_consts | lax | f32(), f32(), f32() | lambda x, n, s: lax.while_loop(lambda c: c < n, lambda c: c * s, x)
while_tuple | lax | f32(3) | lambda x: lax.while_loop(lambda c: lax.lt(c[0], 5), lambda c: (c[0] + 1, lax.sin(c[1])), (0, x))
fori | lax | f32(3) | lambda x: lax.fori_loop(0, 5, lambda i, c: lax.sin(c), x)
fori_traced | lax | f32(3), i32() | lambda x, n: lax.fori_loop(0, n, lambda i, c: lax.sin(c), x)
fori_unroll | lax | f32(3) | lambda x: lax.fori_loop(0, 4, lambda i, c: lax.sin(c), x, unroll=2)
scan | lax | f32(), f32(5) | lambda c, xs: lax.scan(lambda c, x: (c + x, c * x), c, xs)
scan_consts | lax | f32(), f32(5), f32() | lambda c, xs, s: lax.scan(lambda c, x: (c + x * s, c), c, xs)
scan_length | lax | f32() | lambda c: lax.scan(lambda c, _: (lax.sin(c), None), c, None, length=4)
scan_reverse_unroll | lax | f32(), f32(6) | lambda c, xs: lax.scan(lambda c, x: (c + x, c), c, xs, reverse=True, unroll=2)
scan_jaxpr_const | lax | f32(3), f32(5, 3) | lambda c, xs: lax.scan(lambda c, x: (c + x + np.arange(3, dtype=np.float32), None), c, xs)
map | lax | f32(5) | lambda xs: lax.map(lambda x: lax.sin(x), xs)
associative_scan | jnp | f32(4) | lambda x: lax.associative_scan(lax.add, x)
cond | lax | b(), f32() | lambda p, x: lax.cond(p, lambda x: lax.sin(x), lambda x: lax.cos(x), x)
cond_consts | lax | b(), f32(), f32() | lambda p, x, y: lax.cond(p, lambda: lax.sin(x), lambda: lax.cos(y))
cond_int | lax | i32(), f32() | lambda p, x: lax.cond(p, lambda x: lax.sin(x), lambda x: lax.cos(x), x)
switch | lax | i32(), f32() | lambda i, x: lax.switch(i, [lambda x: lax.sin(x), lambda x: lax.cos(x), lambda x: lax.tan(x)], x)
platform_dependent | lax | f32() | lambda x: lax.platform_dependent(x, cpu=lambda x: lax.sin(x), default=lambda x: lax.cos(x))
remat | lax | f32(3) | lambda x: jax.checkpoint(lambda x: lax.sin(lax.sin(x)))(x)
remat_policy | lax | f32(3) | lambda x: jax.checkpoint(lambda x: lax.sin(lax.sin(x)), policy=jax.checkpoint_policies.everything_saveable)(x)
grad_remat | lax | f32() | jax.grad(jax.checkpoint(lambda x: lax.sin(lax.sin(x))))
checkpoint_name | lax | f32() | lambda x: __import__(jax.__name__ + '.ad_checkpoint').ad_checkpoint.checkpoint_name(lax.sin(x), "s")
custom_jvp_call | lax | f32() | custom_jvp_sin
custom_vjp_call | lax | f32() | custom_vjp_sin
grad_custom_jvp | lax | f32() | jax.grad(custom_jvp_sin)
grad_custom_vjp | lax | f32() | jax.grad(custom_vjp_sin)
vmap_custom_jvp | lax | f32(3) | jax.vmap(custom_jvp_sin)
vmap_custom_vjp | lax | f32(3) | jax.vmap(custom_vjp_sin)
linear_call | lax | f32(), f32() | lambda r, x: jax.custom_derivatives.linear_call(lambda r, x: r * x, lambda r, ct: r * ct, r, x)
custom_linear_solve | lax | f32(3), f32(3) | lambda d, b: lax.custom_linear_solve(lambda v: d * v, b, lambda mv, b: b / d, symmetric=True)
custom_root | lax | f32() | lambda a: lax.custom_root(lambda x: x * x - a, 1.0, lambda f, x: f(x), lambda g, y: y / g(1.0))
pure_callback | lax | f32(3) | lambda x: jax.pure_callback(host_function, jax.ShapeDtypeStruct((3,), np.float32), x)
pure_callback_vectorized | lax | f32(3) | lambda x: jax.pure_callback(host_function, jax.ShapeDtypeStruct((3,), np.float32), x, vmap_method="sequential")
io_callback | lax | f32(3) | lambda x: jax.experimental.io_callback(host_function, jax.ShapeDtypeStruct((3,), np.float32), x, ordered=True)
debug_callback | lax | f32(3) | lambda x: jax.debug.callback(host_function, x)
debug_print | lax | f32(3) | lambda x: jax.debug.print("x = {x}", x=x)
debug_print_ordered | lax | f32() | lambda x: jax.debug.print("{} and {y:.2f}", x, y=x, ordered=True)
named_scope | lax | f32() | lambda x: in_scope(lambda: lax.sin(x))
device_put | lax | f32(3) | lambda x: jax.device_put(x)
psum_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: lax.psum(v, "i"), axis_name="i")(x)
pmean_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: lax.pmean(v, "i"), axis_name="i")(x)
pmax_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: lax.pmax(v, "i"), axis_name="i")(x)
axis_index_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: v + lax.axis_index("i"), axis_name="i")(x)
axis_size_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: v * lax.axis_size("i"), axis_name="i")(x)
all_gather_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: lax.all_gather(v, "i"), axis_name="i")(x)
ppermute_vmap | lax | f32(4) | lambda x: jax.vmap(lambda v: lax.ppermute(v, "i", [(0, 1), (1, 2), (2, 3), (3, 0)]), axis_name="i")(x)
all_to_all_vmap | lax | f32(4, 4) | lambda x: jax.vmap(lambda v: lax.all_to_all(v, "i", 0, 0), axis_name="i")(x)
psum_scatter_vmap | lax | f32(4, 4) | lambda x: jax.vmap(lambda v: lax.psum_scatter(v, "i"), axis_name="i")(x)
vmap_sin | lax | f32(3) | jax.vmap(lambda x: lax.sin(x))
vmap_add_unmapped | lax | f32(3), f32() | jax.vmap(lambda x, y: lax.add(x, y), in_axes=(0, None))
vmap_axes | lax | f32(3, 4), f32(4, 3) | jax.vmap(lambda x, y: lax.mul(x, y), in_axes=(0, 1), out_axes=1)
vmap_reduce | lax | f32(3, 4) | jax.vmap(lambda x: lax.reduce_sum(x, axes=(0,)))
vmap_dot | lax | f32(5, 2, 3), f32(5, 3, 4) | jax.vmap(lambda x, y: lax.dot(x, y))
vmap_dot_one | lax | f32(5, 2, 3), f32(3, 4) | jax.vmap(lambda x, y: lax.dot(x, y), in_axes=(0, None))
vmap_dynamic_slice | lax | f32(5, 6), i32(5) | jax.vmap(lambda x, i: lax.dynamic_slice(x, (i,), (2,)))
vmap_cond | lax | b(3), f32(3) | jax.vmap(lambda p, x: lax.cond(p, lambda x: lax.sin(x), lambda x: lax.cos(x), x))
vmap_while | lax | f32(3) | jax.vmap(lambda x: lax.while_loop(lambda c: c < 10.0, lambda c: c * 2.0, x))
vmap_scan | lax | f32(3), f32(3, 5) | jax.vmap(lambda c, xs: lax.scan(lambda c, x: (c + x, c * x), c, xs))
jvp_sin | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.sin(x), (x,), (t,))
jvp_mul | lax | f32(), f32(), f32() | lambda x, y, t: jax.jvp(lambda x: lax.mul(x, y), (x,), (t,))
jvp_exp | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.exp(x), (x,), (t,))
jvp_tanh | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.tanh(x), (x,), (t,))
jvp_sqrt | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.sqrt(x), (x,), (t,))
jvp_div | lax | f32(), f32(), f32(), f32() | lambda x, y, s, t: jax.jvp(lambda x, y: lax.div(x, y), (x, y), (s, t))
jvp_max | lax | f32(), f32(), f32(), f32() | lambda x, y, s, t: jax.jvp(lambda x, y: lax.max(x, y), (x, y), (s, t))
jvp_pow | lax | f32(), f32(), f32(), f32() | lambda x, y, s, t: jax.jvp(lambda x, y: lax.pow(x, y), (x, y), (s, t))
jvp_integer_pow | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.integer_pow(x, 3), (x,), (t,))
jvp_sort | lax | f32(4), f32(4) | lambda x, t: jax.jvp(lambda x: lax.sort(x), (x,), (t,))
jvp_reduce_max | lax | f32(4), f32(4) | lambda x, t: jax.jvp(lambda x: lax.reduce_max(x, axes=(0,)), (x,), (t,))
jvp_while | lax | f32(), f32() | lambda x, t: jax.jvp(lambda x: lax.while_loop(lambda c: c < 10.0, lambda c: c * 2.0, x), (x,), (t,))
grad_sin | lax | f32() | jax.grad(lambda x: lax.sin(x))
grad_grad_sin | lax | f32() | jax.grad(jax.grad(lambda x: lax.sin(x)))
grad_mul_add | lax | f32(), f32() | jax.grad(lambda x, y: x * y + x, argnums=(0, 1))
grad_dot | lax | f32(2, 3), f32(3, 4) | jax.grad(lambda x, y: lax.reduce_sum(lax.dot(x, y), axes=(0, 1)), argnums=(0, 1))
grad_broadcast | lax | f32(3) | jax.grad(lambda x: lax.reduce_sum(lax.broadcast_in_dim(x, (2, 3), (1,)), axes=(0, 1)))
grad_slice | lax | f32(5) | jax.grad(lambda x: lax.reduce_sum(lax.slice(x, (1,), (3,)), axes=(0,)))
grad_gather | lax | f32(5, 4), i32(3, 1) | jax.grad(lambda x, i: lax.reduce_sum(lax.gather(x, i, lax.GatherDimensionNumbers((1,), (0,), (0,)), (1, 4)), axes=(0, 1)))
grad_select | lax | f32(3), b(3) | jax.grad(lambda x, p: lax.reduce_sum(lax.select(p, x, lax.sin(x)), axes=(0,)))
grad_cond | lax | f32(), b() | jax.grad(lambda x, p: lax.cond(p, lambda x: lax.sin(x), lambda x: lax.cos(x), x))
grad_scan | lax | f32(), f32(5) | jax.grad(lambda c, xs: lax.scan(lambda c, x: (lax.sin(c) * x, None), c, xs)[0])
grad_cumsum | lax | f32(4) | jax.grad(lambda x: lax.reduce_sum(lax.cumsum(x), axes=(0,)))
value_and_grad | lax | f32() | jax.value_and_grad(lambda x: lax.sin(x))
linearize | lax | f32(), f32() | lambda x, t: jax.linearize(lambda x: lax.sin(x), x)[1](t)
vjp | lax | f32(), f32() | lambda x, ct: jax.vjp(lambda x: lax.sin(x), x)[1](ct)
jacfwd | jnp | f32(3) | jax.jacfwd(lambda x: lax.sin(x))
jacrev | jnp | f32(3) | jax.jacrev(lambda x: lax.sin(x))
hessian | jnp | f32(3) | jax.hessian(lambda x: lax.reduce_sum(lax.sin(x), axes=(0,)))
numpy_add_broadcast | jnp | f32(2, 3), f32(3) | lambda x, y: jnp.add(x, y)
numpy_sum | jnp | f32(2, 3) | lambda x: jnp.sum(x, axis=0)
numpy_sum_keepdims | jnp | f32(2, 3) | lambda x: jnp.sum(x, axis=0, keepdims=True)
numpy_mean | jnp | f32(2, 3) | lambda x: jnp.mean(x)
numpy_std | jnp | f32(2, 3) | lambda x: jnp.std(x)
numpy_where | jnp | f32(3) | lambda x: jnp.where(x > 0, x, 0)
numpy_clip | jnp | f32(3) | lambda x: jnp.clip(x, 0, 1)
numpy_matmul | jnp | f32(2, 3), f32(3, 4) | lambda x, y: jnp.matmul(x, y)
numpy_einsum | jnp | f32(2, 3), f32(3, 4) | lambda x, y: jnp.einsum("ij,jk->ki", x, y)
numpy_einsum_batch | jnp | f32(5, 2, 3), f32(5, 3, 4) | lambda x, y: jnp.einsum("bij,bjk->bik", x, y)
numpy_arange | jnp | | lambda: jnp.arange(5)
numpy_linspace | jnp | | lambda: jnp.linspace(0, 1, 5)
numpy_concatenate | jnp | f32(2), i32(3) | lambda x, y: jnp.concatenate([x, y])
numpy_stack | jnp | f32(2), f32(2) | lambda x, y: jnp.stack([x, y])
numpy_argsort | jnp | f32(4) | lambda x: jnp.argsort(x)
numpy_take | jnp | f32(4), i32(2) | lambda x, i: jnp.take(x, i)
numpy_roll | jnp | f32(4) | lambda x: jnp.roll(x, 1)
numpy_cumsum | jnp | f32(4) | lambda x: jnp.cumsum(x)
numpy_tril | jnp | f32(3, 3) | lambda x: jnp.tril(x)
numpy_linalg_solve | jnp | f32(3, 3), f32(3) | lambda a, b: jnp.linalg.solve(a, b)
softmax | jnp | f32(2, 3) | lambda x: jax.nn.softmax(x)
relu | jnp | f32(3) | lambda x: jax.nn.relu(x)
gelu | jnp | f32(3) | lambda x: jax.nn.gelu(x)
silu | jnp | f32(3) | lambda x: jax.nn.silu(x)
logsumexp | jnp | f32(3) | lambda x: jax.nn.logsumexp(x)
one_hot | jnp | i32(3) | lambda x: jax.nn.one_hot(x, 4)
index_int | jnp | f32(5) | lambda x: x[3]
index_negative | jnp | f32(5) | lambda x: x[-1]
index_slice | jnp | f32(5) | lambda x: x[1:3]
index_slice_step | jnp | f32(5) | lambda x: x[::-2]
index_newaxis | jnp | f32(5) | lambda x: x[None, :]
index_traced | jnp | f32(5), i32() | lambda x, i: x[i]
index_array | jnp | f32(5), i32(3) | lambda x, i: x[i]
index_two_arrays | jnp | f32(5, 4), i32(3), i32(3) | lambda x, i, j: x[i, j]
at_set | jnp | f32(5) | lambda x: x.at[3].set(1.0)
at_set_slice | jnp | f32(5) | lambda x: x.at[1:3].set(1.0)
at_add_array | jnp | f32(5), i32(3) | lambda x, i: x.at[i].add(1.0)
at_get | jnp | f32(5), i32(3) | lambda x, i: x.at[i].get(mode="fill", fill_value=0)
at_apply | jnp | f32(5), i32(3) | lambda x, i: x.at[i].apply(lax.sin)
mlp_grad | jnp | f32(3, 4), f32(4), f32(5, 3) | jax.grad(lambda w, b, x: jnp.sum(jnp.tanh(x @ w + b)))
"""

LONG = [
    (
        "shard_map",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.sin(v), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_psum",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.psum(v, 'i'), mesh=mesh, in_specs=P('i'), out_specs=P())(x)",
    ),
    (
        "shard_map_psum_unchecked",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.psum(v, 'i'), mesh=mesh, in_specs=P('i'), out_specs=P(), check_vma=False)(x)",
    ),
    (
        "shard_map_pmean",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pmean(v, 'i'), mesh=mesh, in_specs=P('i'), out_specs=P())(x)",
    ),
    (
        "shard_map_pmax",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pmax(v, 'i'), mesh=mesh, in_specs=P('i'), out_specs=P())(x)",
    ),
    (
        "shard_map_pmin",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pmin(v, 'i'), mesh=mesh, in_specs=P('i'), out_specs=P())(x)",
    ),
    (
        "shard_map_all_gather",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.all_gather(v, 'i', tiled=True), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_psum_scatter",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.psum_scatter(v, 'i', tiled=True), mesh=mesh, in_specs=P(), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_ppermute",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.ppermute(v, 'i', [(0, 1), (1, 0)]), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_all_to_all",
        "mesh",
        "f32(4, 4)",
        "lambda x: jax.shard_map(lambda v: lax.all_to_all(v, 'i', 1, 0, tiled=True), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_axis_index",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: v * lax.axis_index('i'), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_pcast",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pcast(v, 'i', to='varying'), mesh=mesh, in_specs=P(), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_pshuffle",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pshuffle(v, 'i', [1, 2, 3, 0]), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "shard_map_pbroadcast",
        "mesh",
        "f32(8)",
        "lambda x: jax.shard_map(lambda v: lax.pbroadcast(v, 'i', 0), mesh=mesh, in_specs=P('i'), out_specs=P('i'))(x)",
    ),
    (
        "grad_shard_map",
        "mesh",
        "f32(8)",
        "jax.grad(lambda x: jax.shard_map(lambda v: lax.psum(lax.reduce_sum(lax.sin(v), axes=(0,)), 'i'), mesh=mesh, in_specs=P('i'), out_specs=P())(x))",
    ),
    (
        "sharding_constraint",
        "mesh",
        "f32(8)",
        "lambda x: lax.with_sharding_constraint(x, jax.sharding.NamedSharding(mesh, P('i')))",
    ),
    ("pmap", "mesh", "f32(4)", "jax.pmap(lambda x: lax.psum(x, 'i'), axis_name='i')"),
]


def names(jax):
    """What a program's source may use; `jax` is the library under test."""
    import numpy as np

    jnp, lax = jax.numpy, jax.lax
    scope = {"jax": jax, "jnp": jnp, "lax": lax, "np": np}
    kinds = {"f32": "float32", "i32": "int32", "u32": "uint32", "c64": "complex64", "b": "bool", "f16": "float16"}
    for short, dtype in kinds.items():
        scope[short] = lambda *shape, dtype=dtype: np.zeros(shape, dtype)
    scope["bf16"] = lambda *shape: np.zeros(shape, jnp.bfloat16)
    scope["key"] = lambda *shape: jax.random.split(jax.random.key(0), shape) if shape else jax.random.key(0)

    def named(function, name):
        function.__name__ = name
        return function

    def host_function(x):
        return np.sin(x)

    def in_scope(function):
        with jax.named_scope("a scope"):
            return function()

    @jax.custom_jvp
    def custom_jvp_sin(x):
        return lax.sin(x)

    @custom_jvp_sin.defjvp
    def sin_jvp(primals, tangents):
        return lax.sin(primals[0]), lax.mul(tangents[0], lax.cos(primals[0]))

    @jax.custom_vjp
    def custom_vjp_sin(x):
        return lax.sin(x)

    def sin_forward(x):
        return lax.sin(x), lax.cos(x)

    def sin_backward(cosine, ct):
        return (lax.mul(ct, cosine),)

    custom_vjp_sin.defvjp(sin_forward, sin_backward)
    scope |= {"named": named, "host_function": host_function, "in_scope": in_scope}
    scope |= {"custom_jvp_sin": custom_jvp_sin, "custom_vjp_sin": custom_vjp_sin}
    sharding = getattr(jax, "sharding", None)  # a library may bring it later than the rest
    if sharding is not None:
        scope["P"] = sharding.PartitionSpec
    if sharding is not None and len(jax.devices()) >= 4:
        scope["mesh"] = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("i",))
    return scope


def stage(jax, source, arguments):
    scope = names(jax)
    return jax.make_jaxpr(eval(source, scope))(*eval(f"[{arguments}]", scope))


if __name__ == "__main__":
    import os

    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
    import jax
    import jax.experimental

    parser = argparse.ArgumentParser()
    parser.add_argument("--table", help="also write a table of every primitive met, in Markdown")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, met = [], {}
    for name, kind, source, arguments in programs():
        row = {"name": name, "kind": kind, "source": source, "arguments": arguments}
        try:
            jaxpr = stage(jax, source, arguments)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:200]}")
            continue
        row["jaxpr"] = str(jaxpr)
        row["in_avals"] = [f"{aval.dtype}{list(aval.shape)}" for aval in jaxpr.in_avals]
        row["out_avals"] = [f"{aval.dtype}{list(aval.shape)}" for aval in jaxpr.out_avals]
        if " at 0x" in row["jaxpr"]:  # prints the address of a function: no library can print the same
            row["kind"] = "address"
        rows.append(row)
        met[name] = (source, arguments, jaxpr)
    path = pathlib.Path(__file__).with_name("jaxprs.json")
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(len(rows), "programs", path.stat().st_size, "bytes")
    if options.table:
        from primitives_table import write  # kept outside the repository: a help for writing, not a test

        write(options.table, met)
