"""Writes function_dtypes.json: the dtype that each function of jax.numpy gives, for operands of each dtype and pair of dtypes.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_function_dtypes.py`. A function has one text: a
word for each dtype (or pair, in rows), `*` marking a weak type and `!` a refusal; several results are joined by `,`.
"""

import importlib
import json
import pathlib
import warnings

import numpy as np

OPERANDS = ["bool", "int8", "uint8", "int32", "float16", "bfloat16", "float32", "complex64", 2, 2.5]
UNARY = (
    "abs acos acosh asin asinh atan atanh cbrt ceil conj cos cosh deg2rad exp exp2 expm1 fabs floor frexp i0 imag invert "
    "isfinite isinf isnan isneginf isposinf isreal iscomplex log log10 log1p log2 logical_not modf nan_to_num negative "
    "positive rad2deg real reciprocal rint sign signbit sin sinc sinh spacing sqrt square tan tanh trunc angle bitwise_count "
    "sum prod mean var std median max min ptp all any count_nonzero nansum nanprod nanmean nanvar nanstd nanmax nanmedian "
    "cumsum cumprod nancumsum sort argsort diff trapezoid unwrap average corrcoef flip ravel zeros_like ones_like "
    "cumulative_sum diagflat diag histogram_bin_edges"
).split()
BINARY = (
    "add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide divmod dot equal float_power floor_divide fmax fmin fmod "
    "greater inner ldexp left_shift less matmul maximum minimum mod multiply nextafter outer power right_shift subtract vdot "
    "convolve correlate polyval append searchsorted digitize cross isclose array_equal isin"
).split()


def operand(numpy, kind):
    """Three elements of a dtype, or a Python number as it is."""
    return numpy.asarray(np.arange(3)).astype(kind) if isinstance(kind, str) else kind


def word(shapes):
    found = [shapes] if hasattr(shapes, "dtype") else list(shapes)
    return ",".join([f"{s.dtype}{'*' if getattr(s, 'weak_type', False) else ''}" for s in found])


def table(package):
    """function → text, read off a package: the real one here, ours in the test."""
    whole, numpy = importlib.import_module(package), importlib.import_module(package + ".numpy")

    def of(name, *kinds):
        try:
            return word(whole.eval_shape(getattr(numpy, name), *[operand(numpy, k) for k in kinds]))
        except (TypeError, ValueError, IndexError, NotImplementedError):
            return "!"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: " ".join([of(name, k) for k in OPERANDS]) for name in UNARY}
        return found | {name: " ".join([of(name, a, b) for a in OPERANDS for b in OPERANDS]) for name in BINARY}


if __name__ == "__main__":
    place = pathlib.Path(__file__).with_name("function_dtypes.json")
    place.write_text(json.dumps(table("jax"), indent=0) + "\n")
