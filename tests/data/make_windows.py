"""Writes windows.json: small convolutions and windows, and what the referee makes of them: dtype, shape and values, or no.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_windows.py`.

An expression is a string over `jax`, `jnp`, `lax`, `np` and the helpers below. Numbers are small integers, so that sums
are exact in any order.
"""

import json
import pathlib
import warnings

EXPRESSIONS = r"""
# layouts, strides, paddings, dilations, groups
lax.conv(f(2, 3, 5, 6), f(4, 3, 3, 2), (1, 2), "SAME")
lax.conv(f(2, 3, 5, 6), f(4, 3, 3, 2), (2, 1), "VALID")
lax.conv(f(2, 3, 5, 6), f(4, 3, 3, 2), (2, 2), "SAME_LOWER")
lax.conv(f(2, 3, 5, 6), f(4, 3, 3, 2), (2, 2), "same")
lax.conv_general_dilated(f(2, 5, 6, 3), f(3, 2, 3, 4), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
lax.conv_general_dilated(f(2, 6, 5, 3), f(3, 2, 3, 4), (1, 2), "SAME", dimension_numbers=("NWHC", "HWIO", "NCHW"))
lax.conv_general_dilated(f(6, 3, 5, 2), f(3, 4, 2, 3), (1, 2), "VALID", dimension_numbers=("WCHN", "IOWH", "CHNW"))
lax.conv_general_dilated(f(2, 3, 7), f(4, 3, 3), (2,), [(3, -1)], (3,), (2,))
lax.conv_general_dilated(f(2, 4, 7), f(6, 2, 3), (1,), "SAME", feature_group_count=2)
lax.conv_general_dilated(f(4, 2, 7), f(6, 2, 3), (2,), "SAME", batch_group_count=2)
lax.conv_general_dilated(f(2, 3), f(4, 3), (), "VALID")
lax.conv_general_dilated(f(1, 2, 3, 3, 3), f(2, 2, 2, 2, 2), (1, 1, 2), "SAME")
lax.conv_general_dilated(f(1, 2, 3), f(2, 2, 5), (1,), "VALID")
lax.conv_general_dilated(f(1, 2, 0), f(2, 2, 2), (1,), [(1, 2)])
lax.conv(f(1, 1, 5, dtype="int8") * 40, f(1, 1, 3, dtype="int8") * 40, (1,), "SAME")
lax.conv(f(1, 1, 5, dtype="int8") * 40, f(1, 1, 3, dtype="int8") * 40, (1,), "SAME", preferred_element_type=np.int32)
lax.conv(f(1, 1, 5, dtype="int8"), f(1, 1, 3, dtype="int8"), (1,), "SAME", preferred_element_type=np.float32)
lax.conv(f(1, 1, 5, dtype="uint8"), f(1, 1, 3, dtype="uint8"), (1,), "SAME")
lax.conv(f(1, 1, 5) > 0, f(1, 1, 3) > 0, (1,), "SAME")
lax.conv(f(1, 2, 5, dtype="complex64"), f(3, 2, 3, dtype="complex64"), (1,), "SAME")
lax.conv(f(1, 2, 5, dtype="bfloat16"), f(3, 2, 3, dtype="bfloat16"), (1,), "SAME")
lax.conv(f(1, 2, 5, dtype="bfloat16"), f(3, 2, 3, dtype="bfloat16"), (1,), "SAME", preferred_element_type=np.float32)
lax.conv(f(1, 2, 5), f(3, 2, 3), (1,), "SAME", preferred_element_type=np.int32)
lax.conv(f(1, 2, 5), f(3, 2, 3, dtype="bfloat16"), (1,), "SAME")
lax.conv(f(1, 2, 5), f(3, 1, 3), (1,), "SAME")
lax.conv(f(1, 2, 5), f(3, 2), (1,), "SAME")
lax.conv(f(1, 2, 5), f(3, 2, 3), (1, 1), "SAME")
lax.conv(f(1, 2, 5), f(3, 2, 3), (1,), "FULL")
lax.conv_general_dilated(f(1, 2, 5), f(3, 2, 3), (1,), "SAME", (2,))
lax.conv_general_dilated(f(1, 2, 5), f(3, 2, 3), (1,), "SAME", dimension_numbers=("NCH", "OIW", "NCH"))
lax.conv_general_dilated(f(1, 2, 5), f(3, 2, 3), (1,), "SAME", dimension_numbers=("NCC", "OIW", "NCH"))
lax.conv_general_dilated(f(2, 4, 5), f(6, 2, 3), (1,), "SAME", feature_group_count=3)
lax.conv_general_dilated(f(3, 2, 5), f(6, 2, 3), (1,), "SAME", batch_group_count=2)
lax.conv_with_general_padding(f(1, 2, 4), f(3, 2, 2), (1,), [(1, 2)], (2,), None)
# transposed, local, patches
lax.conv_transpose(f(1, 4, 3), f(3, 3, 2), (2,), "SAME")
lax.conv_transpose(f(1, 4, 3), f(2, 3, 2), (3,), "VALID")
lax.conv_transpose(f(1, 4, 3), f(5, 3, 2), (2,), [(1, 2)])
lax.conv_transpose(f(1, 4, 3), f(5, 3, 2), (2,), [(1, 2)], use_consistent_padding=True)
lax.conv_transpose(f(1, 4, 3), f(3, 2, 3), (2,), "SAME", transpose_kernel=True)
lax.conv_transpose(f(1, 4, 3), f(3, 3, 2), (2,), "VALID", rhs_dilation=(2,))
lax.conv_transpose(f(1, 3, 4, 4), f(2, 3, 3, 3), (2, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
lax.conv_transpose(f(1, 4, 4, 3), f(2, 3, 3, 2), (1, 2), "SAME")
lax.conv_transpose(f(1, 4, 3), f(3, 3, 2), (2,), "SAME_LOWER")
[lax.conv_transpose(f(1, 4, 1), f(k, 1, 1), (s,), p).shape for k in (1, 2, 3, 5) for s in (1, 2, 3) for p in ("SAME", "VALID")]
lax.conv_general_dilated_patches(f(2, 3, 4, 5), (2, 3), (1, 2), "SAME")
lax.conv_general_dilated_patches(f(2, 4, 5, 3), (2, 3), (1, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
lax.conv_general_dilated_patches(f(1, 2, 5), (2,), (2,), [(1, 1)], (2,), (3,))
lax.conv_general_dilated_local(f(2, 3, 4, 4), f(5, 12, 3, 3), (1, 1), "VALID", (2, 2))
lax.conv_general_dilated_local(f(2, 4, 4, 3), f(3, 3, 12, 5), (1, 1), "VALID", (2, 2), dimension_numbers=("NHWC", "HWIO", "NHWC"))
lax.conv_dimension_numbers((1, 2, 3, 4), (1, 2, 3, 4), ("NCHW", "WHIO", "NHWC"))
lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), None)
[tuple(map(int, lax.conv_shape_tuple((4, 3, 8, 8), (4, 3, 3, 3), (1, 2), p, 2))) for p in ([(0, 0), (1, 1)], "SAME", "VALID")]
tuple(map(int, lax.conv_general_shape_tuple((2, 8, 8, 3), (3, 3, 3, 4), (1, 2), "SAME", ("NHWC", "HWIO", "NHWC"))))
[tuple(map(int, lax.conv_transpose_shape_tuple((2, 8, 8, 3), (3, 3, 3, 4), (2, 2), p, ("NHWC", "HWIO", "NHWC")))) for p in ("SAME", "VALID", [(1, 1), (0, 0)])]
[tuple(map(int, pair)) for p in ("SAME", "SAME_LOWER", "VALID") for pair in lax.padtype_to_pads((8, 7), (3, 4), (2, 3), p)]
# gradients and batches
jax.grad(lambda x, w: (lax.conv(x, w, (2,), "SAME") ** 2).sum(), (0, 1))(f(2, 2, 6), f(3, 2, 3))
jax.grad(lambda x, w: (lax.conv_general_dilated(x, w, (1,), [(2, 0)], (2,), (2,), feature_group_count=2) ** 2).sum(), (0, 1))(f(1, 4, 5), f(2, 2, 2))
jax.vmap(lambda x, w: lax.conv(x, w, (1,), "SAME"))(f(3, 2, 2, 5), f(3, 4, 2, 3))
jax.vmap(lambda w: lax.conv_general_dilated(f(2, 4, 5), w, (1,), "SAME", feature_group_count=2))(f(3, 4, 2, 3))
# windows
lax.reduce_window(f(4, 5), 0.0, lax.add, (2, 3), (1, 2), "SAME")
lax.reduce_window(f(4, 5), -np.inf, lax.max, (2, 3), (2, 2), "VALID")
lax.reduce_window(f(4, 5), np.inf, lax.min, (3, 1), (1, 1), [(1, 1), (0, -2)])
lax.reduce_window(f(8), 0.0, lax.add, (3,), (2,), "SAME", (2,), (2,))
lax.reduce_window(f(8), 0.0, lax.add, (3,), (1,), [(2, 1)], (3,), (2,))
lax.reduce_window(f(8), 1.0, lax.mul, (3,))
lax.reduce_window(f(8), 5.0, lax.max, (3,), (1,), "SAME")
lax.reduce_window(f(8), 2.0, lambda a, b: a + b, (3,), (3,), [(1, 0)])
lax.reduce_window((f(8), f(8)), (0.0, -np.inf), lambda a, b: (a[0] + b[0], jnp.maximum(a[1], b[1])), (3,), (2,), "SAME")
lax.reduce_window(f(8, dtype="int32"), -np.inf, lax.max, (3,))
lax.reduce_window(f(8, dtype="uint8"), -np.inf, lax.max, (3,))
lax.reduce_window(f(8) > 0, False, lax.max, (3,))
lax.reduce_window(f(8) > 0, False, lax.bitwise_or, (3,))
lax.reduce_window(f(8), np.int32(0), lax.add, (3,))
lax.reduce_window(f(2), 0.0, lax.add, (3,))
lax.reduce_window(f(8, dtype="int32"), 1.5, lax.mul, (2,))
lax.reduce_window(f(8), jnp.zeros(3), lax.mul, (2,))
lax.reduce_window(f(8), 0.0, lax.add, (2, 2))
lax.reduce_window(f(8), 0.0, lax.add, (0,))
lax.reduce_window(f(8), 0.0, lax.add, (2,), (1, 1))
lax.reduce_window((f(8), f(8)), (0.0, 0.0), lambda a, b: a[0], (2,))
[tuple(map(int, lax.reduce_window_shape_tuple((8, 8), (3, 3), (2, 2), [(0, 0), (1, 1)], *d))) for d in ((), ((2, 2), (2, 1)))]
lax.reduce(f(2, 3), 1.0, lambda a, b: a * b, (1,))
lax.reduce(f(2, 3), 3.0, lax.add, (0,))
lax.reduce((f(4), f(4)), (1.0, 0.0), lambda a, b: (a[0] * b[0], a[1] + b[1]), (0,))
lax.reduce(f(4), 0, lax.add, (0,))
lax.reduce(f(4, dtype="int32"), 1.5, lax.mul, (0,))
lax.reduce(f(4), 0.0, lax.add, (1,))
jax.grad(lambda x: lax.reduce(x, 1.0, lambda a, b: a * b, (0,)))(f(5))
lax.scatter_apply(f(4), jnp.array([[1], [1], [7]]), lambda x: x * 2, lax.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(3,))
# which element of a window has the slope: ties, NaN, infinities, zeros of both signs
[slope(x, k, s, p) for x in HARD for k, s, p in ((2, 2, "VALID"), (3, 1, "SAME"), (3, 2, "SAME"), (2, 1, [(1, 1)]), (2, 3, [(0, 2)]))]
[pushed(x, k, s, p) for x in HARD for k, s, p in ((2, 2, "VALID"), (3, 1, "SAME"), (3, 2, "SAME"), (2, 1, [(1, 1)]))]
[slope(x, k, s, p, lax.min, np.inf) for x in HARD for k, s, p in ((2, 2, "VALID"), (3, 1, "SAME"))]
jax.grad(lambda x: (lax.reduce_window(x, -np.inf, lax.max, (2, 3), (1, 2), "SAME") ** 2).sum())(jnp.round(f(5, 6) / 2))
jax.grad(lambda x: (jax.grad(lambda x: (lax.reduce_window(x, -np.inf, lax.max, (2,), (1,), "SAME") ** 3).sum())(x) ** 2).sum())(f(6))
jax.jvp(lambda x: lax.reduce_window(x, -np.inf, lax.max, (3,), (1,), "SAME"), (jnp.round(f(7) / 2),), (jnp.arange(7.0),))
jax.grad(lambda x: (lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 2), "SAME", (2, 1), (1, 2)) ** 2).sum())(f(4, 6))
jax.vmap(jax.grad(lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME").sum()))(f(2, 1, 3, 4, 2))
"""

