"""The programs that primitives and functions become, as text: a change that is to change nothing leaves it as it was.

    python scripts/programs.py write before.json        at the state to compare with
    python scripts/programs.py write after.json
    python scripts/programs.py compare before.json after.json

Of each sample of each primitive: its StableHLO for CPUs and for NVIDIA's GPUs, and the jaxprs of its derivatives and
batches. Of NumPy's functions and their kin on long arrays, where lowering takes other forms: their StableHLO. Nothing
is compiled. What cannot be written (a derivative that is refused) counts by its letter.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import bevel
import bevel.numpy as jnp
import bevel.scipy.special as special
from bevel import lax, random
from bevel.base import dtypes
from bevel.tools.laws.samples import all_primitives, samples_of

PLATFORMS = ("cpu", "cuda")
LONG = 1 << 17
DTYPES = ("float32", "float64", "bfloat16", "complex64", "int32", "uint8", "bool")
OF_ROWS = "sort argsort argmax argmin cumsum cumprod max min sum prod any all count_nonzero median nanmax flip sign abs"
OF_FLOATS = "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 log log1p cbrt sqrt"
SPECIAL = "erf erfc erfinv gammaln digamma i0e i1e ndtri log_ndtr expit logit"


def written(make: Callable[[], Any]) -> str:
    try:
        return str(make())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def lowered(function, operands) -> Iterator[tuple[str, str]]:
    for platform in PLATFORMS:
        traced = lambda platform=platform: bevel.jit(function).trace(*operands).lower(lowering_platforms=(platform,))
        yield platform, written(lambda traced=traced: traced().as_text())


def of_sample(sample) -> Iterator[tuple[str, str]]:
    operands = sample.operands
    run = lambda *xs: sample.op(*xs)
    jaxpr = lambda function, *xs: written(lambda: bevel.make_jaxpr(function)(*xs))
    yield from lowered(run, operands)
    tangents = tuple(np.zeros(np.shape(x), tangent_dtype(x)) for x in operands)
    yield "jvp", jaxpr(lambda xs, ts: bevel.jvp(run, xs, ts), operands, tangents)
    yield "vjp", jaxpr(lambda *xs: bevel.vjp(run, *xs)[1](ones_of(run(*xs))), *operands)
    yield "batch", jaxpr(bevel.vmap(run, in_axes=-1), *[np.stack([x, x], -1) for x in operands])
    for i in range(len(operands)):
        axes = [0 if k == i else None for k in range(len(operands))]
        stacked = [np.stack([x, x]) if k == i else x for k, x in enumerate(operands)]
        yield f"batch of operand {i}", jaxpr(bevel.vmap(run, in_axes=axes), *stacked)


def tangent_dtype(x):
    return x.dtype if dtypes.issubdtype(x.dtype, np.inexact) else dtypes.float0


def ones_of(results):
    return [jnp.ones_like(y) for y in results] if isinstance(results, list) else jnp.ones_like(results)


def on_long_arrays() -> Iterator[tuple[str, Callable, list]]:
    """(name, function, operands), of arrays long enough for the forms that pay there."""
    for name in DTYPES:
        x = (np.linspace(0.1, 0.9, LONG) * 100).astype(dtypes.as_dtype(name))
        rows = x.reshape(256, -1)
        for function in OF_ROWS.split():
            whole = getattr(jnp, function)
            yield f"{function} {name}", whole, [x]
            if function not in ("sign", "abs"):
                yield f"{function} {name}, rows", lambda x, whole=whole: whole(x, axis=1), [rows]
        yield f"nonzero {name}", lambda x: jnp.nonzero(x, size=5000), [x]
        yield f"unique {name}", lambda x: jnp.unique(x, size=50), [x]
        yield f"top_k {name}", lambda x: lax.top_k(x, 5), [x]
        yield f"quotients {name}", lambda x: (x // 3, x % 7, x**3), [x]
        yield f"taken and set {name}", lambda x: x.at[jnp.arange(99)].add(x[jnp.arange(1, 100)]), [x]
        yield f"searchsorted {name}", lambda x: jnp.searchsorted(x, x), [x]
    for name in ("float32", "float64", "complex64"):
        x = np.linspace(0.1, 0.9, LONG).astype(name)
        matrix = x[:4096].reshape(64, 64) + np.eye(64, dtype=name)
        image, kernel = x[:24576].reshape(8, 32, 32, 3), x[:216].reshape(3, 3, 3, 8)
        layout = ("NHWC", "HWIO", "NHWC")
        convolved = lambda x, w, layout=layout: lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=layout)
        pooled = lambda x: lax.reduce_window(x, np.zeros((), x.dtype), lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
        size = lambda function: lambda *xs: jnp.sum(abs(function(*xs)))
        for function in OF_FLOATS.split():
            yield f"{function} {name}", getattr(jnp, function), [x]
        for function in SPECIAL.split():
            yield f"{function} {name}", getattr(special, function), [x]
        for function in ("gammainc", "gammaincc", "zeta", "xlogy"):
            yield f"{function} {name}", getattr(special, function), [x, x]
        for function in ("inv", "qr", "svd", "eigh", "cholesky", "det"):
            yield f"{function} {name}", getattr(jnp.linalg, function), [matrix]
        yield f"convolution {name}", convolved, [image, kernel]
        yield f"its gradient {name}", bevel.grad(size(convolved), (0, 1)), [image, kernel]
        yield f"pooling {name}", pooled, [image]
        yield f"its gradient {name}", bevel.grad(size(pooled)), [image]
    for implementation in ("threefry2x32", "rbg"):
        key = random.key(0, impl=implementation)
        for function in ("bits", "uniform", "normal"):
            draw = getattr(random, function)
            yield f"{function} {implementation}", lambda key, draw=draw: draw(key, (LONG,)), [key]
        yield f"gamma {implementation}", lambda key: random.gamma(key, 2.0, (500,)), [key]
        yield f"permutation {implementation}", lambda key: random.permutation(key, LONG), [key]


def programs() -> dict[str, str]:
    found = {}
    for cls in all_primitives():
        for i, sample in enumerate(samples_of(cls)):
            found |= {f"{cls.__name__} {i}, {what}": text for what, text in of_sample(sample)}
    for x64 in (False, True):
        with bevel.enable_x64(x64):
            for name, function, operands in on_long_arrays():
                found |= {f"{name}, {what}, x64={x64}": text for what, text in lowered(function, operands)}
    return found


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("write").add_argument("file")
    compare = words.add_parser("compare")
    compare.add_argument("before")
    compare.add_argument("after")
    options = parser.parse_args()
    if options.word == "write":
        warnings.simplefilter("ignore")
        with open(options.file, "w") as file:
            json.dump(programs(), file)
        return 0
    with open(options.before) as before, open(options.after) as after:
        names = differing(json.load(before), json.load(after))
    print("\n".join(names) or "Every program is what it was.")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
