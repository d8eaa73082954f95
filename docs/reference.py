"""The reference pages, made from the docstrings: one page a public namespace, in families where it has many names.

The docstrings are plain text, not a markup language: prose, columns (argument, meaning), examples. `as_written` gives
reStructuredText that shows them so.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import pkgutil
import re
import sys
import types
from pathlib import Path

import bevel

# The floors of the house: their names are not promises (see architecture.md).
FLOORS = {"api", "base", "compat", "control", "core", "engine", "ops", "tools", "transforms"}

GROUPS = {
    "Arrays and functions of them": (
        "bevel", "bevel.numpy", "bevel.numpy.linalg", "bevel.numpy.fft", "bevel.random", "bevel.nn",
        "bevel.nn.initializers", "bevel.image", "bevel.segments", "bevel.sharding", "bevel.dtypes",
        "bevel.typing",
    ),
    "SciPy's": (
        "bevel.scipy", "bevel.scipy.cluster.vq", "bevel.scipy.fft", "bevel.scipy.integrate", "bevel.scipy.interpolate",
        "bevel.scipy.linalg", "bevel.scipy.ndimage", "bevel.scipy.optimize", "bevel.scipy.signal",
        "bevel.scipy.sparse.linalg", "bevel.scipy.spatial.transform", "bevel.scipy.special", "bevel.scipy.stats",
    ),
    "Primitives, trees, rules": (
        "bevel.lax", "bevel.lax.linalg", "bevel.tree", "bevel.tree_util", "bevel.flatten_util",
        "bevel.custom_derivatives", "bevel.custom_batching", "bevel.ad_checkpoint", "bevel.experimental",
        "bevel.experimental.checkify",
        "bevel.experimental.jet", "bevel.experimental.layout", "bevel.memory",
    ),
    "Looking in, and testing": (
        "bevel.errors", "bevel.debug", "bevel.jaxprs", "bevel.stages", "bevel.profiler", "bevel.testing",
        "bevel.test_util",
    ),
    "To other programs": (
        "bevel.export", "bevel.experimental.serialize_executable", "bevel.ffi", "bevel.dlpack",
    ),
}  # fmt: skip

# What a namespace without `__all__` shows beside its public names.
_INNER = {"bevel.lax": {"MissingNameError", "absent", "handle_called"}}
# What values mean, and types of jaxlib's: neither can carry a docstring of ours.
VALUES = {
    "ArrayLike": "What may be given where an array is wanted: arrays, NumPy's arrays and scalars, Python numbers.",
    "ConvGeneralDilatedDimensionNumbers": "What `conv_general_dilated` takes as `dimension_numbers`.",
    "DTypeLike": "What names a dtype: a dtype, a scalar type of NumPy's or Bevel's, a string.",
    "DictKey": "A step of a path through a tree: into a dict, by `key`.",
    "DotDimensionNumbers": "What `dot_general` takes: ((lhs contracting, rhs contracting), (lhs batch, rhs batch)).",
    "ErrorCategory": "What `errors` of `checkify` is a set of.",
    "FlattenedIndexKey": "A step of a path through a tree: into a node of a registered type without keys, by position.",
    "GetAttrKey": "A step of a path through a tree: to an attribute, by `name`.",
    "JaxRuntimeError": "What the runtime below Bevel raises when a program fails while it runs, as under JAX.",
    "Sharding": "How an array lies on devices: what `x.sharding` is an instance of.",
    "SingleDeviceSharding": "The sharding of an array that lies whole on one device.",
    "UNCONSTRAINED": "In a PartitionSpec: the compiler chooses how that axis is cut.",
    "KeyEntry": "A step of a path through a tree.",
    "KeyPath": "A path through a tree: a tuple of steps.",
    "PrecisionLike": "What products of matrices take as `precision`: a `Precision` or its name, a pair of them, None.",
    "PyTreeDef": "The structure of a tree: `tree_flatten` gives it beside the leaves.",
    "Recompute": "A policy's answer: compute the value again.",
    "Saveable": "A policy's answer: keep the value.",
    "SequenceKey": "A step of a path through a tree: into a list or tuple, by `idx`.",
    "TOLERANCE": "How far from the reference results may be, by dtype, where a test does not say.",
    "all_checks": "Every check that `checkify` knows: `automatic_checks` and `user_checks`.",
    "automatic_checks": "The checks that `checkify` adds by itself: `float_checks` and `index_checks`.",
    "checkpoint_policies": "Policies for `checkpoint`: which intermediate values are kept for the derivative.",
    "default_registry": "The registry of node types that `tree_flatten` and its kin use.",
    "div_checks": "A check of each division, for a divisor of zero.",
    "e": "Euler's number, the base of the natural logarithm.",
    "euler_gamma": "Euler's constant, the limit of 1 + 1/2 + … + 1/n - log(n).",
    "float0": "The dtype of derivatives in integers: it holds nothing.",
    "float_checks": "`nan_checks` and `div_checks`.",
    "index_checks": "A check of each index computed while the program runs, for being out of bounds.",
    "index_exp": "An index written down by subscripts: `index_exp[1:, 0]` is a tuple of its parts.",
    "inf": "Infinity.",
    "init_error": "The error in which nothing is wrong.",
    "maximum_supported_calling_convention_version": "The newest calling convention that `export` writes and reads.",
    "minimum_supported_calling_convention_version": "The oldest calling convention that `export` writes and reads.",
    "nan": "Not a number.",
    "nan_checks": "A check of what each primitive gives, for NaN.",
    "newaxis": "In an index: a new axis of size one. It is None.",
    "pi": "The circumference of a circle over its diameter.",
    "s_": "An index written down by subscripts: `s_[1:, 0]`; of one part, that part alone.",
    "user_checks": "The checks that a program states by `check`; what `checkify` gathers unless told otherwise.",
    "zero_series": "A series all of whose terms are zero.",
    "zero_term": "A term of a series that is zero.",
}
# Attributes of arrays; those that are functions of bevel.numpy, or have docstrings, are found by themselves.
ATTRIBUTES = {
    "T": "All axes in reverse order.",
    "aval": "Shape, dtype and weak type as one value.",
    "block_until_ready": "Waits until the array is computed; gives the array.",
    "committed": "Whether it was put on its device, so that operations on it run there.",
    "copy_to_host_async": "Starts copying to the host, so that reading it later need not wait.",
    "delete": "Frees its memory now; using the array afterwards is an error.",
    "device": "The device that it is on, or its sharding over several.",
    "devices": "The set of devices that it is on.",
    "dtype": "NumPy's dtype of its elements.",
    "flat": "The elements in the order of rows, to loop over.",
    "imag": "The imaginary part.",
    "is_deleted": "Whether its memory has been freed or given away.",
    "is_ready": "Whether it is computed.",
    "item": "The one element, or that at an index, as a Python number.",
    "itemsize": "The size of an element in bytes.",
    "mT": "The last two axes exchanged.",
    "nbytes": "The size of all elements in bytes.",
    "ndim": "The number of axes.",
    "real": "The real part.",
    "shape": "The size of each axis.",
    "sharding": "How it is laid over devices.",
    "size": "The number of elements.",
    "tobytes": "The elements as bytes.",
    "tolist": "The elements as lists of Python numbers.",
    "weak_type": "Whether its dtype gives way to that of other operands, as a Python number's does.",
}
_MANY = 40  # names from which on a page is divided into families


def namespaces() -> dict[str, list[str]]:
    """The public namespaces under the headings of the index. A new module has its page by itself, under `Others`."""
    groups = {title: list(names) for title, names in GROUPS.items()}
    listed = {name for names in groups.values() for name in names}
    children = [f"bevel.{module.name}" for module in pkgutil.iter_modules(bevel.__path__)]
    children += [f"bevel.experimental.{module.name}" for module in pkgutil.iter_modules(bevel.experimental.__path__)]
    public = [name for name in children if name.split(".")[1] not in FLOORS and "._" not in name]
    others = [name for name in public if name not in listed]
    return groups | ({"Others": others} if others else {})


def public_names(module) -> dict[str, object]:
    """The names of a namespace, with what they stand for; without its inner modules."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    found = {}
    for name in names:
        thing = getattr(module, name, None)
        is_public = not name.startswith("__") and name not in _INNER.get(module.__name__, ())
        if is_public and not isinstance(thing, (types.ModuleType, type(None))) and not _is_future(thing):
            found[name] = thing
    if module.__name__ == "bevel.numpy":
        found["newaxis"] = None
    return found


