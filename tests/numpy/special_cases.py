"""Holds a namespace against the array API standard's special cases: `python tests/numpy/special_cases.py numpy`.

The module named (numpy by default; jax.numpy, bevel.numpy) is called once for each function and dtype, on all pairs of
telling numbers; a case of `tests/data/array_api_cases.json` counts as met where each element that it speaks of is as it says.
"""

import importlib
import json
import pathlib
import sys

import numpy as np

CASES = json.loads((pathlib.Path(__file__).parent.parent / "data" / "array_api_cases.json").read_text())
CASES.pop("left out")
REAL = [
    np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -1.5, 2.5, -7, 0.3, -0.3, 10.25, 1e3,
    1e10, -1e10, 1e-3, -1e-3, 65537.0, 3e38, -3e38, 1e-37,
]  # fmt: skip
PART = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 2, -3, 1.5, 10, 50]
_RESULTS = {"nan": np.nan, "+inf": np.inf, "-inf": -np.inf, "+0": 0.0, "-0": -0.0, "0": 0.0, "1": 1.0, "-1": -1.0}
_ANGLES = {w + n: s * k * np.pi for w, s in (("", 1), ("-", -1)) for n, k in
           (("pi", 1), ("pi/2", 1 / 2), ("pi/4", 1 / 4), ("3pi/4", 3 / 4))}  # fmt: skip


def same(found, wanted):
    """Equal with the sign of zeros, or both NaN."""
    return (np.isnan(found) & np.isnan(wanted)) | ((found == wanted) & (np.signbit(found) == np.signbit(wanted)))


def holds(v, word, operands):
    """Where an operand is as the condition says."""
    with np.errstate(all="ignore"):
        if word in _RESULTS:
            return same(v, np.array(_RESULTS[word]))
        if word[0] in "<>":
            return v < float(word[1:]) if word[0] == "<" else v > float(word[1:])
        whole = np.isfinite(v) & (v == np.trunc(v))
        return {
            "finite": lambda: np.isfinite(v),
            "nonzero finite": lambda: np.isfinite(v) & (v != 0),
            "positive finite": lambda: np.isfinite(v) & (v > 0),
            "negative finite": lambda: np.isfinite(v) & (v < 0),
            "nonzero": lambda: v != 0,
            "any": lambda: np.full(v.shape, True),
            "not nan": lambda: ~np.isnan(v),
            "not 0": lambda: v != 0,
            "not 1": lambda: v != 1,
            "integer": lambda: whole,
            "not integer": lambda: ~whole,
            "odd": lambda: whole & (np.fmod(v, 2) != 0),
            "not odd": lambda: ~(whole & (np.fmod(v, 2) != 0)),
            "sign bit 0": lambda: ~np.signbit(v),
            "sign bit 1": lambda: np.signbit(v),
            "-x": lambda: v == -operands["x"],
            "y": lambda: np.isfinite(v) & np.isfinite(operands["y"]) & (v == operands["y"]),
            "not y": lambda: v != operands["y"],
            "same sign": lambda: ~_nan(operands) & (np.signbit(operands["x"]) == np.signbit(operands["y"])),
            "other sign": lambda: ~_nan(operands) & (np.signbit(operands["x"]) != np.signbit(operands["y"])),
        }[word]()


def _nan(operands):
    return np.isnan(operands["x"]) | np.isnan(operands["y"])


def chosen(conditions, operands):
    masks = [
        np.any([chosen([c], operands) for c in words], axis=0)
        if name == "or"
        else np.any([holds(operands[name], word, operands) for word in words], axis=0)
        for name, words in conditions
    ]
    return np.all(masks, axis=0)


