"""Writes lax.json: calls of every function of lax and what the referee makes of them: dtype, shape, weak type, values, or the exception.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_lax.py`. `calls.py` beside it says what a line means. The lines
are a selection of some ten thousand that were tried: functions, dtypes, derivatives and batches by chance, and each that once differed.
"""

import pathlib
import warnings

from calls import come_of, write

LINES = r"""
call | lambda a: L.cholesky(-a) | f32[2,2] posdef 1
call | lambda a: L.cholesky(a * nan) | f32[2,2] posdef 1
call | lambda a: L.cholesky(a, symmetrize_input=False) | f32[3,3] posdef 1
call | lambda a: L.cholesky(a) | i32[2,2] posdef 1
call | lambda r, w: L.cholesky_update(jnp.triu(r), w) | f32[3,3] tri 1; f32[3] unit 2
call | lambda r, w: L.cholesky_update(jnp.triu(r), w) | f16[3,3] tri 1; f16[3] unit 2
call | lambda r, w: L.cholesky_update(r, w) | c64[2,2] tri 1; c64[2] unit 2
call | lambda r, w: L.cholesky_update(r, w) | f32[0,0] tri 1; f32[0] unit 2
call | lambda a: L.eig(a * inf, compute_left_eigenvectors=False, compute_right_eigenvectors=False) | f32[2,2] normal 1
call | lambda a: L.eig(a, implementation=L.EigImplementation.LAPACK)[0] | c64[0,0] tri 1
vjp | lambda a: L.eigh(a * 0 + jnp.eye(3))[1] | f32[3,3] sym 1
call | lambda a: L.eigh(a, implementation=L.EighImplementation.JACOBI)[1] | f32[3,3] sym 1
call | lambda a: L.eigh(a, implementation=L.EighImplementation.QR)[1] | f32[3,3] sym 1
call | lambda a: L.eigh(a, lower=False, symmetrize_input=False)[1] | c64[3,3] normal 1
call | lambda a: L.eigh(a, sort_eigenvalues=False)[1] | f32[5,5] sym 1
call | lambda a: L.eigh(a, subset_by_index=(0, 1)) | f32[0,3,3] sym 1
call | lambda a: L.eigh(a)[1] | b[2,2] posdef 1
call | lambda a: L.hessenberg(a) | f32[3,3] tri 1
call | lambda a: L.householder_product(a, a[..., 0]) | c64[1,1] tri 1
call | lambda a: L.lu(a * 0) | f32[2,3] normal 1
call | lambda a: L.lu(a) | f32[2,3,4] normal 1
vjp | lambda a: L.lu(a) | f32[0,2,2] posdef 1
call | lambda a: L.lu(a) | f16[2,2] posdef 1
call | lambda a, b: L.lu_pivots_to_permutation(b.astype('int32'), 3) | c64[3,3] posdef 1; c64[3] unit 2
call | lambda a, b: L.ormqr(a, b, a, left=False) | c64[3,3] posdef 1; c64[3] unit 2
call | lambda a: L.qdwh(a)[:2] | f32[3,3] tri 1
call | lambda a: L.qdwh(a)[2] | f32[3,3] tri 1
call | lambda a: L.qr(a * nan)[1] | f32[3,2] normal 1
call | lambda a: L.schur(a) | c64[4,4] tri 1
call | lambda a: L.svd(a * nan, compute_uv=False) | f32[3,2] normal 1
call | lambda a: L.svd(a, algorithm=L.SvdAlgorithm.JACOBI) | f32[3,3] normal 1
call | lambda a: L.svd(a, algorithm=L.SvdAlgorithm.JACOBI, compute_uv=False) | c64[4,4] tri 1
vjp | lambda a: L.svd(a, algorithm=L.SvdAlgorithm.JACOBI, compute_uv=False) | f32[0,0] tri 1
call | lambda a: L.svd(a, algorithm=L.SvdAlgorithm.QR, compute_uv=False) | c64[2,3,4] normal 1
call | lambda a: L.svd(a, algorithm=L.SvdAlgorithm.QR, compute_uv=False) | f32[2,3,3] tri 1
call | lambda a: L.symmetric_product(a, a) | i32[3,3] small 1
call | lambda a, c: L.symmetric_product(a, c) | bf16[3,2] unit 1; bf16[3,3] unit 2
call | lambda a: L.triangular_solve(a * 0, a, left_side=True) | f32[2,2] normal 1
vjp | lambda a, b: L.triangular_solve(a, b, left_side=True, lower=True) | f32[3,3] tri 1; f32[3,2] normal 2
call | lambda a, b: L.triangular_solve(a, b, left_side=True, transpose_a=True, conjugate_a=True) | c64[3,3] tri 1; c64[3,2] normal 2
call | lambda a, b: L.triangular_solve(a, b, left_side=bool(0), lower=bool(0), transpose_a=bool(0), conjugate_a=bool(1), unit_diagonal=bool(0)) | f32[5,5] tri 1; f32[2,5] normal 2
call | lambda a, b: L.triangular_solve(a, b, left_side=bool(0), lower=bool(0), transpose_a=bool(1), conjugate_a=bool(1), unit_diagonal=bool(1)) | c64[0,3,3] tri 1; c64[0,2,3] normal 2
call | lambda a, b: L.triangular_solve(a, b, left_side=bool(1), lower=bool(1), transpose_a=bool(0), conjugate_a=bool(0), unit_diagonal=bool(1)) | c64[4,4] tri 1; c64[4,2] normal 2
call | lambda a, b: L.triangular_solve(a, b, lower=True, conjugate_a=True, unit_diagonal=True) | c64[3,3] tri 1; c64[2,3] normal 2
vjp | lambda a, b: L.triangular_solve(a, b, left_side=True, lower=True) | bf16[2,3,3] tri 1; bf16[2,3,2] normal 2
call | lambda a: L.tridiagonal(a, lower=False) | c64[0,3,3] tri 1
call | lambda a: L.tridiagonal(a) | f32[0,0] sym 1
call | lambda a, b, c, d: L.tridiagonal_solve(a, b + 4, c, d) | f32[2,0] unit 1; f32[2,0] unit 2; f32[2,0] unit 3; f32[2,0,2] normal 4
call | lambda a, b: L.tridiagonal_solve(b[:2], b, b, a) | c64[3,3] posdef 1; c64[3] unit 2
call | lambda: [int(n) for n in lax.conv_shape_tuple((1, 2, 5, 6), (4, 2, 3, 2), (1, 2), [(0, 0), (1, 1)])]
call | lambda: [int(n) for n in lax.conv_transpose_shape_tuple((1, 2, 5, 6), (4, 2, 3, 2), (1, 2), 'VALID', ('NCHW', 'OIHW', 'NCHW'))]
call | lambda a: [v.shape for v in L.qr(a)] | f32[2,3,4] normal 1
call | lambda a: abs(L.qr(a, pivoting=True)[1]) | f32[1,1] tri 1
vjp | lambda a: L.qr(a) | f32[3,2] normal 1
jvp | lambda a: L.qr(a) | c64[3,2] normal 1
call | lambda a: L.qr(a) | bf16[0,2] normal 1
call | lambda a: abs(L.svd(a)[0]) | c64[0,3,3] tri 1
call | lambda a: L.svd(a) | f16[2,0] normal 1
call | lambda a: L.svd(a, subset_by_index=(0, 1), compute_uv=False) | f32[3,3] normal 1
call | lambda x: jax.make_jaxpr(lambda x: lax.all_to_all(x, 'i', 0, 0, tiled=True), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.all_to_all(x, 'i', 0, 1, tiled=True), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.axis_index(('i',)), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.pbroadcast(x, 'i', 7), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.pmax(x, 'i', axis_index_groups=[[0, 1], [2, 3]]), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.pmin(x, 'i'), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.ppermute(x, 'i', [(0, 1)]), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.psum((x, 1), 'i'), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.psum_scatter(x, 'i', scatter_dimension=1), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.make_jaxpr(lambda x: lax.pswapaxes(x, 'i', 1), axis_env=[('i', 4)])(x) and 0 | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.all_gather(x, 'i', axis=-1), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.all_gather(x, 'i', tiled=True), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.all_to_all(x, 'i', 1, 1, tiled=True), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.axis_size('i'), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.pmean(x, 'i', axis_index_groups=[[0, 1], [2, 3]]), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.pshuffle(x, 'i', [1, 1, 3, 0]), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.pshuffle(x, 'i', [1, 2, 3, 0]), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.psum((), 'i'), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: jax.vmap(lambda x: lax.psum_scatter(x, 'i'), axis_name='i', axis_size=4, in_axes=None)(x) | f32[4,2] small 1
call | lambda x: lax.abs(x) | b[26] special 0
call | lambda x: lax.abs(x) | i16[26] special 0
call | lambda x: lax.abs(x) | u8[3] small 1
call | lambda x: lax.acos(x) | bf16[26] special 0
call | lambda x: lax.acos(x) | i16[26] special 0
call | lambda x: lax.acosh(x) | f32[26] special 0
call | lambda x: lax.acosh(x) | i8[26] special 0
call | lambda x: lax.add(2.5, x) | u8[26] special 0
call | lambda x, y: lax.add(x, y) | i32[3] small 3; i32[1] small 5
call | lambda x: lax.approx_max_k(x, 2) | f32[5,6] normal 1
call | lambda x: lax.approx_max_k(x, 9) | f32[5,6] normal 1
call | lambda x: lax.approx_min_k(x, 2) | f32[3,6] normal 1
call | lambda x: lax.argmax(x, -1, jnp.int32) | i8[4,5] ties 1
call | lambda x: lax.argmax(x, 0, jnp.int32) | u8[4,5] ties 1
call | lambda x: lax.argmin(x, 0, bool) | f32[4,5] ties 1
call | lambda x: lax.argmin(x, 0, jnp.int32) | f16[4,5] ties 1
call | lambda x: lax.asin(x) | b[26] special 0
call | lambda x: lax.asin(x) | f16[26] special 0
call | lambda x: lax.asinh(x) | f32[26] special 0
vjp | lambda x: lax.associative_scan(jnp.add, x) | f32[4] unit 1
call | lambda x: lax.associative_scan(jnp.add, x, axis=1) | i32[4] unit 1
call | lambda x: lax.associative_scan(lax.max, x, axis=-1) | i32[4] unit 1
call | lambda: lax.atan(0.5+1j)
jvp | lambda x: lax.atan(x) | f32[26] special 0
call | lambda x: lax.atan2(x, True) | f32[26] special 0
call | lambda x, y: lax.atan2(x, y) | f32[] small 3; f32[3] small 5
call | lambda: lax.atanh(0.5+1j)
call | lambda x: lax.atanh(x) | u32[26] special 0
jvp | lambda x: lax.atanh(x) | c64[6] normal 0
call | lambda x, y: lax.batch_matmul(x, y) | f16[3,4] small 1; f16[4,2] small 2
call | lambda x, y: lax.batch_matmul(x, y) | f32[4] small 1; f32[4,3] small 2
call | lambda: lax.bessel_i0e(-0.0)
call | lambda: lax.bessel_i0e(2)
call | lambda: lax.bessel_i1e(-0.0)
call | lambda: lax.bessel_i1e(True)
vmap ((1,),2 and 1) | lambda x: lax.bessel_i1e(x) | f32[3,4] normal 0
call | lambda a, b, x: lax.betainc(a, b, x) | f32[3] pos 1; f32[3] pos 2; f32[3] unit 3
call | lambda x: lax.bitcast_convert_type(x, jnp.complex64) | c64[2] small 1
call | lambda x: lax.bitcast_convert_type(x, jnp.dtype('float8_e5m2fnuz')) | c64[4] special 0
call | lambda x: lax.bitcast_convert_type(x, jnp.dtype('uint8')) | i16[3,8] special 0
call | lambda: lax.bitwise_and(7, 0)
call | lambda x: lax.bitwise_and(x, 1j) | i16[26] special 0
vmap ((0, 0), 0) | lambda x, y: lax.bitwise_and(x, y) | i32[3,3] small 3; i32[3,3] small 5
call | lambda: lax.bitwise_not(0.5+1j)
call | lambda x: lax.bitwise_not(x) | i16[26] special 0
call | lambda: lax.bitwise_or(-7, 3)
call | lambda x: lax.bitwise_or(2.5, x) | c64[26] special 0
call | lambda x: lax.bitwise_xor(x, 1j) | f32[26] special 0
call | lambda x: lax.bitwise_xor(x, 2) | i32[26] special 0
call | lambda x: lax.broadcast(x, ()) | bf16[2,3,4] normal 1
call | lambda x: lax.broadcast(x, (-1,)) | f32[2] small 1
jvp | lambda x: lax.broadcast(x, (2.5,)) | f32[2,3,4] normal 1
vjp | lambda x: lax.broadcast_in_dim(2.0, (2,), ()) | bf16[2,3,4] normal 1
call | lambda x: lax.broadcast_in_dim(3, (), ()) | c64[2,3,4] normal 1
vjp | lambda x: lax.broadcast_in_dim(x, (2, 4, 3), (0, 2, 1)) | f32[2,3,4] normal 1
call | lambda x: lax.broadcast_in_dim(x, (3, 5, 2), (2, 0)) | f32[2,3] small 1
call | lambda x: lax.broadcast_like(x[:1], x) | f32[2,3,4] normal 1
jvp | lambda x: lax.broadcast_like(x[:1], x) | bf16[2,3,4] normal 1
call | lambda x: lax.broadcast_shapes((2, 1), (3,)) | c64[2,3,4] normal 1
jvp | lambda x: lax.broadcast_to_rank(x, 3) | bf16[2,3,4] normal 1
call | lambda x: lax.broadcast_to_rank(x, 5) | f32[2,3,4] normal 1
call | lambda: lax.broadcasted_iota(int, (2,3), -1)
call | lambda: lax.broadcasted_iota(jnp.int4, (2, 3), 0)
call | lambda: lax.cbrt(-0.0)
call | lambda: lax.cbrt(0.5+1j)
call | lambda x: lax.ceil(x) | b[26] special 0
call | lambda x: lax.ceil(x) | f32[0,2] special 0
vjp | lambda x: lax.ceil(x) | f32[26] special 0
call | lambda x: lax.clamp(x, 2.0, x) | f32[2] small 1
call | lambda x: lax.clamp(x, x, x) | i16[26] special 0
vjp | lambda x: lax.clamp(x, x[:2], x) | f32[26] special 0
call | lambda: lax.clz(-0.0)
call | lambda: lax.clz(2)
call | lambda x: lax.collapse(x, 2, 1) | bf16[2,3,4] normal 1
call | lambda x: lax.collapse(x, 3) | f32[2,3,4] normal 1
vjp | lambda x: lax.collapse(x, 5) | bf16[2,3,4] normal 1
call | lambda x, y: lax.complex(x, y) | f32[] small 3; f32[3] small 5
call | lambda x, y: lax.complex(x, y) | i32[1,3] small 3; i32[2,1] small 5
call | lambda x: lax.composite(lambda v, *, k: v * k, 'my.x')(x, k=3) | i32[4] unit 1
call | lambda x: lax.concatenate([], 0) | c64[2,3,4] normal 1
jvp | lambda x: lax.concatenate([np.ones((2,3,4)), x], 0) | f32[2,3,4] normal 1
call | lambda: lax.concatenate([np.ones(2)], 0)
call | lambda x: lax.concatenate([x, x], 0) | c64[2,3,4] normal 1
call | lambda x: lax.cond(True, lambda: 1, lambda: 2) | i32[4] unit 1
call | lambda x: lax.cond(x[0] > 0, lambda o: o, lambda o: -o, operand=x) | f32[4] unit 1
call | lambda: lax.conj(2)
call | lambda x: lax.conj(x) | f32[26] special 0
call | lambda x, w: lax.conv(x, w, (2, 1), 'VALID') | f32[1,2,4,3] small 1; f32[3,2,2,2] small 2
call | lambda: lax.conv_dimension_numbers((1, 2, 3, 4), (4, 3, 2, 1), ('NHWC', 'HWIO', 'NCHW'))
jvp | lambda x, w: lax.conv_general_dilated(x, w, (), 'SAME', lhs_dilation=(), rhs_dilation=(), dimension_numbers=('CN', 'IO', 'CN'), feature_group_count=2, batch_group_count=1, preferred_element_type=jnp.float32) | f32[2,1] small 74; f32[1,4] small 75
call | lambda x, w: lax.conv_general_dilated(x, w, (1, 2), 'SAME_LOWER', lhs_dilation=(1, 1), rhs_dilation=(2, 2), dimension_numbers=('HCWN', 'WHOI', 'NWCH'), feature_group_count=1, batch_group_count=1) | bf16[5,1,6,1] small 38; bf16[3,2,1,1] small 39
call | lambda x, w: lax.conv_general_dilated(x, w, (2,), [(-2, 0)], lhs_dilation=(1,), rhs_dilation=(1,), dimension_numbers=('WNC', 'IWO', 'WCN'), feature_group_count=1, batch_group_count=1, preferred_element_type=jnp.float32) | i8[5,1,3] small 175; i8[3,2,2] small 176
call | lambda x, w: lax.conv_general_dilated(x, w, (3, 3), 'VALID', lhs_dilation=(1, 1), rhs_dilation=(1, 1), dimension_numbers=('WCHN', 'HIWO', 'HCWN'), feature_group_count=2, batch_group_count=1) | c64[4,2,3,1] small 210; c64[1,1,3,4] small 211
call | lambda x, w: lax.conv_general_dilated(x, w, (3,), 'SAME', lhs_dilation=(1,), rhs_dilation=(1,), dimension_numbers=('WNC', 'OWI', 'NCW'), feature_group_count=3, batch_group_count=1) | f32[4,2,3] small 250; f32[3,1,1] small 251
call | lambda x, w: lax.conv_general_dilated(x, w, (3,), [(-1, -1)], lhs_dilation=(1,), rhs_dilation=(1,), dimension_numbers=('NWC', 'IOW', 'WNC'), feature_group_count=3, batch_group_count=1, preferred_element_type=jnp.float32) | i32[2,3,3] small 124; i32[1,6,2] small 125
vjp | lambda x, w: lax.conv_general_dilated_local(x, w, (1,), 'SAME', (2,)) | f32[1,2,5] small 1; f32[3,4,5] small 2
call | lambda x: lax.conv_general_dilated_patches(x, (2, 2), (2, 1), [(1, 0), (0, 2)], (2, 1), (1, 2)) | f32[1,2,3,3] small 1
call | lambda: lax.conv_general_permutations(('NCHW', 'OIHW', 'NHWC'))
call | lambda: lax.conv_general_shape_tuple((1, 2, 5, 6), (4, 2, 3, 2), (1, 2), 'SAME', ('NCHW', 'OIHW', 'NCHW'))
vjp | lambda x, w: lax.conv_transpose(x, w, (2, 1), 'VALID', transpose_kernel=True) | f32[1,3,3,2] small 1; f32[2,2,3,2] small 2
call | lambda x, w: lax.conv_transpose(x, w, (2, 1), [(1, 1), (0, 2)], use_consistent_padding=True) | f32[1,3,3,2] small 1; f32[2,2,2,3] small 2
call | lambda x, w: lax.conv_transpose(x, w, (2, 3), 'SAME') | f32[1,3,2,2] small 1; f32[2,2,2,3] small 2
call | lambda x, w: lax.conv_with_general_padding(x, w, (1, 1), [(1, 1), (0, 1)], (2, 1), (1, 2)) | f32[1,2,3,3] small 1; f32[3,2,2,2] small 2
call | lambda: lax.convert_element_type(1j, jnp.float32)
call | lambda: lax.convert_element_type(True, bool)
call | lambda: lax.convert_element_type(np.float64(2), jnp.float32)
call | lambda x: lax.convert_element_type(x, 'foo') | i32[26] special 0
call | lambda x: lax.convert_element_type(x, None) | f32[2] small 1
call | lambda x: lax.convert_element_type(x, bool) | bf16[26] special 0
call | lambda x: lax.convert_element_type(x, bool) | c64[6] special 0
call | lambda x: lax.convert_element_type(x, jnp.dtype('bfloat16')) | bf16[26] special 0
vjp | lambda x: lax.convert_element_type(x, jnp.dtype('float8_e3m4')) | c64[4] normal 0
jvp | lambda x: lax.convert_element_type(x, jnp.dtype('float8_e5m2fnuz')) | i32[4] normal 0
call | lambda x: lax.convert_element_type(x, jnp.dtype('uint2')) | i32[26] special 0
call | lambda x: lax.convert_element_type(x, jnp.dtype('uint32')) | i32[26] special 0
call | lambda x: lax.convert_element_type(x, jnp.float8_e4m3fn) | f32[26] special 0
call | lambda x: lax.convert_element_type(x, jnp.int4) | f32[26] special 0
call | lambda x: lax.convert_element_type(x, jnp.uint8) | bf16[26] special 0
call | lambda x: lax.cos(x) | bf16[26] special 0
call | lambda x: lax.cos(x) | u32[26] special 0
call | lambda x: lax.cosh(x) | f16[26] special 0
call | lambda x: lax.cosh(x) | u8[26] special 0
call | lambda x: lax.cumlogsumexp(x) | i8[] small 1
call | lambda x: lax.cumlogsumexp(x, 1, reverse=True) | bf16[3,5] small 1
call | lambda x: lax.cummax(x) | u32[] small 1
call | lambda x: lax.cummax(x, 0) | u32[9,3] small 1
vjp | lambda x: lax.cummax(x, 1) | f32[2,5] normal 1
call | lambda x: lax.cummin(x) | b[0] small 1
call | lambda x: lax.cummin(x, 1, reverse=True) | f32[3,5] small 1
call | lambda x: lax.cumprod(x) | b[0] small 1
call | lambda x: lax.cumprod(x) | f16[1] small 1
jvp | lambda x: lax.cumprod(x, 0, reverse=True) | f32[6] small 1
call | lambda x: lax.cumsum(x) | f16[] small 1
vjp | lambda x: lax.cumsum(x, 1) | c64[2,5] normal 1
call | lambda x: lax.cumsum(x, 1, reverse=True) | f32[3,5] ties 1
call | lambda x: lax.custom_linear_solve(lambda v: 2 * v, x, lambda mv, b: b / 2, symmetric=True) | f32[4] unit 1
vjp | lambda x: lax.custom_root(lambda v: v ** 3 - x, x, lambda f, x0: jnp.cbrt(x), lambda g, y: y / g(jnp.ones(4))) | f32[4] pos 1
call | lambda x: lax.dce_sink(x) | f32[4] unit 1
call | lambda: lax.digamma(2.5)
vmap ((1,),2 and 1) | lambda x: lax.digamma(x) | f32[3,4] normal 0
call | lambda x: lax.div(x, 1j) | i16[26] special 0
call | lambda x, y: lax.div(x, y) | f32[0] small 3; f32[0] small 5
call | lambda x, y: lax.dot(x, y) | f16[2,2] small 1; bf16[2,2] small 2
call | lambda x, y: lax.dot(x, y) | i8[2,2] small 1; u8[2,2] small 2
call | lambda x, y: lax.dot(x, y, precision='F32_F32_F32') | f32[2,2] small 1; f32[2,2] small 2
vmap ((None, 2), 0) | lambda x, y: lax.dot(x, y, precision='fastest') | f32[3,4] small 1; f32[4,2,3] small 2
call | lambda x, y: lax.dot(x, y, precision='foo') | c64[3,4] small 1; c64[4,2] small 2
call | lambda x, y: lax.dot(x, y, precision=lax.DotAlgorithmPreset.BF16_BF16_F32) | f32[2,2] small 1; f32[2,2] small 2
call | lambda x, y: lax.dot(x, y, precision=lax.DotAlgorithmPreset.BF16_BF16_F32) | f32[3,4] small 1; f32[4,2] small 2
call | lambda x, y: lax.dot(x, y, preferred_element_type=jnp.float32) | f32[3,4] small 1; f32[4] small 2
call | lambda x, y: lax.dot(x, y, preferred_element_type=jnp.float32) | i8[3,4] small 1; u8[4,2] small 2
call | lambda x, y: lax.dot(x, y, preferred_element_type=jnp.int32) | i8[2,3] small 1; i8[3,2] small 2
call | lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32) | c64[3,4] small 1; c64[4,2] small 2
call | lambda x, y: lax.dot_general(x, y, (((5,), (0,)), ((), ())), preferred_element_type=jnp.float32) | i8[3,4] small 1; i8[4] small 2
call | lambda x, y: lax.dot_general(x, y, ((np.array([1]), np.array([0])), ((), ()))) | b[3,4] small 1; b[4,2] small 2
call | lambda x, y: lax.dot_general(x, y, ((np.array([1]), np.array([0])), ((), ()))) | c64[3,4] small 1; c64[4,2] small 2
jvp | lambda x, y: lax.dot_general(x, y, ((np.array([1]), np.array([0])), ((), ()))) | f32[3,4] small 1; f32[4,2] small 2
call | lambda x: lax.dtype(x).name | i16[26] special 0
call | lambda x: lax.dynamic_index_in_dim(x, 1) | c64[2,3,4] normal 1
call | lambda x: lax.dynamic_index_in_dim(x, 9, 0) | f32[0,3,4] normal 1
call | lambda x: lax.dynamic_slice(x, (-1,), (1,), allow_negative_indices=False) | f32[3] small 1
call | lambda x: lax.dynamic_slice(x, (0, 0, 0), (0, 1, 1)) | bf16[2,3,4] normal 1
call | lambda x: lax.dynamic_slice(x, (0, 0, 0), (1, 1, 1), allow_negative_indices=(True,)) | bf16[2,3,4] normal 1
jvp | lambda x: lax.dynamic_slice_in_dim(x, 1.0, 1) | bf16[2,3,4] normal 1
call | lambda x: lax.dynamic_slice_in_dim(x, 5, 2, 1) | c64[2,3,4] normal 1
call | lambda x: lax.dynamic_update_index_in_dim(x, x[0] * 2, 1, 0) | bf16[2,3,4] normal 1
call | lambda x: lax.dynamic_update_index_in_dim(x, x[0] * 2, 1, 0) | f32[0,3,4] normal 1
jvp | lambda x: lax.dynamic_update_index_in_dim(x, x[:, :, 0], -1, axis=-1) | f32[2,3,4] normal 1
call | lambda x: lax.dynamic_update_index_in_dim(x, x[:1, 0], 1, 0) | f32[2,3,4] small 1
call | lambda x: lax.dynamic_update_slice(x, x[0], (0, 0, 0)) | bf16[2,3,4] normal 1
call | lambda x: lax.dynamic_update_slice(x, x[:0], (0, 0, 0)) | i32[2,3,4] normal 1
vjp | lambda x: lax.dynamic_update_slice(x, x[:1] * 2, (-1, 0, 0)) | f32[2,3,4] normal 1
call | lambda x: lax.dynamic_update_slice_in_dim(x, 1.0, 0, 0) | c64[2,3,4] normal 1
call | lambda x: lax.dynamic_update_slice_in_dim(x, x[..., :2], 9, 2) | bf16[2,3,4] normal 1
call | lambda: lax.empty((2,), jnp.float32)
call | lambda: lax.eq(2.5, 1j)
call | lambda x, y: lax.eq(x, y) | i32[0] small 3; i32[0] small 5
call | lambda: lax.erf(True)
call | lambda x: lax.erf(x) | f32[26] special 0
call | lambda: lax.erf_inv(-0.0)
call | lambda: lax.erfc(0.5+1j)
call | lambda: lax.erfc(2.5)
call | lambda x: lax.exp(x) | c64[26] special 0
call | lambda x: lax.exp(x) | i32[26] special 0
call | lambda: lax.exp2(-0.0)
call | lambda x: lax.exp2(x) | u32[26] special 0
vjp | lambda x: lax.exp2(x) | bf16[26] special 0
call | lambda x: lax.expand_dims(x, (0, -1)) | c64[2,3,4] normal 1
call | lambda x: lax.expand_dims(x, (0, -5)) | i32[2,3,4] normal 1
call | lambda: lax.expm1(2)
call | lambda x: lax.expm1(x) | bf16[26] special 0
jvp | lambda x: lax.expm1(x) | f32[26] special 0
call | lambda x: lax.fft(x, 'fft', (5,)) | c64[6] normal 1
call | lambda x: lax.fft(x, 'fft', (6,)) | f32[6] normal 1
call | lambda x: lax.fft(x, 'ifft', (6,)) | i32[6] normal 1
call | lambda x: lax.fft(x, lax.FftType.FFT, (4,)) | bf16[4] normal 1
call | lambda x: lax.fft(x, 'fft', ()) | i32[2,3] small 1
call | lambda x: lax.floor(x) | f32[26] special 0
call | lambda x: lax.fori_loop(0, np.int64(4), lambda i, c: c + 1, 0) | i32[4] unit 1
call | lambda x: lax.fori_loop(jnp.int8(0), jnp.int32(3), lambda i, c: c + i, 0) | i32[4] unit 1
call | lambda: lax.full((), 2, bool)
call | lambda: lax.full((-1,), 1, jnp.bfloat16)
call | lambda: lax.full((2,), nan, 'int32')
call | lambda: lax.full(3, 300.5, 'uint8')
call | lambda x: lax.full_like(x, 2.7) | b[26] special 0
call | lambda x: lax.full_like(x, jnp.ones(2)) | i8[26] special 0
call | lambda x, i: lax.gather(x, i, GDN((), (0,), (1,)), (1,), mode='fill', fill_value=2.5) | u8[5] normal 1; i32[3,1] idx:-3,9 2
vjp | lambda x, i: lax.gather(x, i, GDN((), (1,), (1,), (0,), (0,)), (1, 1), mode='fill') | f32[3,5] small 1; i32[3,2,1] idx:-3,9 2
call | lambda x, i: lax.gather(x, i, GDN((), (1,), (1,), (0,), (0,)), (1, 1), mode='fill', fill_value=7) | f32[3,5] small 1; i8[3,2,1] idx:-3,9 2
call | lambda x, i: lax.gather(x, i, GDN((0,), (0,), (0,)), (1, 5), mode=None) | b[4,5] normal 1; i32[3,1] idx:0,3 2
call | lambda x, i: lax.gather(x, i, GDN((0,), (1,), (1,)), (4, 1), mode=lax.GatherScatterMode.CLIP) | c64[4,5] normal 1; i32[2,3,1] idx:-3,9 2
call | lambda x, i: lax.gather(x, i, GDN((1,), (0,), (0, 1)), (1, 3), mode='fill', fill_value=-1) | f32[4,5] normal 1; i32[3,2] idx:-3,9 2
jvp | lambda x, i: lax.gather(x, i, GDN((1,), (0,), (0,)), (1, 5), mode='drop') | f32[4,5] normal 1; i32[3,1] idx:-3,9 2
call | lambda x, i: lax.gather(x, i, GDN((2,), (), (1,), (0,), (1,)), (1, 2), mode='clip') | f32[3,5] small 1; u8[2,3,1] idx:0,9 2
call | lambda x, i: lax.gather(x, i, GDN((1,), (0,), (0,)), (0, 5), mode='fill') | f32[4,5] normal 9; u32[3,1] idx:0,3 51
vjp | lambda x, i: lax.gather(x, i, GDN((1,), (0,), (0,)), (1, 3)) | f32[0,3] small 1; i32[0,1] idx:0,3 2
call | lambda: lax.ge(True, False)
call | lambda x: lax.ge(x, 2) | c64[26] special 0
call | lambda x: lax.gt(x, 1j) | i32[26] special 0
call | lambda x, y: lax.gt(x, y) | f32[1,3] small 3; f32[2,1] small 5
call | lambda x, y: lax.igamma(x, y) | f32[0] small 3; f32[0] small 5
call | lambda x, y: lax.igamma_grad_a(x, y) | f32[0] small 3; f32[0] small 5
call | lambda x, y: lax.igamma_grad_a(x, y) | i32[2,3] small 3; i32[3] small 5
vmap ((-1, -2), -1) | lambda x, y: lax.igamma_grad_a(x, y) | f32[3,3] pos 3; f32[3,3] pos 5
vjp | lambda x: lax.igammac(x, 2) | i32[3] pos 3
call | lambda x, y: lax.igammac(x, y) | f32[1,3] small 3; f32[2,1] small 5
call | lambda x: lax.imag(x) | c64[26] special 0
call | lambda x: lax.imag(x) | i16[26] special 0
call | lambda x: lax.index_in_dim(x, np.int32(1)) | bf16[2,3,4] normal 1
call | lambda x: lax.index_take(x, (jnp.array([0, 1]),), (0,)) | c64[2,3,4] normal 1
call | lambda x: lax.index_take(x, (jnp.array([0.0]),), (0,)) | f32[0,3,4] normal 1
call | lambda: lax.integer_pow(2, 0)
call | lambda x: lax.integer_pow(x, 1) | b[2] small 1
call | lambda x: lax.integer_pow(x, 2) | u32[26] special 0
call | lambda x: lax.integer_pow(x, 3) | b[26] special 0
call | lambda: lax.iota('int32', -1)
call | lambda: lax.iota(jnp.float32, 2.0)
call | lambda: lax.iota(jnp.uint8, 0)
call | lambda: lax.is_finite(-0.0)
call | lambda x: lax.is_finite(x) | i16[26] special 0
vjp | lambda x: lax.is_finite(x) | f32[26] special 0
call | lambda x: lax.le(x, 1j) | i16[26] special 0
jvp | lambda x: lax.le(x, 2) | i32[3] normal 3
call | lambda x, y: lax.le(x, y) | i32[] small 3; i32[3] small 5
call | lambda: lax.lgamma(0.5+1j)
call | lambda: lax.lgamma(2.5)
call | lambda: lax.log(2.5)
call | lambda x: lax.log(x) | i32[26] special 0
call | lambda: lax.log1p(-0.0)
vjp | lambda x: lax.log1p(x) | i32[26] special 0
call | lambda: lax.logistic(-0.0)
call | lambda x: lax.logistic(x) | u32[26] special 0
call | lambda x, y: lax.lt(x, y) | i32[0] small 3; i32[1] small 5
call | lambda x: lax.map(lambda t: t[0], (x, x[:2])) | i32[4] unit 1
call | lambda x: lax.map(jnp.sin, x, batch_size=2) | i32[4] unit 1
call | lambda x: lax.max(x, -1) | f16[6] special 0
call | lambda x, y: lax.max(x, y) | f32[6] special 3; f64[6] special 5
call | lambda: lax.min(7, 0)
call | lambda x: lax.min(x, -1) | bf16[6] special 0
call | lambda: lax.mul(2, 3.5)
call | lambda x: lax.mul(x, x, out_dtype=jnp.float32) | i8[26] special 0
call | lambda x: lax.mulhi(2.5, x) | c64[26] special 0
call | lambda x: lax.mulhi(x, 2) | i32[26] special 0
call | lambda x: lax.ne(2.5, x) | i16[26] special 0
call | lambda: lax.ne(7., 0.)
call | lambda: lax.neg(True)
call | lambda x: lax.neg(x) | f32[26] special 0
vjp | lambda x: lax.neg(x) | f32[26] special 0
call | lambda: lax.nextafter(7., 0.)
call | lambda x: lax.nextafter(x, 1j) | u32[26] special 0
vjp | lambda x: lax.optimization_barrier(((x, x), {'a': 1})) | bf16[2,3,4] normal 1
call | lambda x: lax.optimization_barrier((x, 2)) | i8[26] special 0
call | lambda x: lax.pad(2.0, 1.0, []) | f32[0,3,4] normal 1
jvp | lambda x: lax.pad(x, 0.0, [(-1, -1, 0)] * 3) | f32[2,3,4] normal 1
call | lambda x: lax.pad(x, nan, [(0, 1, 0)] * 3) | f32[2,3,4] normal 1
jvp | lambda x: lax.pad(x, np.float32(3), [(-1, 1, 2), (0, 0, 0), (2, -2, 1)]) | f32[2,3,4] normal 1
call | lambda: lax.padtype_to_pads((5, 6), (2, 3), (1, 2), 'SAME_LOWER')
call | lambda x: lax.platform_dependent(x, cpu=jnp.sin) | f32[4] unit 1
call | lambda x: lax.platform_dependent(x, tpu=jnp.sin) | i32[4] unit 1
call | lambda x, y: lax.polygamma(x, y) | f32[3] small 3; f32[1] small 5
vmap ((-1, -2), -1) | lambda x, y: lax.polygamma(x, y) | f32[3,3] pos 3; f32[3,3] pos 5
call | lambda: lax.population_count(0.5+1j)
call | lambda x: lax.population_count(x) | i32[26] special 0
vjp | lambda x: lax.population_count(x) | i32[26] special 0
call | lambda x: lax.pow(x, -1) | f16[6] special 0
jvp | lambda x, y: lax.pow(x, y) | i32[] normal 3; i32[3] normal 5
call | lambda x, w, g: lax.ragged_dot(x, w, g) | f32[5,2] small 1; f32[3,2,4] small 2; i32[3] idx:0,3 4
call | lambda x, w: lax.ragged_dot(x, w, jnp.array([1., 0, 2])) | f32[5,2] small 1; f32[3,2,4] small 2
call | lambda x, w: lax.ragged_dot_general(x, w, jnp.array([1, 0, 3]), lax.RaggedDotDimensionNumbers((((0,), (0,)), ((), ())), [0], [])) | f32[4,2] small 1; f32[4,3] small 2
call | lambda x, y: lax.random_gamma_grad(x, y) | f32[0] small 3; f32[0] small 5
vmap ((0, 0), 0) | lambda x, y: lax.random_gamma_grad(x, y) | i32[3,3] small 3; i32[3,3] small 5
call | lambda x: lax.real(x) | c64[26] special 0
call | lambda x: lax.real(x) | f16[26] special 0
call | lambda x: lax.reciprocal(x) | b[26] special 0
call | lambda x: lax.reciprocal(x) | f32[0,2] special 0
vmap ((1,),2 and 1) | lambda x: lax.reciprocal(x) | f32[3,4] normal 0
call | lambda x: lax.reduce(x, 0., lax.add, (0, 1)) | b[3,4] small 1
call | lambda x: lax.reduce_and(x, 0) | i8[3,4] small 1
call | lambda x: lax.reduce_and(x, tuple(range(x.ndim))) | i32[0] small 1
call | lambda x: lax.reduce_max(x, (True,)) | i8[3,4] small 1
call | lambda x: lax.reduce_max(x, 0) | bf16[3,4] small 1
call | lambda x: lax.reduce_min(x, (0, 0)) | bf16[3,4] small 1
call | lambda x: lax.reduce_min(x, (0,)) | i32[0,3] small 1
call | lambda x: lax.reduce_or(x, (0,)) | f16[5,4] ties 1
call | lambda x: lax.reduce_or(x, np.array([0])) | b[3,4] small 1
call | lambda x: lax.reduce_precision(x, 0, 1) | f32[3] special 0
call | lambda x: lax.reduce_precision(x, 1, 0) | f32[3] special 0
call | lambda x: lax.reduce_precision(x, 8, 23) | f32[26] special 0
call | lambda x: lax.reduce_precision(x, 8, 7) | u8[26] special 0
call | lambda x: lax.reduce_prod(x, tuple(range(x.ndim))) | i8[] small 1
call | lambda x: lax.reduce_sum(x, (-1,)) | b[3,4] small 1
call | lambda x: lax.reduce_sum(x, tuple(range(x.ndim))) | bf16[0] small 1
jvp | lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3), (2, 1), [(1, -1), (-1, 0)], (2, 2), None) | f32[4,2] normal 22
call | lambda x: lax.reduce_window(x, 0., lax.add, (2, 2), (1, 1), 'SAME') | f32[3,4] normal 1
call | lambda x: lax.reduce_window(x, 1, lax.mul, (1,), (3,), [(0, -1)], None, (1,)) | i32[2] ties 62
call | lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 1, 3), (2, 2, 3), 'SAME_LOWER', (2, 2, 1), None) | bf16[2,2,4] small 35
call | lambda x: lax.reduce_window(x, jnp.inf, lax.min, (3, 1), None, 'VALID', None, None) | i32[4,3] ties 34
vjp | lambda x: lax.reduce_window(x, np.array(0, 'float32'), lax.add, (1, 1), (3, 1), 'SAME_LOWER', None, None) | f32[2,2] normal 60
jvp | lambda x: lax.reduce_window(x[:0], 0., lax.add, (2, 2), padding=[(1, 1), (0, 0)]) | f32[3,4] normal 1
call | lambda: lax.reduce_window_shape_tuple((8, 8), (3, 3), (2, 2), [(0, 0), (1, 1)], (2, 1), (1, 2))
call | lambda x: lax.reduce_xor(x, (0, 0)) | c64[3,4] small 1
call | lambda x: lax.reduce_xor(x, tuple(range(x.ndim))) | b[] small 1
call | lambda x: lax.rem(x, 2) | u8[26] special 0
call | lambda x, y: lax.rem(x, y) | f32[6] special 3; f64[6] special 5
call | lambda x: lax.reshape(x, (2, 3, 4), dimensions=(2, 0, 1)) | f32[0,3,4] normal 1
call | lambda x: lax.reshape(x, (2, 3, 4), dimensions=(2, 0, 1)) | i32[2,3,4] normal 1
call | lambda x: lax.reshape(x, 6) | f32[2,3] small 1
call | lambda x: lax.rev(2.0, ()) | c64[2,3,4] normal 1
call | lambda x: lax.rng_uniform(0., 1., -1) | c64[2,3,4] normal 1
call | lambda x: lax.round(x) | f32[26] special 0
call | lambda x: lax.round(x, 1) | i16[26] special 0
call | lambda: lax.rsqrt(-0.0)
call | lambda x, w: lax.scaled_dot(x, w, lhs_scale=jnp.full((2, 2), 2.0), preferred_element_type=jnp.float32) | f32[2,4] small 1; f32[4,3] small 2
call | lambda x: lax.scan(lambda c, v: (c * 2, None), x[0], None, length=3) | f32[4] unit 1
call | lambda x: lax.scan(lambda c, v: (c + 1.5, v), 0, x) | i32[4] unit 1
call | lambda x: lax.scan(lambda c, v: (c + v, c * v), 0., x, unroll=2) | i32[4] unit 1
vmap ((-2,), 0) | lambda x: lax.scan(lambda c, v: (c + v, c), 0., x[:0]) | f32[3,4] unit 1
call | lambda x: lax.scan(lambda c, v: (c, v), 0., x, length=-1) | i32[4] unit 1
vjp | lambda x: lax.scan(lambda c, v: (jnp.sin(c) * v, c), 1., x, _split_transpose=True) | f32[4] unit 1
call | lambda x, i, u: lax.scatter(x, i, u, SDN((), (0, 1), (0, 1))) | i32[4,5] small 1; i32[3,2] idx:0,3 2; f32[3] small 3
call | lambda x, i, u: lax.scatter(x, i, u, SDN((1,), (0,), (0,)), unique_indices=True, mode='drop') | f32[4,5] small 1; i32[3,1] perm 2; f32[3,5] small 3
call | lambda x, i, u: lax.scatter(x, i, u, SDN((2,), (), (1,), (0,), (1,)), unique_indices=True, mode='drop') | f32[3,5] small 1; i32[2,3,1] perm 2; f32[2,3,2] small 3
call | lambda x, i, u: lax.scatter_add(x, i, u, SDN((0,), (1,), (1,)), mode='drop') | f32[4,5] small 1; i32[2,3,1] idx:-3,9 2; f32[4,2,3] small 3
jvp | lambda x, i, u: lax.scatter_add(x, i, u, SDN((1,), (0,), (0,)), mode='promise_in_bounds') | f32[4,5] small 1; i32[3,1] idx:0,3 2; f32[3,5] small 3
call | lambda x, i, u: lax.scatter_add(x, i, u, SDN((1,), (0,), (0,)), unique_indices=True, mode='drop') | f32[4,5] small 1; i32[3,1] perm 2; f32[3,3] small 3
call | lambda x, i, u: lax.scatter_add(x, i, u, SDN((1,), (0,), (0,))) | i32[0,4] small 1; i32[2,1] idx:0,3 35; i32[2,4] small 7
call | lambda x, i: lax.scatter_apply(x, i, lambda v: v * 2, SDN((0,), (), (0,)), update_shape=(3,)) | f32[5] small 1; i32[1] perm 2
call | lambda x, i, u: lax.scatter_max(x, i, u, SDN((), (0,), (0,))) | c64[5] small 1; i32[4,1] idx:0,9 2; c64[4] small 3
call | lambda x, i, u: lax.scatter_max(x, i, u, SDN((), (1,), (1,), (0,), (0,)), mode='promise_in_bounds') | f32[3,5] small 1; i32[3,2,1] idx:0,3 2; f32[3,2] small 3
call | lambda x, i, u: lax.scatter_min(x, i, u, SDN((1,), (0,), (0,))) | i32[4,5] small 1; i32[3,1] idx:0,3 2; f32[3,5] small 3
call | lambda x, i, u: lax.scatter_min(x, i, u, SDN((2,), (), (1,), (0,), (1,)), mode=None) | i32[3,5] small 1; i32[2,3,1] idx:-3,9 2; i32[2,3,2] small 3
call | lambda x, i, u: lax.scatter_mul(x, i, u, SDN((), (0,), (0,)), mode='drop') | f32[5] small 1; i32[] idx:-3,9 2; f32[] small 3
vjp | lambda x, i, u: lax.scatter_mul(x, i, u, SDN((), (0,), (0,)), unique_indices=True) | f32[5] small 1; i32[3,1] perm 2; f32[3] small 3
call | lambda x, i, u: lax.scatter_mul(x, i, u, SDN((0,), (), (0,)), mode='fill') | f32[5] small 1; i32[1] idx:-3,9 2; f32[3] small 3
call | lambda x, i, u: lax.scatter_sub(x, i, u, SDN((), (1,), (0,))) | f32[5] small 1; i32[3,1] idx:0,3 2; i32[3] small 3
call | lambda x, i, u: lax.scatter_sub(x, i, u, SDN((0,), (1,), (1,)), mode='promise_in_bounds') | f32[4,5] small 1; i32[2,3,1] idx:0,3 2; f32[4,2,3] small 3
call | lambda x: lax.select(True, 1.0, 2.0) | i32[2,3,4] normal 1
call | lambda x: lax.select(x[0] > 0, x, x) | f32[0,3,4] normal 1
call | lambda x: lax.select_n((x > 0).astype('int32') + 7, x, -x, x * 2) | f32[2,3,4] normal 1
call | lambda x: lax.select_n(jnp.uint8(1), x, -x) | f32[2] small 1
call | lambda x: lax.select_n(x, x, x) | f32[2,3,4] normal 1
call | lambda x: lax.shape_as_value(()) | f32[2,3,4] normal 1
call | lambda: lax.shift_left(-7, 3)
call | lambda x, y: lax.shift_left(x, y) | f32[6] special 3; i32[6] special 5
call | lambda x: lax.shift_right_arithmetic(x, True) | b[26] special 0
call | lambda x, y: lax.shift_right_arithmetic(x, y) | i32[1,3] small 3; i32[2,1] small 5
vmap ((-1, -2), -1) | lambda x, y: lax.shift_right_arithmetic(x, y) | i32[3,3] small 3; i32[3,3] small 5
call | lambda x: lax.shift_right_logical(x, -1) | i32[6] special 0
call | lambda x: lax.shift_right_logical(x, 1j) | i8[26] special 0
call | lambda: lax.sign(2.5)
call | lambda x: lax.sign(x) | b[26] special 0
jvp | lambda x: lax.sign(x) | c64[6] normal 0
call | lambda: lax.sin(0.5+1j)
call | lambda x: lax.sin(x) | b[26] special 0
call | lambda: lax.sinh(2)
call | lambda: lax.sinh(2.5)
vjp | lambda x: lax.sinh(x) | c64[6] normal 0
call | lambda x: lax.slice(x, (0, 0), (2, 3)) | f32[2,3,4] normal 1
call | lambda x: lax.slice(x, (0, 1, 1), (1, 3, 4), (1, 2, 3)) | i32[2,3,4] normal 1
call | lambda x: lax.slice_in_dim(x, 0, -1, 2, 2) | i32[2,3,4] normal 1
call | lambda x: lax.slice_in_dim(x, 0, 9) | bf16[2,3,4] normal 1
call | lambda x: lax.sort(()) | f32[5,6] normal 1
call | lambda x: lax.sort([x], dimension=0) | bf16[5,6] ties 1
call | lambda x: lax.sort(x) | f32[0,2] normal 1
call | lambda x: lax.sort(x, dimension=0) | c64[5,6] normal 1
call | lambda x: lax.sort_key_val(x, x[0]) | f32[5,6] normal 1
call | lambda x, y: lax.sort_key_val(x, y) | f16[5,6] ties 1; f32[5,6] normal 2
vjp | lambda x: lax.split(x, (1, 1), -3) | bf16[2,3,4] normal 1
call | lambda x: lax.split(x, [2, 2], axis=-1) | i32[2,3,4] normal 1
call | lambda x: lax.sqrt(x) | f32[26] special 0
call | lambda x: lax.sqrt(x) | u8[26] special 0
call | lambda x: lax.square(x) | b[26] special 0
call | lambda x: lax.square(x) | f16[26] special 0
call | lambda: lax.squeeze(2.0, ())
call | lambda x: lax.squeeze(x[:1], (-3,)) | f32[0,3,4] normal 1
call | lambda x: lax.squeeze(x[:1], [0]) | c64[2,3,4] normal 1
call | lambda x: lax.stack((x, x), -4) | b[2,3,4] normal 1
jvp | lambda x: lax.stack([x, x[0]]) | f32[2,3,4] normal 1
call | lambda x: lax.stage(x) | i32[2,3,4] normal 1
call | lambda x: lax.stop_gradient((x, 'a')) | i16[26] special 0
call | lambda x: lax.stop_gradient(x) | f32[2,3,4] normal 1
call | lambda x: lax.sub(x, 2) | i32[26] special 0
call | lambda x, y: lax.sub(x, y) | f32[6] special 3; i32[6] special 5
jvp | lambda x, y: lax.sub(x, y) | f32[] special 3; f32[3] special 5
call | lambda x: lax.switch(9, [jnp.sin, jnp.cos, jnp.tan], x) | f32[4] unit 1
call | lambda x: lax.switch(True, [jnp.sin, jnp.cos], x) | i32[4] unit 1
call | lambda x: lax.tan(x) | b[26] special 0
call | lambda x: lax.tan(x) | c64[26] special 0
jvp | lambda x: lax.tan(x) | bf16[26] special 0
call | lambda: lax.tanh(-0.0)
call | lambda x: lax.tanh(x) | b[26] special 0
call | lambda x: lax.tile(x, (1, 2, 1)) | b[2,3,4] normal 1
call | lambda x: lax.top_k(x, 1) | f32[2,0] normal 1
call | lambda x: lax.top_k(x, 2) | i8[5,6] ties 1
call | lambda: lax.transpose(2.0, ())
jvp | lambda x: lax.transpose(x, (2, 0, 1)) | bf16[2,3,4] normal 1
call | lambda x: lax.transpose(x, np.array([2, 1, 0])) | b[2,3,4] normal 1
jvp | lambda x: lax.unstack(2.0) | bf16[2,3,4] normal 1
call | lambda x: lax.unstack(x) | b[2,3,4] normal 1
call | lambda x: lax.while_loop(lambda c: c < 1, lambda c: (c, c), 0) | i32[4] unit 1
call | lambda x: lax.while_loop(lambda c: c < 3, lambda c: c + 1.5, 0.) | f32[4] unit 1
call | lambda x, y: lax.zeta(x, y) | f32[0] small 3; f32[0] small 5
vmap ((None, 1), 0) | lambda x, y: lax.zeta(x, y) | i32[3,3] small 3; i32[3,3] small 5
call | lambda x: x ** jnp.float16(1.5) | f16[3] pos 1
"""

if __name__ == "__main__":
    import jax
    import jax.lax.linalg

    warnings.simplefilter("ignore")
    lines = [line for line in LINES.strip("\n").split("\n") if line]
    write(pathlib.Path(__file__).with_name("lax.json"), [[line, come_of(jax, line)] for line in lines])