def parts(module) -> list[types.ModuleType]:
    """The modules among a namespace's names without a page of their own: the distributions of `bevel.scipy.stats`."""
    found = [] if module is bevel else [getattr(module, name) for name in getattr(module, "__all__", ())]
    listed = {name for names in GROUPS.values() for name in names}
    return [part for part in found if isinstance(part, types.ModuleType) and part.__name__ not in listed]


def description(thing, full_name: str = "") -> str:
    """What a thing says of itself, or what VALUES says of it; empty where there is neither."""
    if full_name.rpartition(".")[2] in VALUES:
        return VALUES[full_name.rpartition(".")[2]]
    home = getattr(thing, "__module__", None) or ""
    if home.partition(".")[0] in ("numpy", "builtins") and isinstance(thing, (type, types.FunctionType)):
        return f"`{home}.{thing.__name__}` itself."
    text = getattr(thing, "__doc__", None) or ""
    is_instances = not isinstance(thing, type) and not callable(thing) and text == type(thing).__doc__
    is_instances &= type(thing).__module__.partition(".")[0] != "bevel"  # a class of its own, for this one value
    return "" if is_instances else inspect.cleandoc(text)


def _is_future(thing) -> bool:
    return type(thing).__module__ == "__future__"


# ---- Pages


def write_pages(folder: Path) -> None:
    """Writes a page a namespace into a folder, and the index; takes away what is there of names that are gone."""
    folder.mkdir(exist_ok=True)
    groups = namespaces()
    written = {folder / "index.rst"}
    index = [*_title("Reference", "="), "Every public name, from its docstring.", ""]
    for title, names in groups.items():
        modules = {name: importlib.import_module(name) for name in names}
        index += [".. toctree::", "   :hidden:", "", *[f"   {name}" for name in names], "", *_title(title, "-")]
        index += _table({f":doc:`{name}`": description(module) for name, module in modules.items()})
        for name, module in modules.items():
            written.add(folder / f"{name}.rst")
            _write(folder / f"{name}.rst", page(module))
    _write(folder / "index.rst", "\n".join(index))
    for stale in {*folder.glob("*.md"), *folder.glob("*.rst")} - written:
        stale.unlink()


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:  # untouched pages are not read again
        path.write_text(text)


