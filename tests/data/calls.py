"""Calls written down as lines, and what comes of them under a package: the real JAX, or Bevel.

A line is `way | function | operands`, or without the last. An operand is `dtype[shape] kind seed`: "special" (NaN, inf, ±0, the largest, the
smallest, …), "corners" (of a complex plane with infinities and NaN), "small" (few whole numbers), "ties", "equal" (ones; the identity), "normal", "unit", "pos", "perm", "posdef", "sym", "tri", and "idx:low,high". The ways:

    call, jit        of the operands
    jvp, vjp         along fixed tangents; jvp2 and hvp (the jvp of the vjp) are of second order
    vmap IN, OUT     with these in_axes and out_axes
    batch, batch 1   each operand, or that of this number, is two drawings of itself, mapped over

`make_lax.py` asks the real JAX for a selection that the tests keep, `scripts/compare.py` asks both for whole tables: it runs
this file, `python tests/data/calls.py jax`, which answers each line of its input with one of JSON, with "kinds" behind it of
dtypes, shapes and weak types alone, with "times" of how long the call takes.
"""

import importlib
import json
import math
import os
import re
import sys
import threading
import time
import warnings

import ml_dtypes
import numpy as np

LETTERS = {"bf": "bfloat", "f": "float", "i": "int", "u": "uint", "c": "complex"}
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.5, 0.1, 1e-3, -7.0, 10.3, 100.0, -100.5, 1e-30, 1e20,
           -1e20, 1.5, 0.99, 65504.0, 1e-8, 1e-20]  # fmt: skip
AWAITED = {"TypeError", "ValueError", "IndexError", "NotImplementedError", "OverflowError"}  # what code waits for
MODULES = (
    "lax.linalg random nn image dtypes flatten_util ops scipy scipy.cluster.vq scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage "
    "scipy.optimize scipy.signal scipy.sparse.linalg scipy.spatial.transform scipy.special scipy.stats"
).split()
OPERAND = re.compile(r"(\w+)\[([\d,]*)\] (\S+) (\d+)")


def dtype_of(name):
    name = "bool" if name == "b" else re.sub(r"^(bf|f|i|u|c)(?=\d+$)", lambda m: LETTERS[m[1]], name)
    return np.dtype(getattr(ml_dtypes, name, name))


