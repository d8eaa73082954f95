"""Writes array_api.json: what the Python array API standard asks, as read off array-api-strict.

Run by hand with a Python that has array-api-strict 2.6: `python tests/data/make_array_api.py`.

names     the functions of the namespace and of linalg, with the standard's signatures (annotations left out)
methods   what an array has
results   function → dtypes of its operands → dtype of its result, for operands of two elements; "" where it refuses
"""

import inspect
import itertools
import json
import pathlib
import warnings

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()
UNARY = (
    "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf isnan log "
    "log10 log1p log2 logical_not negative positive real reciprocal round sign signbit sin sinh sqrt square tan tanh trunc "
    "all any argmax argmin argsort count_nonzero cumulative_prod cumulative_sum diff flip max mean min nonzero prod roll "
    "sort std sum unique_counts unique_values var zeros_like ones_like empty_like tril"
).split()
BINARY = (
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal "
    "floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum "
    "minimum multiply nextafter not_equal pow remainder subtract matmul vecdot searchsorted isin"
).split()
PAIRS = [
    *[(d, d) for d in DTYPES],
    ("int8", "int16"),
    ("uint8", "int8"),
    ("uint32", "int32"),
    ("float32", "float64"),
    ("float32", "complex64"),
    ("float64", "complex64"),
]


def signature(function):
    given = inspect.signature(function)
    bare = [
        p.replace(
            annotation=p.empty,
            default=p.default
            if isinstance(p.default, (int, float, str, tuple, type(None))) or p.default is p.empty
            else None,
        )
        for p in given.parameters.values()
    ]
    return str(given.replace(parameters=bare, return_annotation=given.empty))


def operand(module, dtype):
    """Two elements that every function of the dtype is defined on; square where a matrix is needed."""
    return module.asarray([True, True] if dtype == "bool" else [1, 2], dtype=getattr(module, dtype))


def call(module, name, dtypes):
    """The dtype of name(*operands), or "" where it refuses them."""
    operands = [operand(module, d) for d in dtypes]
    if name == "tril":
        operands = [module.reshape(operands[0], (1, 2))]
    options = {"shift": 1} if name == "roll" else {}
    try:
        result = getattr(module, name)(*operands, **options)
    except (TypeError, ValueError):
        return ""
    first = result[0] if isinstance(result, tuple) else result
    return str(first.dtype).split(".")[-1]


def results(module):
    table = {}
    for names, choices in ((UNARY, [(d,) for d in DTYPES]), (BINARY, PAIRS)):
        for name, dtypes in itertools.product(names, choices):
            table.setdefault(name, {})[" ".join(dtypes)] = call(module, name, dtypes)
    return table


if __name__ == "__main__":
    import array_api_strict as strict

    warnings.simplefilter("ignore")
    names = {
        n: signature(getattr(strict, n))
        for n in sorted(dir(strict))
        if inspect.isfunction(getattr(strict, n)) and not n.endswith("_strict_flags")
    }
    linalg = {
        n: signature(getattr(strict.linalg, n))
        for n in strict.linalg.__all__
        if inspect.isfunction(getattr(strict.linalg, n))
    }
    methods = [
        n for n in dir(strict.asarray([1.0])) if (n.startswith("__") or not n.startswith("_")) and n not in dir(object)
    ]
    found = {"names": names, "linalg": linalg, "methods": methods, "results": results(strict)}
    place = pathlib.Path(__file__).with_name("array_api.json")
    place.write_text(json.dumps(found, indent=0) + "\n")