def page(module) -> str:
    """The page of a namespace: what it is, its names with what they mean, then each name in full."""
    name = module.__name__
    lines = [*_title(name, "="), f".. py:module:: {name}", "", *as_written(description(module), ()), ""]
    things = public_names(module)
    sections = _families(module, things)
    inner = {part.__name__.rpartition(".")[2]: public_names(part) for part in parts(module)}
    for title, members in sections.items():
        lines += _title(title, "-") if title else []
        if len(members) > 3:
            named = [(f":py:obj:`{key} <{name}.{key}>`", f"{name}.{key}", thing) for key, thing in members.items()]
            lines += _table({shown: description(thing, full) for shown, full, thing in named})
        for member, thing in members.items():
            lines += _entry(name, member, thing, things)
    for part, members in inner.items():
        lines += [*_title(part, "-"), *as_written(description(getattr(module, part)), ())]
        for member, thing in members.items():
            lines += _entry(name, f"{part}.{member}", thing, members)
    if module.__name__ == "bevel.errors":
        lines += [*_title("Of single modules", "-"), "Each is an error of the classes above, for one thing.", ""]
        for full, cls in _every_error(module.BevelError).items():
            lines += _entry(full.rpartition(".")[0], cls.__name__, cls, ())
    return "\n".join(lines)


