"""Calls of lax written down as lines, and what comes of them: for `make_lax.py`, which asks the real JAX, and for the test.

A line is `way | function | operands`, or without the last. The way is "call", "jvp" or "vjp" (with fixed tangents), or "vmap" with in_axes and out_axes. An
operand is `dtype[shape] kind seed`: "special" (NaN, inf, ±0, the largest, the smallest, …), "small" (few whole numbers), "ties", "normal",
"unit", "pos", "perm", "posdef", "sym", "tri", and "idx:low,high".
"""

import json
import math
import re

import ml_dtypes
import numpy as np

LETTERS = {"bf": "bfloat", "f": "float", "i": "int", "u": "uint", "c": "complex"}
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.5, 0.1, 1e-3, -7.0, 10.3, 100.0, -100.5, 1e-30, 1e20,
           -1e20, 1.5, 0.99, 65504.0, 1e-8, 1e-20]  # fmt: skip
OPERAND = re.compile(r"(\w+)\[([\d,]*)\] (\S+) (\d+)")


def dtype_of(name):
    name = "bool" if name == "b" else re.sub(r"^(bf|f|i|u|c)(?=\d+$)", lambda m: LETTERS[m[1]], name)
    return np.dtype(getattr(ml_dtypes, name, name))


def numbers(text):
    name, shape, kind, seed = OPERAND.fullmatch(text).groups()
    dtype, shape, seed = dtype_of(name), tuple(int(n) for n in shape.split(",") if n), int(seed)
    random, count = np.random.RandomState(seed), math.prod(shape)
    is_whole, is_complex = dtype.kind in "iu", dtype.kind == "c"
    if kind == "special" and is_whole:
        info = np.iinfo(dtype)
        some = [0, 1, 2, 3, 7, 100, info.max, info.min, info.max - 1, 31, 32, 33] + [-1, -2, -7] * (dtype.kind == "i")
        values = np.array([some[i % len(some)] for i in range(count)], object)
    elif kind == "special":
        values = np.array(SPECIAL)[
            random.randint(len(SPECIAL), size=count) if seed else np.arange(count) % len(SPECIAL)
        ]
        values = np.where(np.isfinite(values) & (abs(values) < 1e4), values, 0.25) + 1j if is_complex else values
    elif kind == "ties":
        values = random.randint(0, 3, count)
        if dtype.kind in "fV":
            values = np.array([np.nan, 0.0, -0.0, 1.0, np.inf, -np.inf])[random.randint(0, 6, count)]
    elif kind == "perm":
        values = random.permutation(count)
    elif kind.startswith("idx:"):
        values = random.randint(*map(int, kind[4:].split(",")), size=count)
    elif kind in ("unit", "pos"):
        values = random.uniform(*((0.05, 0.95) if kind == "unit" else (0.2, 5)), size=count)
    elif kind == "small":
        values = random.randint(0 if dtype.kind in "ub" else -4, 5, count) + (
            1j * random.randint(-3, 4, count) if is_complex else 0
        )
    else:
        values = random.randn(count) * (10 if is_whole else 1) + (1j * random.randn(count) if is_complex else 0)
        if kind in ("posdef", "sym", "tri"):
            a, size = values.reshape(shape), shape[-1]
            adjoint = a.swapaxes(-1, -2).conj()
            values = {"posdef": a @ adjoint + size * np.eye(size), "sym": a + adjoint, "tri": a + 3 * np.eye(size)}[
                kind
            ]
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(dtype).reshape(shape)


def along(jax, values, seed):
    """A fixed tangent for each of the values."""
    result = []
    for i, x in enumerate(values):
        random = np.random.RandomState(seed + i)
        if jax.numpy.issubdtype(x.dtype, np.inexact):
            t = (
                random.randint(-2, 3, x.shape)
                + 0.5
                + (1j * random.randint(-2, 3, x.shape) if np.iscomplexobj(x) else 0)
            )
            result.append(jax.numpy.asarray(t).astype(x.dtype))
        else:
            result.append(np.zeros(x.shape, jax.dtypes.float0))
    return result


def come_of(jax, line):
    """What comes of a line: [dtype, shape, is it weakly typed, rounded values] of each result, or the exception's names."""
    way, source, *rest = line.split(" | ")
    names = {"jax": jax, "jnp": jax.numpy, "lax": jax.lax, "L": jax.lax.linalg, "np": np, "nan": np.nan, "inf": np.inf,
             "GDN": jax.lax.GatherDimensionNumbers, "SDN": jax.lax.ScatterDimensionNumbers}  # fmt: skip
    try:
        function = eval(source, names)
        arrays = [jax.numpy.asarray(numbers(text)) for part in rest for text in part.split("; ")]
        if way == "jvp":
            result = jax.jvp(function, tuple(arrays), tuple(along(jax, arrays, 77)))[1]
        elif way == "vjp":
            value, pull = jax.vjp(function, *arrays)
            leaves, tree = jax.tree.flatten(value)
            result = pull(jax.tree.unflatten(tree, along(jax, leaves, 177)))
        elif way.startswith("vmap"):
            in_axes, out_axes = eval(way[5:])
            result = jax.vmap(function, in_axes, out_axes)(*arrays)
        else:
            result = function(*arrays)
        return [recorded(x) for x in jax.tree.leaves(result)]
    except Exception as error:
        return sorted(
            {c.__name__ for c in type(error).__mro__} & {"TypeError", "ValueError", "IndexError", "NotImplementedError"}
        )


def recorded(x):
    a = np.asarray(x)
    name = "float0" if a.dtype.kind == "V" and "float0" in str(a.dtype) else str(a.dtype)
    if name == "float0":
        return [name, list(a.shape), False, []]
    flat = a.ravel()
    wide = flat.astype(np.complex128 if flat.dtype.kind == "c" else np.float64)
    parts = [p for z in wide for p in (z.real, z.imag)] if flat.dtype.kind == "c" else wide
    return [
        name,
        list(a.shape),
        bool(getattr(x, "weak_type", False)),
        [f"{p:.5g}".replace("-0", "0") if p == 0 else f"{p:.5g}" for p in parts],
    ]


def agree(found, expected):
    """Do two results of `come_of` say the same, but for rounding?"""
    if not expected or isinstance(expected[0], str) or not found or isinstance(found[0], str):
        # an exception on both sides, of a kind that code may wait for in either
        return isinstance((expected or [""])[0], str) == isinstance((found or [""])[0], str) and (
            not expected or bool({*expected} & {*found})
        )
    if [x[:3] for x in found] != [x[:3] for x in expected]:
        return False
    for (name, *_, mine), (*_, theirs) in zip(found, expected, strict=True):
        coarse = {"bfloat16": 2e-2, "float16": 3e-3}.get(name, 1e-3 if name[0] in "fc" else 0)
        a, b = np.array(mine, float), np.array(theirs, float)
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=0)
        if not np.allclose(a, b, rtol=coarse, atol=coarse * scale * 1e-2, equal_nan=True):
            return False
    return True


def write(path, rows):
    path.write_text(
        "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]\n"
    )