def numbers(text):
    name, shape, kind, seed = OPERAND.fullmatch(text).groups()
    dtype, shape, seed = dtype_of(name), tuple(int(n) for n in shape.split(",") if n), int(seed)
    random, count = np.random.RandomState(seed), math.prod(shape)
    is_whole, is_complex = dtype.name.startswith(("int", "uint")), dtype.kind == "c"
    if kind == "special" and is_whole:
        info = ml_dtypes.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        some = [0, 1, 2, 3, 7, 100, high, low, high - 1, 31, 32, 33] + [-1, -2, -7] * (low < 0)
        some = [n for n in some if low <= n <= high]
        values = np.array([some[i % len(some)] for i in range(count)], object)
    elif kind == "special":
        values = np.array(SPECIAL)[
            random.randint(len(SPECIAL), size=count) if seed else np.arange(count) % len(SPECIAL)
        ]
        values = np.where(np.isfinite(values) & (abs(values) < 1e4), values, 0.25) + 1j if is_complex else values
    elif kind == "corners":
        at = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0, 1e-30, 1e30]
        values = np.array([complex(at[i // 9 % 9], at[i % 9]) for i in range(count)])
    elif kind == "ties":
        values = random.randint(0, 3, count)
        if dtype.kind in "fV" and not is_whole:
            values = np.array([np.nan, 0.0, -0.0, 1.0, np.inf, -np.inf])[random.randint(0, 6, count)]
    elif kind == "equal":
        values = np.eye(*shape[-2:]) if len(shape) > 1 else np.ones(count)
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


def slope(jax, function, seed):
    return lambda *xs: jax.jvp(function, xs, tuple(along(jax, xs, seed)))[1]


def pulled(jax, function):
    def gradient(*xs):
        value, pull = jax.vjp(function, *xs)
        leaves, tree = jax.tree.flatten(value)
        return pull(jax.tree.unflatten(tree, along(jax, leaves, 177)))

    return gradient


def alike(text):
    """The text of an operand of that kind with other numbers."""
    return re.sub(r"\d+$", lambda m: str(int(m[0]) + 100), text)


def twice(function, texts, which, jax):
    """The function mapped, and its operands, of which those chosen are stacked from two drawings."""
    chosen = range(len(texts)) if not which else [int(n) for n in which.split(",")]
    arrays = [np.stack([numbers(t), numbers(alike(t))]) if i in chosen else numbers(t) for i, t in enumerate(texts)]
    return jax.vmap(function, tuple(0 if i in chosen else None for i in range(len(texts)))), arrays


def prepared(jax, way, function, texts):
    """The function that a way of calling means, and the arrays to call it with."""
    way, _, parameter = way.partition(" ")
    if way == "batch":
        function, arrays = twice(function, texts, parameter, jax)
    else:
        arrays = [numbers(text) for text in texts]
    arrays = [jax.numpy.asarray(x) for x in arrays]
    if way == "vmap":
        return jax.vmap(function, *eval(parameter)), arrays
    made = {
        "jvp": lambda: slope(jax, function, 77),
        "jvp2": lambda: slope(jax, slope(jax, function, 77), 277),
        "vjp": lambda: pulled(jax, function),
        "hvp": lambda: slope(
            jax, lambda *xs: [g for g in pulled(jax, function)(*xs) if g.dtype != jax.dtypes.float0], 77
        ),
        "jit": lambda: jax.jit(function),
    }
    return made.get(way, lambda: function)(), arrays


def understood(jax, line):
    """The function that a line means, and the arrays to call it with."""
    way, source, *rest = line.split(" | ")
    names = {"jax": jax, "jnp": jax.numpy, "jsp": jax.scipy, "lax": jax.lax, "L": jax.lax.linalg, "np": np,
             "nan": np.nan, "inf": np.inf,
             "GDN": jax.lax.GatherDimensionNumbers, "SDN": jax.lax.ScatterDimensionNumbers}  # fmt: skip
    return prepared(jax, way, eval(source, names), [text for part in rest for text in part.split("; ")])


def time_of(jax, line, rounds=7, shortest=1e-3):
    """How many microseconds a call takes when it was made before: the least of some rounds of a millisecond; -1: refused.

    Long ones are waited for one by one, as one who needs the result does: else they may run side by side.
    """
    try:
        function, arrays = understood(jax, line)

        def taken(count, waits):
            started = time.perf_counter()
            for _ in range(count):
                result = function(*arrays)
                if waits:
                    jax.block_until_ready(result)
            jax.block_until_ready(result)
            return (time.perf_counter() - started) / count

        taken(1, True)
        once = min(taken(1, True) for _ in range(3))
        count = max(1, min(1000, int(shortest / once)))
        return min(taken(count, once > 40e-6) for _ in range(rounds)) * 1e6
    except Exception:
        return -1


def come_of(jax, line, digits=5, kinds_only=False):
    """What comes of a line: [dtype, shape, is it weakly typed, rounded values] of each result, or the exception's names.

    Of kinds alone there are no values, nothing is computed, and the last result is how the results are nested.
    """
    try:
        function, arrays = understood(jax, line)
        if kinds_only:
            result = jax.eval_shape(function, *arrays)
            nesting = str(jax.tree.structure(result)).removeprefix("PyTreeDef")
            kinds = [[str(x.dtype), [*x.shape], x.weak_type, []] for x in jax.tree.leaves(result)]
            return [*kinds, ["nesting", [], False, [nesting]]]
        return [recorded(x, jax, digits) for x in jax.tree.leaves(function(*arrays))]
    except Exception as error:
        return sorted({c.__name__ for c in type(error).__mro__} & AWAITED) or ["Exception"]


def recorded(x, jax, digits):
    if isinstance(x, (str, np.dtype, type)):
        return ["str", [], False, [getattr(x, "name", None) or getattr(x, "__name__", None) or x]]
    if jax.numpy.issubdtype(getattr(x, "dtype", None), jax.dtypes.prng_key):
        return [str(x.dtype), *recorded(jax.random.key_data(x), jax, digits)[1:]]
    a = np.asarray(x)
    name = "float0" if a.dtype.kind == "V" and "float0" in str(a.dtype) else str(a.dtype)
    if name == "float0":
        return [name, list(a.shape), False, []]
    flat, weak = a.ravel(), bool(getattr(x, "weak_type", False))
    if name.startswith(("int", "uint", "bool")):
        return [name, list(a.shape), weak, [str(int(n)) for n in flat]]
    wide = flat.astype(np.complex128 if flat.dtype.kind == "c" else np.float64)
    parts = [p for z in wide for p in (z.real, z.imag)] if flat.dtype.kind == "c" else wide
    return [name, list(a.shape), weak, [f"{p:.{digits}g}" for p in parts]]


ROUNDED = {"bfloat16": 2e-2, "float16": 3e-3, "float64": 1e-9, "complex128": 1e-9}


def agree(found, expected, rounded=None):
    """Do two results of `come_of` say the same, but for rounding? (`rounded`: how far, by dtype; else 1e-3, and for 16 bits more.)"""
    if not expected or isinstance(expected[0], str) or not found or isinstance(found[0], str):
        # an exception on both sides, of a kind that code may wait for in either
        return isinstance((expected or [""])[0], str) == isinstance((found or [""])[0], str) and (
            expected in ([], ["Exception"]) or bool({*expected} & {*found})
        )
    if [x[:3] for x in found] != [x[:3] for x in expected]:
        return False
    for (name, *_, mine), (*_, theirs) in zip(found, expected, strict=True):
        if name[0] not in "fcb" or name == "bool" or not theirs:
            if mine != theirs:
                return False
            continue
        coarse = (rounded or {"bfloat16": 2e-2, "float16": 3e-3}).get(name, 1e-4 if rounded else 1e-3)
        a, b = np.array(mine, float), np.array(theirs, float)
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=0)
        if not np.allclose(a, b, rtol=coarse, atol=coarse * scale * 1e-2, equal_nan=True):
            return False
    return True


def signs_agree(found, expected):
    """Has each zero of two results that agree the same sign?"""
    numbers = lambda rows: [n for row in rows if not isinstance(row, str) for n in row[3]]
    return all({a, b} != {"0", "-0"} for a, b in zip(numbers(found), numbers(expected), strict=False))


def write(path, rows):
    path.write_text(
        "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]\n"
    )


def end_with_parent():
    """Ends this process when the one that started it has ended, in the middle of a call, too."""
    parent = os.getppid()

    def wait():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main():
    """Answers each line of the input, a call as JSON, with what comes of it under the package that is named."""
    end_with_parent()
    package, kinds_only, times = sys.argv[1], "kinds" in sys.argv, "times" in sys.argv
    jax = importlib.import_module(package)
    for module in MODULES:
        importlib.import_module(f"{package}.{module}")
    warnings.simplefilter("ignore")
    for count, line in enumerate(sys.stdin, 1):
        if count % (5000 if kinds_only else 500) == 0:
            jax.clear_caches()  # thousands of compiled programs take gigabytes
        call = json.loads(line)
        answer = time_of(jax, call) if times else come_of(jax, call, digits=17, kinds_only=kinds_only)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