def _title(text: str, underline: str) -> list[str]:
    return [text, underline * len(text), ""]


def _families(module, things) -> dict[str, dict]:
    """The names by the file that defines them: one family without a title, where there are not many."""
    if len(things) < _MANY:
        return {"": things}
    prefix = module.__name__ + "."
    files = {} if module is bevel else {key: sys.modules[key] for key in sorted(sys.modules) if key.startswith(prefix)}
    home = {name: key for key, value in files.items() for name in getattr(value, "__all__", ())}
    families: dict[str, dict] = {}
    for name, thing in sorted(things.items(), key=lambda item: item[0].lower()):
        where = home.get(name) or str(getattr(thing, "__module__", None) or "")
        families.setdefault(where.rpartition(".")[2], {})[name] = thing
    # A family of one or two is none; nor are names that come from elsewhere.
    loose = [
        key for key in families if len(families[key]) < 3 or key in ("", "builtins", "numpy", "types", "functools")
    ]
    others = {name: thing for key in loose for name, thing in families.pop(key).items()}
    titled = {key.replace("_", " ").capitalize(): families[key] for key in sorted(families)}
    if not others:
        return titled
    return titled | {"Others": dict(sorted(others.items(), key=lambda item: item[0].lower()))}


def _table(things: dict[str, str]) -> list[str]:
    """A table of names, each with the first sentence of its docstring."""
    lines = [".. list-table::", "   :class: names", "   :widths: auto", ""]
    for shown, text in things.items():
        lines += [f"   * - {shown}", f"     - {_first_sentence(text)}"]
    return [*lines, ""]


def _first_sentence(text: str) -> str:
    first = text.partition("\n\n")[0].partition("\n>>>")[0]
    first = first if first and not _is_columns(first.split("\n")) else ""
    return prose(re.split(r"(?<=\.) (?=[A-Z`])", " ".join(first.split()))[0]) or "\\ "


def _entry(namespace, name, thing, siblings) -> list[str]:
    """One name: its signature and its docstring; of a class also the methods that it describes."""
    full = f"{namespace}.{name}"
    text = description(thing, full)
    if isinstance(thing, type):
        kind, head = "class", name + ("" if issubclass(thing, (BaseException, enum.Enum)) else signature(thing))
    elif callable(thing) and not isinstance(thing, types.GenericAlias):
        kind, head = "function", name + signature(thing)
    else:
        kind, head = "data", name
    if isinstance(thing, type) and issubclass(thing, BaseException):
        kind = "exception"
    if isinstance(thing, type) and issubclass(thing, enum.Enum):
        text += "\n\nOne of " + ", ".join(f"`{member}`" for member in thing.__members__) + "."
    lines = [f".. py:{kind}:: {head}", f"   :module: {namespace}"]
    value = repr(thing)
    if kind == "data" and len(value) < 60 and " at 0x" not in value:
        lines.append(f"   :value: {value}")
    home, _, short = full.rpartition(".")
    own = getattr(thing, "__name__", short)
    if thing is bevel.Array and namespace != "bevel":
        body = ["The type of arrays, :py:obj:`bevel.Array`."]
    elif own != short and own in siblings and siblings[own] is thing:
        body = [f"The same as :py:obj:`{own} <{home}.{own}>`."]
    else:
        links = {other: f"{home}.{other}" for other in siblings if other != short}
        body = as_written(text, links) + (_methods(thing) if kind == "class" else [])
    if full == "bevel.Array":
        body += _attributes_of_arrays()
    return [*lines, "", *(f"   {line}" if line else "" for line in body), ""]