def agrees(found, word, operands):
    """Where a result, or a part of it, is as the standard says."""
    if word == "any":
        return np.full(found.shape, True)
    if word in ("True", "False"):
        return found == (word == "True")
    if word in ("-nan", "+nan"):
        return np.isnan(found) & (np.signbit(found) == (word == "-nan"))
    if word.startswith(("positive", "negative")):
        return (np.signbit(found) == word.startswith("negative")) & ~np.isnan(found) | (
            np.isnan(found) if word.endswith("or nan") else False
        )
    if word.startswith("±"):
        return agrees(np.abs(found), word[1:].replace("0", "+0").replace("inf", "+inf"), operands)
    if word in _RESULTS:
        return same(found, np.array(_RESULTS[word])) if word != "0" else found == 0
    if word in _ANGLES:
        return np.abs(found - _ANGLES[word]) < 1e-5
    if " b" in word:
        times, turn = word.split(" ", 1)
        wanted = _RESULTS[times] * (np.cos if turn.startswith("cos") else np.sin)(operands["b"])
        return same(found, wanted - turn.endswith("-1"))
    size = np.abs(operands[word[1:-1]]) if word[0] == "|" else operands.get(word)
    wanted = -np.abs(operands[word[2:-1]]) if word.startswith("-|") else size
    return same(found, wanted.astype(found.dtype))


def grid(kind, dtype, count):
    """Each pair (for one operand, each number) that the cases speak of, and the parts that conditions name."""
    if kind == "real":
        values = np.array(REAL, dtype)
    else:
        real, imag = [p.ravel() for p in np.meshgrid(np.array(PART, dtype(0).real.dtype), PART)]
        values = np.empty(real.shape, dtype)
        values.real, values.imag = real, imag
        if count == 2:
            values = values[::5]
    if count == 1:
        arrays = [values]
    else:
        arrays = [p.ravel() for p in np.meshgrid(values, values)]
    operands = dict(zip("xy", arrays, strict=False))
    operands["|x|"] = np.abs(arrays[0])
    if kind == "complex":
        parts = [p for z in arrays for p in (z.real, z.imag)]
        operands.update(zip("abcd", parts, strict=False))
    return arrays, operands


def is_binary(name):
    used = {n for case in CASES[name]["real"] for n, _ in case[0]}
    return bool(used & {"y", "or"}) and "y" in str(CASES[name]["real"])


def unmet(module, function, kind, dtype):
    """(number of cases, those that are not met, each with the first operands that show it) for one function."""
    arrays, operands = grid(kind, dtype, 1 + is_binary(function))
    asked = CASES[function][kind]
    if function == "clip":
        arrays = [*arrays, np.array(-2, dtype), np.array(2, dtype)]
    with np.errstate(all="ignore"):
        found = np.asarray(getattr(module, function)(*[module.asarray(x) for x in arrays]))
        failed = []
        for conditions, words in asked:
            where = chosen(conditions, operands)
            if kind == "complex" and len(words) == 2 and np.iscomplexobj(found):
                good = agrees(found.real, words[0], operands) & agrees(found.imag, words[1], operands)
            else:
                good = np.any([agrees(found, w, operands) for w in words], axis=0)
            bad = np.flatnonzero(where & ~good)
            if len(bad):
                i = bad[0]
                failed.append(f"{conditions} → {words}: {[x[i] for x in arrays[:2] if x.ndim]} gives {found[i]}")
    return len(asked), failed


def report(module):
    total, every = 0, []
    for function in sorted(CASES):
        for kind, dtypes in (("real", (np.float32, np.float64)), ("complex", (np.complex64, np.complex128))):
            if not CASES[function][kind]:
                continue
            for dtype in dtypes:
                try:
                    count, failed = unmet(module, function, kind, dtype)
                except Exception as error:
                    count, failed = len(CASES[function][kind]), [repr(error)[:80]] * len(CASES[function][kind])
                total += count
                every += [f"{function} {dtype.__name__}: {line}" for line in failed]
    return total, every


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else "numpy"
    if name != "numpy":
        root = importlib.import_module(name.split(".")[0])
        root.config.update("jax_enable_x64", True)
    total, failed = report(importlib.import_module(name))
    print("\n".join(failed))
    print(f"{name}: {total - len(failed)} of {total} cases met")
