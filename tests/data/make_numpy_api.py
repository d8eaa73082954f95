"""Writes numpy_api.json: the names of jax.numpy and of its arrays, with the signatures of what can be called.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_numpy_api.py`. Annotations are left out; a default
that is no literal is written as its type. None stands for what has no signature: constants, dtypes, properties.
"""

import importlib
import inspect
import json
import pathlib

EXTRA = ("__array_namespace__", "__array_namespace_info__", "__array_api_version__", "__contains__", "__numpy_dtype__")


def signature(found):
    """As text, or None."""
    try:
        given = inspect.signature(found)
    except (TypeError, ValueError):
        return None
    bare = [p.replace(annotation=p.empty, default=literal(p.default)) for p in given.parameters.values()]
    return str(given.replace(parameters=bare, return_annotation=given.empty))


def literal(default):
    if default is inspect.Parameter.empty or default is None or isinstance(default, (bool, int, float, str)):
        return default
    if isinstance(default, (tuple, frozenset)) and not default:
        return default
    return type(default)


def rows(thing):
    found = {}
    for name in sorted(dir(thing)):
        if name.startswith("_") and name not in EXTRA:
            continue
        try:
            value = getattr(thing, name)
        except (AttributeError, NotImplementedError):  # names that say only what to use instead
            value = None
        if not inspect.ismodule(value):
            found[name] = signature(value) if inspect.isroutine(value) else None
    return found


def table(package):
    """The names, read off a package: the real one here, ours in the test."""
    numpy = importlib.import_module(package + ".numpy")
    array = numpy.zeros((3, 3))
    return {
        "numpy": rows(numpy),
        "array": rows(array),
        "at": rows(array.at),
        "at[index]": rows(array.at[0]),
        "ufunc": rows(numpy.add),
    }


if __name__ == "__main__":
    place = pathlib.Path(__file__).with_name("numpy_api.json")
    place.write_text(json.dumps(table("jax"), indent=0) + "\n")