def _attributes_of_arrays() -> list[str]:
    """A table of what arrays have, with what each is."""
    cls = type(bevel.numpy.zeros(()))
    rows = {}
    for name in dir(cls):
        member = getattr(cls, name)
        twin = getattr(bevel.numpy, name, None)
        if name in ATTRIBUTES:
            rows[f"``{name}``"] = ATTRIBUTES[name]
        elif twin is not None and not name.startswith("_") and callable(twin):
            rows[f":py:obj:`{name} <bevel.numpy.{name}>`"] = description(twin)
        elif not name.startswith("_") and isinstance(member, (types.FunctionType, property)):
            rows[f"``{name}``"] = description(member.fget if isinstance(member, property) else member)
    return _table({shown: text for shown, text in rows.items() if text})


def _every_error(root) -> dict[str, type]:
    """The error classes of single modules, beside those of `bevel.errors`."""
    for module in pkgutil.walk_packages(bevel.__path__, "bevel."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    pages = {name for names in namespaces().values() for name in names}
    found, waiting = {}, [root]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            waiting.append(cls)
            home, name = cls.__module__, cls.__name__
            is_elsewhere = home in pages and name in public_names(sys.modules[home])
            if home.startswith("bevel.") and not hasattr(bevel.errors, name) and not is_elsewhere:
                found[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return dict(sorted(found.items(), key=lambda item: item[0].rpartition(".")[2]))


def _methods(cls) -> list[str]:
    lines = []
    for name, member in vars(cls).items():
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        text = inspect.cleandoc(getattr(function, "__doc__", None) or "")
        if name.startswith("_") or not text or not isinstance(function, (types.FunctionType, property)):
            continue
        is_property = isinstance(function, property)
        head = f".. py:property:: {name}" if is_property else f".. py:method:: {name}{signature(function, bound=True)}"
        lines += [head, "", *(f"   {line}" if line else "" for line in as_written(text, ())), ""]
    return lines


def signature(function, bound=False) -> str:
    """The parameters with their defaults as one would write them; "(...)" where Python cannot tell."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return "(*args)"
    if bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    plain = []
    for parameter in parameters:
        default = parameter.default
        if default is not parameter.empty:
            default = _Written(default)
        plain.append(parameter.replace(annotation=parameter.empty, default=default))
    said = str(inspect.Signature(plain)).replace("\n", " ")
    return "" if said == "(*args, **kwargs)" else said


class _Written:
    """A default whose repr is what one would write for it."""

    def __init__(self, value):
        text = getattr(value, "__name__", None) or repr(value)
        try:
            ast.parse(text, mode="eval")
        except SyntaxError:
            text = str(value) if re.fullmatch(r"[\w.]+", str(value)) else "..."
        self.text = text

    def __repr__(self):
        return self.text


# ---- Docstrings

_COLUMN = re.compile(r"([^\s`](?:(?!  )[^`]){0,40}?(?<![.;])|`[^`]+`) {2,}(\S.*)")
_SPOKEN = {"gives", "raises", "source", "warns", "Gives", "Raises", "Fails:", "Mended:"}


def as_written(text: str, links) -> list[str]:
    """A docstring as reStructuredText.

    links   code in backticks that is shown as a link: the words, and the full name
    """
    lines: list[str] = []
    for paragraph in _paragraphs(text):
        rows = paragraph.split("\n")
        if not _is_columns(rows) and _has_gaps(paragraph):
            start = next((i for i in range(1, len(rows)) if _is_columns(rows[i:])), 0)  # columns right below prose
            if start and not _has_gaps("\n".join(rows[:start])):
                lines += [prose("\n".join(rows[:start]), links), ""]
                rows = rows[start:]
        if rows[0].lstrip().startswith(">>>"):
            lines += _code("pycon", inspect.cleandoc(paragraph).split("\n"))
        elif _is_columns(rows):
            lines += _columns(rows, links)
        elif rows[0].startswith((" ", "+-")) or _has_gaps(paragraph):
            lines += _code("python" if _is_python(paragraph) else "text", rows)
        elif rows[0].startswith("- "):
            lines += [("- " + prose(row[2:], links)) if row.startswith("- ") else prose(row, links) for row in rows]
        else:
            words, examples = _parted(rows)
            lines += [prose("\n".join(words), links), *(["", *_code("pycon", examples)] if examples else [])]
        lines.append("")
    return lines


def _paragraphs(text: str) -> list[str]:
    """What empty lines part; indented ones that follow each other are one."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*?\n", text.strip("\n")) if text else ():
        if found and found[-1].startswith("  ") and paragraph.startswith("  "):
            found[-1] += "\n\n" + paragraph
        else:
            found.append(paragraph)
    return found


def _has_gaps(paragraph: str) -> bool:
    return re.search(r"\S {2,}\S", re.sub("`[^`]*`", "code", paragraph)) is not None


def _parted(rows):
    """Prose, and an example that follows it without an empty line between."""
    start = next((i for i, row in enumerate(rows) if row.startswith(">>>")), len(rows))
    return rows[:start], rows[start:]


def _code(language: str, rows) -> list[str]:
    return [f".. code-block:: {language}", "", *(f"   {row}" for row in rows)]


def _is_python(paragraph: str) -> bool:
    try:
        ast.parse(inspect.cleandoc("\n" + paragraph))
    except SyntaxError:
        return False
    return True


def _is_columns(rows) -> bool:
    """Whether rows are `name   meaning`, where a meaning may go on in an indented row."""
    starts = [row for row in rows if not row.startswith(" ")]
    if not starts or rows[0].startswith(" "):
        return False
    is_spoken = rows[0].partition(" ")[0] in ("gives", "raises")
    has_columns = is_spoken or _COLUMN.fullmatch(rows[0]) or _COLUMN.fullmatch(starts[-1])
    return bool(has_columns) and all(_cells(row) for row in starts)


def _cells(row):
    """The name and the meaning of a row; a name as long as its column has a single space behind it."""
    match = _COLUMN.fullmatch(row)
    if match:
        return match.groups()
    name, _, meaning = row.partition(" ")
    if name in _SPOKEN:
        return name, meaning
    match = re.fullmatch(r"((?:\w+, )*[a-z0-9]+_\w+|(?:\w+, )+\w+) (\S.*)", row)
    return match.groups() if match else None


def _columns(rows, links) -> list[str]:
    entries: list[list[str]] = []
    for row in rows:
        if row.startswith(" "):
            entries[-1][1] += "\n" + row.strip()
        else:
            entries.append(list(_cells(row)))
    lines = [".. container:: columns", ""]
    for name, meaning in entries:
        head = f"*{name.rstrip(':').lower()}*" if name in _SPOKEN else _literal(name)
        typed = re.fullmatch(r"([^\n]*?\S) {2,}(\S.*)", meaning, re.DOTALL)
        words = f"{_literal(typed.group(1))} {prose(typed.group(2), links)}" if typed else prose(meaning, links)
        lines.append(f"   :{head}: {words}")
    return lines


def _literal(words: str) -> str:
    return f"``{words.strip('`').strip()}``"


def prose(words: str, links=()) -> str:
    """Words with `code` among them, in one line; what reStructuredText would read as markup is escaped."""
    shown = ""
    for part in re.split(r"(``?[^`]+``?)", words):
        code = " ".join(part.strip("`").split())
        if part.startswith("`") and part.endswith("`") and code:
            target = links[code] if code in links else None
            shown += f"\\ :py:obj:`{code} <{target}>`\\ " if target else f"\\ ``{code}``\\ "
        else:
            shown += re.sub(r"([\\*_|`:<>])", r"\\\1", " ".join(re.split(r"\s*\n\s*", part)))
    shown = shown.removeprefix("\\ ").removesuffix("\\ ")
    return "\\ " + shown if re.match(r"\(?\w+[.)] |[-+•] ", shown) else shown