I, N = float("inf"), float("nan")
HARD = [
    [1, 1, 0, 0, N, 2, -I, -I], [N, N, 1, N, 2, N], [-I] * 4, [I, I, 0, N, I], [-0.0, 0.0, -0.0, 0.0], [3, N, 1, 5]
]  # fmt: skip


def evaluate(jax, source):
    import numpy as np

    jnp, lax = jax.numpy, jax.lax

    def f(*shape, dtype="float32"):
        values = np.random.default_rng(sum(shape) + len(shape)).integers(-3, 4, shape)
        if dtype.startswith("complex"):
            values = values + 1j * np.flip(values)
        return jnp.asarray(np.abs(values) if dtype.startswith("u") else values).astype(dtype)

    def slope(x, size, stride, padding, combine=lax.max, start=-np.inf):
        def pooled(x):
            return lax.reduce_window(x, start, combine, (size,), (stride,), padding)

        y, pull = jax.vjp(pooled, jnp.asarray(x, "float32"))
        return pull(jnp.arange(1.0, y.shape[0] + 1))[0]

    def pushed(x, size, stride, padding):
        def pooled(x):
            return lax.reduce_window(x, -np.inf, lax.max, (size,), (stride,), padding)

        return jax.jvp(pooled, (jnp.asarray(x, "float32"),), (jnp.arange(10.0, 10 + len(x)),))[1]

    scope = {"jax": jax, "jnp": jnp, "lax": lax, "np": np, "f": f, "slope": slope, "pushed": pushed, "HARD": HARD}
    return described(eval(source, scope), jax)


