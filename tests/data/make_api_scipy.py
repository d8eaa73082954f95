"""Records names and parameters of jax's libraries: python tests/data/make_api_scipy.py > tests/data/api_scipy.json

A function is a list of its parameters as (name, kind, default), a kind being the first letter of Python's word for it
and a default its repr where that is a plain value; anything else is the word for what it is.
"""

import importlib
import inspect
import json
import types
import warnings

warnings.simplefilter("ignore")

NAMESPACES = [
    "dlpack", "dtypes", "example_libraries.optimizers", "example_libraries.stax", "flatten_util", "image", "nn",
    "nn.initializers", "ops", "profiler", "random", "scipy.cluster.vq", "scipy.interpolate", "scipy.ndimage",
    "scipy.signal", "scipy.spatial.transform", "scipy.special", "scipy.stats", "test_util", "tree", "tree_util", "typing",
]  # fmt: skip
PLAIN = (int, float, bool, str, type(None), tuple)


def parameters(function):
    found = []
    for p in inspect.signature(function).parameters.values():
        kind = {"POSITIONAL_ONLY": "o", "POSITIONAL_OR_KEYWORD": "p", "VAR_POSITIONAL": "*", "KEYWORD_ONLY": "k"}.get(
            p.kind.name, "**"
        )
        default = "" if p.default is p.empty else repr(p.default) if isinstance(p.default, PLAIN) else "…"
        found.append([p.name, kind, default])
    return found


def described(value):
    if isinstance(value, types.ModuleType):
        return "module"
    if inspect.isclass(value):
        return "class"
    if callable(value):
        try:
            return parameters(value)
        except (TypeError, ValueError):
            return "callable"
    return "value"


# What the example libraries import is in view too, without being theirs.
IMPORTED = {
    "Any", "Callable", "NamedTuple", "functools", "jax", "jnp", "namedtuple", "partial", "safe_map", "safe_zip", "unzip2",
    "elu", "gelu", "glorot_normal", "lax", "leaky_relu", "log_softmax", "math", "normal", "ones", "random", "relu", "selu",
    "sigmoid", "softmax", "softplus", "standardize", "zeros",
}  # fmt: skip


def is_own(name, n):
    return not n.startswith("_") and n != "annotations" and not (name.startswith("example_libraries") and n in IMPORTED)


def main():
    names = list(NAMESPACES)
    stats = importlib.import_module("jax.scipy.stats")
    names += [f"scipy.stats.{n}" for n, v in vars(stats).items() if isinstance(v, types.ModuleType)]
    table = {}
    for name in sorted(names):
        module = importlib.import_module(f"jax.{name}")
        public = [n for n in getattr(module, "__all__", None) or dir(module) if is_own(name, n)]
        public += ["lpmn", "lpmn_values"] if name == "scipy.special" else []  # deprecated: found by name alone
        table[name] = {n: described(getattr(module, n)) for n in sorted(public)}
    print(
        json.dumps(table, separators=(",", ":"), ensure_ascii=False).replace('"},"', '"},\n"').replace("]},", "]},\n")
    )


if __name__ == "__main__":
    main()
