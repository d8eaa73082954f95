"""Makes promotion.json, the promotion table of the real JAX 0.10.2. Run by hand in an environment that has it:

    python tests/data/make_promotion.py

The file holds, for each mode (x64, promotion) and each pair of `operands`, the result: "dtype", or "dtype*" (weak), or
null where JAX raises TypePromotionError, or "error" where it fails otherwise. An operand is a dtype, a dtype with "*"
(an array of it, weakly typed), or a Python scalar. `promote_types` holds the same for its function and `names`. To keep
it small, a row is a string of indices into `results`.
"""

import json
import pathlib
import warnings

import jax
import jax.numpy as jnp
from jax import dtypes

INTEGERS = "int1 int2 int4 int8 int16 int32 int64 uint1 uint2 uint4 uint8 uint16 uint32 uint64".split()
FLOATS = """float4_e2m1fn float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn
    float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu bfloat16 float16 float32 float64""".split()
DTYPES = ["bool", *INTEGERS, *FLOATS, "complex64", "complex128"]
PYTHON = {"py_bool": True, "py_int": 1, "py_float": 1.0, "py_complex": 1j}
PYTHON_TYPES = {"py_int": int, "py_float": float, "py_complex": complex}


def attempt(function, *args):
    try:
        return function(*args)
    except dtypes.TypePromotionError:
        return None
    except Exception:
        return "error"


def table(operands):
    # Weakly typed arrays of any dtype: only a trace gives them, through ShapeDtypeStruct(weak_type=True).
    arrays = [name for name in operands if name not in PYTHON]
    structs = [jax.ShapeDtypeStruct((), jnp.dtype(n.rstrip("*")), weak_type=n.endswith("*")) for n in arrays]
    rows = []

    def look(*tracers):
        values = dict(zip(arrays, tracers, strict=True)) | PYTHON

        def one(a, b):
            dtype, weak = dtypes.result_type(values[a], values[b], return_weak_type_flag=True)
            return dtype.name + "*" * weak

        rows.extend([[attempt(one, a, b) for b in operands] for a in operands])
        return 0

    jax.eval_shape(look, *structs)
    return rows


def promote_table(names):
    values = {name: PYTHON_TYPES[name] if name in PYTHON_TYPES else jnp.dtype(name) for name in names}

    def one(a, b):
        return jnp.promote_types(values[a], values[b]).name

    return [[attempt(one, a, b) for b in names] for a in names]


def main():
    warnings.simplefilter("ignore")
    operands = [*DTYPES, *[f"{name}*" for name in DTYPES], *PYTHON]
    names = [*DTYPES, *PYTHON_TYPES]
    modes = [(x64, mode) for x64 in (False, True) for mode in ("standard", "strict")]
    result = {"jax": jax.__version__, "operands": operands, "names": names, "result_type": {}, "promote_types": {}}
    for x64, mode in modes:
        with jax.enable_x64(x64), jax.numpy_dtype_promotion(mode):
            result["result_type"][f"{x64} {mode}"] = table(operands)
            result["promote_types"][f"{x64} {mode}"] = promote_table(names)
    result["short_names"] = {
        name: jax.core.ShapedArray((), jnp.dtype(name)).str_short(short_dtypes=True).removesuffix("[]")
        for name in DTYPES
    }
    result["finfo"] = {
        name: [float(x) for x in (i.max, i.min, i.eps, i.tiny, i.smallest_subnormal)] + [i.bits, i.nmant, i.nexp]
        for name in [*FLOATS, "complex64", "complex128"]
        for i in [jnp.finfo(jnp.dtype(name))]
    }
    result["iinfo"] = {name: [int(i.min), int(i.max), i.bits] for name in INTEGERS for i in [jnp.iinfo(name)]}
    result["results"] = []
    for tables in (result["result_type"], result["promote_types"]):
        for rows in tables.values():
            rows[:] = [" ".join([index(result["results"], value) for value in row]) for row in rows]
    pathlib.Path(__file__).with_name("promotion.json").write_text(json.dumps(result, indent=0) + "\n")


def index(results, value):
    if value not in results:
        results.append(value)
    return str(results.index(value))


if __name__ == "__main__":
    main()