def described(value, jax):
    import numpy as np

    if isinstance(value, jax.Array):
        array = np.asarray(value)
        if np.iscomplexobj(array):
            items = [[float(x.real), float(x.imag)] for x in array.ravel()]
        else:
            items = [x if x == x else "nan" for x in array.astype("float64").ravel().tolist()]
            items = [int(x) if x != "nan" and abs(x) < 1e9 else str(x) for x in items] if _whole(items) else items
        return [array.dtype.name, list(array.shape), items]
    if isinstance(value, (tuple, list)):
        return [described(x, jax) for x in value]
    return value


def _whole(items):
    return all(x == "nan" or x == int(x) if x == "nan" or abs(x) < 1e9 else True for x in items)


def sources():
    return [line for line in EXPRESSIONS.splitlines() if line and not line.startswith("# ")]


if __name__ == "__main__":
    import jax

    warnings.simplefilter("ignore")
    rows = []
    for source in sources():
        try:
            rows.append([source, evaluate(jax, source)])
        except Exception as error:
            rows.append([source, "refused"])
            print("refused:", source, "|", type(error).__name__, str(error)[:80].replace("\n", " "))
    path = pathlib.Path(__file__).with_name("windows.json")
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(len(rows), "rows", path.stat().st_size, "bytes")
