"""Whatever a public function is given, what it answers is a letter: an error that Bevel raises, in words of its own.

The examples in the docstrings say how a function is called rightly. Each argument of such a call, and each option that it
leaves out, is then replaced by what it cannot be, a string, None, a list, a function, an axis too far, and every exception
that comes of it must have been raised by a statement of Bevel's. One that Python, NumPy or jaxlib raised on their own, an
AttributeError, an IndexError from within, is no answer to the person who called.
"""

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import bevel
from bevel.core.doors import is_answer

ROOT = Path(bevel.__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("docs_reference", ROOT.parent / "docs" / "reference.py")
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)

NAMESPACES = (
    "numpy numpy.fft numpy.linalg lax lax.linalg nn nn.initializers image random tree tree_util segments flatten_util "
    "scipy.cluster.vq scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage scipy.optimize scipy.signal "
    "scipy.sparse.linalg scipy.spatial.transform scipy.special scipy.stats"
).split()


class Thing:
    """Of no use to anyone."""

    def __repr__(self):
        return "Thing()"


WRONG = {
    "text": "text",
    "None": None,
    "list": [1.5, 2.5],
    "tuple of text": ("a", "b"),
    "object": Thing(),
    "function": lambda x: x,
    "dict": {"a": 1.0},
    "float": 2.5,
    "far": 7,
    "far below": -7,
    "twice": (0, 0),
    "complex": 1j,
    "rank 3": np.ones((2, 3, 5), np.float32),
    "integers": np.arange(3),
    "empty": np.ones((0,), np.float32),
    "texts": np.array(["a", "b"]),
    "dtype": "float32",
}

# Answers in words of Python's or NumPy's, and why they may stay. Functions that programs call most have no door around
# them, which would cost a tenth of a microsecond a call: a whole array as one of their flags gets NumPy's words.
_FLAG = ("The truth value of a",)
EXCUSED = {
    **dict.fromkeys(
        ["numpy.array", "numpy.asarray", "numpy.copy", "numpy.ravel", "numpy.reshape", "numpy.take"], _FLAG
    ),
    **dict.fromkeys(["random.bernoulli", "random.gumbel", "numpy.arange"], _FLAG),
    "numpy.save": ("pickle",),  # of objects, as NumPy's own does
    "numpy.savez": ("pickle",),
}


class Recorder:
    """Stands in for a function while its example runs, and keeps what it is called with."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        return self.function(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self.function, name)


def functions(namespace):
    """(full name, module, name, function) for each public function."""
    module = importlib.import_module(f"bevel.{namespace}")
    for part in [module, *reference.parts(module)]:
        for name, thing in reference.public_names(part).items():
            if callable(thing) and not isinstance(thing, (type, types.GenericAlias)):
                yield f"{part.__name__.removeprefix('bevel.')}.{name}", part, name, thing


def right_calls(module, name, function):
    """The calls of a function in its docstring, or in its module's."""
    recorder = Recorder(function)
    text = inspect.getdoc(function) or ""
    text = text if ">>>" in text else (module.__doc__ or "")
    names: dict = {}
    before = vars(module).get(name)
    setattr(module, name, recorder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for example in doctest.DocTestParser().get_examples(text):
                with contextlib.suppress(Exception):
                    exec(compile(example.source, "<example>", "single"), names)
    finally:
        setattr(module, name, before)
    return recorder.calls


def variants(function, args, kwargs):
    """(place, kind of wrong, arguments): the call with one argument replaced."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    places = [*range(len(args)), *kwargs]
    places += [
        p.name for i, p in enumerate(parameters)
        if i >= len(args) and p.name not in kwargs and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]  # fmt: skip
    for place in places:
        for kind, value in WRONG.items():
            if isinstance(place, int):
                yield place, kind, (*args[:place], value, *args[place + 1 :]), kwargs
            else:
                yield place, kind, args, {**kwargs, place: value}


def raw_errors(function, args, kwargs):
    """(place, kind of wrong, what was raised) for each variant that ends in an error which is no letter."""
    for place, kind, wrong_args, wrong_kwargs in variants(function, args, kwargs):
        try:
            bevel.eval_shape(lambda a=wrong_args, k=wrong_kwargs: function(*a, **k))
        except Exception as error:
            if not is_answer(error):
                yield place, kind, error


SLOW = {
    "numpy",
    "lax",
    "random",
    "nn",
    "scipy.signal",
    "scipy.linalg",
    "scipy.special",
    "scipy.stats",
    "scipy.optimize",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "namespace", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in NAMESPACES]
)
def test_wrong_input_gets_a_letter(namespace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # `save` writes where it is told to
    raw = {}
    for full, module, name, function in functions(namespace):
        for args, kwargs in right_calls(module, name, function)[:1]:
            for place, kind, error in raw_errors(function, args, kwargs):
                if not any(reason in str(error) for reason in EXCUSED.get(full, ())):
                    raw.setdefault(full, []).append(f"{place}: {kind}: {type(error).__name__}: {error}")
    assert not raw


def test_a_letter_names_the_function_and_what_was_given():
    with pytest.raises(TypeError) as raised:
        bevel.nn.elu(np.ones(3, np.float32), {})
    letter = str(raised.value)
    assert letter.startswith("elu cannot use what it was given at test_wrong_input.py:")
    assert "x=f32[3], alpha={}" in letter and len(letter.splitlines()) <= 8


def test_errors_of_the_users_own_function_stay():
    def wrong(v):
        return v + {"a": 1}["b"]

    with pytest.raises(KeyError, match="b"):
        bevel.numpy.apply_along_axis(wrong, 0, np.ones((2, 3), np.float32))


TREES = {
    "a structure": [lambda t: t.treedef_tuple([1]), lambda t: t.treedef_children(3), lambda t: t.treedef_is_leaf(None),
                    lambda t: t.build_tree(1, 2), lambda t: t.tree_transpose(1, 2, 3)],
    "takes a function": [lambda t: t.tree_map(3, [1]), lambda t: t.tree_reduce(3, [1]), lambda t: t.tree_leaves([1], 3),
                         lambda t: t.tree_map_with_path("f", [1]), lambda t: t.tree_reduce_associative(3, [1, 2])],
    "a list": [lambda t: t.treedef_tuple(3), lambda t: t.keystr(3), lambda t: t.all_leaves(3),
               lambda t: t.tree_unflatten(t.tree_structure([1, 2]), 3)],
    "needs values nested": [lambda t, n=n: t.build_tree(t.tree_structure([1, 2]), n) for n in (2, [2])],
    "a class": [lambda t: t.register_pytree_node_class(3), lambda t: t.register_pytree_with_keys_class(3),
                lambda t: t.register_static(3)],
}  # fmt: skip


@pytest.mark.parametrize(("words", "call"), [(w, call) for w, calls in TREES.items() for call in calls])
def test_trees_say_what_they_take(words, call):
    with pytest.raises(bevel.errors.BevelError, match=words.replace("a structure", "structure")):
        call(bevel.tree_util)
