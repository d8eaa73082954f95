"""What a primitive is: a value whose fields are its parameters, with every rule that is true of it as a method.

`@primitive` turns annotated fields into a constructor, equality, a kept hash and a printed form, and registers the
class. Applying an op, `Transpose((1, 0))(x)`, hands it to the current trace. The rules, each owed unless it makes no
sense:

    infer(*avals)               the aval of the result, or a list; raises a short letter where the operands do not fit
    jvp(primals, tangents)      (result, its tangent); tangents may be `Zero`
    transpose(ct, *operands)    a cotangent for each linear operand, None for the others; linear ones come as
                                `LinearOperand(aval)`
    batch(operands, axes)       (result, where its mapped axis is); an operand that is not mapped has axis None
    lower(out, *values)         writes StableHLO through the emitter `out`
    reference(*arrays)          the same in plain NumPy or SciPy, for the laws
    samples(array), refusals(array)   arguments worth trying, and what is refused in which words
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from bevel.base.avals import OneForEach
from bevel.base.errors import BevelError, MissingRuleError
from bevel.core.source import located
from bevel.core.tangents import zero_of
from bevel.core.trace import state

registered: dict[str, type] = {}
Class = TypeVar("Class", bound=type)
_KEPT = 8192
_UNSAID = ("accuracy", "out_dtype", "_split_transpose")  # not printed while they are None


class Primitive:
    """The root of all ops. Subclasses are either families (abstract) or final ones made by `@primitive`."""

    name: str
    scope_name: str  # what its operations, and the equations of its programs, are called in profiles: the name
    fields: ClassVar[tuple[str, ...]] = ()
    multiple_results = False
    effects: frozenset = frozenset()
    axis_names: Any = ()  # a collection: mapped axes that the op speaks to: collectives
    lies_on_mesh = False  # does it say how values lie over devices? It then has `batch_over(mesh axes, operands, axes)`
    kind = ""  # what the compiler-option policy counts it as: "loops", "reductions", "convolutions", "dots"…
    cost: float = 1  # how many additions an element of its operands or results costs on a CPU, about
    holds_programs = False  # are there jaxprs among its parameters?
    # (marks) → the op of the results that no marked operand reaches, the numbers of its operands and of those results
    known_part: ClassVar[Any] = None
    is_formula = False
    keeps_apart = False  # is it lowered, for CPUs, as a function that XLA may not inline, and that cores may share?
    splats = False  # literals among its operands are written at the result's shape (elementwise ops)
    is_plain = False  # lowers to the one operation `hlo`, elementwise, without attributes
    results: dict[tuple, Any]  # the avals of results for those of operands, kept by each op
    uses_keys_up = False  # may its first operand, of random keys, be used by nothing else?
    makes_keys = False  # are the keys that it gives other ones than those it was given?
    knows_keys = False  # its lowering takes key arrays as they are
    backward_only = False  # is it known by its transpose alone, so that no program that uses its results can run?
    asks_for_trace = False  # does applying it do more than hand it to the current trace?
    handle: ClassVar[Any]  # the primitive as an object of its own; core.handles puts it here

    if TYPE_CHECKING:
        # `primitive` writes the constructor, which takes the parameters.
        def __init__(self, *parameters: Any, **by_name: Any) -> None: ...

    def __call__(self, *operands):
        return state.trace.process(self, operands)

    bind = __call__

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by JAX's names. A field `fun_name` is JAX's `name`, which here is the primitive's own."""
        return {("name" if field == "fun_name" else field): getattr(self, field) for field in self.fields}

    def replace(self, **changes):
        """The op that differs from this one in the parameters named."""
        return type(self)(**{name: getattr(self, name) for name in self.fields} | changes)

    def abstract(self, avals):
        """The result's aval (or a list of them) for operands of these avals; kept for each op."""
        try:
            result = self.results[avals] = self.infer(*avals)
        except BevelError as error:
            located(error)
            raise
        return result

    def printed(self) -> list[tuple[str, Any]]:
        """The parameters that a printed jaxpr shows, in its order: by name, without those left at None."""
        shown = [(k, v) for k, v in sorted(self.params.items()) if v is not None or k not in _UNSAID]
        return sorted(shown, key=lambda row: row[0] != "name")

    def work(self, operands, results) -> float:
        """How many additions it costs on a CPU, about, on operands and results of these avals; inf: nobody knows.

        Small programs run in the thread that calls them (engine.options): too much is a safer answer than too little.
        """
        return self.cost * max(sum([x.size for x in operands]), sum([y.size for y in results]))

    def turns(self, operands) -> float:
        """How often the programs among its parameters run, for operands of these avals; inf: nobody knows."""
        return 1

    def writes_loops(self, operands) -> bool:
        """Is it lowered on CPUs to loops, though its kind is another?"""
        return False

    @property
    def identity(self):
        """What tells such an op from others besides its parameters and programs: nothing, for most."""
        return None

    # None, or a list: the kind of memory that each result is put into, None where in none.
    memories: Any = None

    is_bilinear = False  # of two operands, and linear in each of them?

    # None, or a method (primals, series, order) -> (results, their series): the derivatives along a path, of order one
    # to n (transforms.jet), where they do not follow from the jvp rule, or follow at too high a price.
    jet = None

    # None, or a method (*operands) -> ("division" or "index", what its message needs, where it is wrong: bool of any
    # shape, the values of that shape or None): what can be wrong with an application of the op to these operands.
    mistakes = None

    # None, or a method (ledger, state, *operands) -> (state, results): how an op that holds programs hands on the
    # state in which a program gathers its errors (transforms.checks).
    checked = None

    # None, or a method (equation, which of its results are used) -> an equation that gives those alone, or the same
    # one: how an op does less where not all is wanted (transforms.simplify).
    narrowed = None

    # None, or a method (which operands are marked) -> which results depend on those: where it is not all of them.
    reached = None

    # None, or a method (ledger, *keys) -> keys of its results: how an op that holds several programs, or runs one more
    # than once, uses random keys up (transforms.key_use).
    use_keys = None

    # None, or a method () -> the op without any check, where taking them out of its programs is not enough.
    unchecked = None

    def __reduce__(self):
        return type(self), tuple(getattr(self, name) for name in self.fields)

    def __repr__(self):
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({inside})"

    is_differentiable = True  # False: no tangent comes out, whatever goes in (comparisons, integers)

    # The rules below are answered by a letter where a class leaves them out.

    def infer(self, *avals):
        raise missing(self, "infer", "(self, *avals)")

    def jvp(self, primals, tangents):
        if self.is_differentiable:
            raise missing(self, "jvp", "(self, primals, tangents)")
        results = self(*primals)
        return results, [zero_of(y) for y in results] if self.multiple_results else zero_of(results)

    def transpose(self, ct, *operands):
        raise missing(self, "transpose", "(self, ct, *operands)")

    def batch(self, operands, axes):
        raise missing(self, "batch", "(self, operands, axes)")

    def lower(self, out, *values):
        raise missing(self, "lower", "(self, out, *values)")

    def _no_reference(self, *arrays):
        raise missing(self, "reference", "(self, *arrays)")

    reference: ClassVar[Any] = _no_reference  # a method, or a function of NumPy's as it is

    # None, or a method (tangent_trace, primals, tangents) -> (results, tangents): how to linearise an op that holds a
    # program, where running its jvp rule on the tape would put nonlinear work there.
    linearize = None


def missing(op, rule: str, signature: str) -> MissingRuleError:
    """The letter for a rule that nobody has written."""
    cls = type(op)
    try:
        place = f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        place = cls.__module__
    return MissingRuleError(
        f"The primitive {op.name} has no {rule} rule, which this transformation needs.\n"
        f"It belongs in class {cls.__name__}, {place}, as a method {rule}{signature}."
    )


def primitive(cls: Class) -> Class:
    """Makes a final op of a class: its annotated fields become parameters, and it joins the registry that laws walk."""
    made: Any = cls
    fields: dict[str, Any] = {}
    for base in reversed(made.__mro__):
        # not inspect.get_annotations: ten times as long, for every class at start-up
        for field, kind in base.__dict__.get("__annotations__", {}).items():  # noqa: RUF063
            if base is not Primitive and not str(kind).startswith("ClassVar"):
                fields[field] = getattr(cls, field, inspect.Parameter.empty)
    made.fields = tuple(fields)
    type.__setattr__(cls, "__match_args__", made.fields)
    if "name" not in cls.__dict__:
        made.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    _make_constructor(cls, fields)
    if "scope_name" not in cls.__dict__:
        made.scope_name = made.name
    registered[made.name] = cls
    return cls


def _make_constructor(cls, fields):
    """Writes `__new__`: ops of first order with equal parameters are one object, so that comparing them is `is`.

    The table of objects is emptied when it grows past a bound; equality by fields, kept below, stays true then.
    """

    cls.__hash__ = _hash
    cls.__eq__ = _equal
    if not fields and not cls.holds_programs:
        one = object.__new__(cls)
        one.__dict__.update(key=(), hash=hash((cls, ())), results={}, call=None)
        cls.__new__ = lambda cls_: one
        return

    def first(cls_, *args, **kwargs):
        # written out at the class's first object: a program uses few of the classes, and start-up would pay for all
        space = {f"_default_{name}": default for name, default in fields.items()}
        space.update(new=object.__new__, kept={}, bound=_KEPT)
        exec(_constructor_source(cls, fields), space)
        cls.__new__ = space["__new__"]
        return cls.__new__(cls_, *args, **kwargs)

    cls.__new__ = first


def _constructor_source(cls, fields) -> str:
    signature = ", ".join(
        name if default is inspect.Parameter.empty else f"{name}=_default_{name}" for name, default in fields.items()
    )
    inside = "".join(f"{name}, " for name in fields)
    assign = "\n    ".join(f"d[{name!r}] = {name}" for name in fields) or "pass"
    source = f"""
def __new__(cls, {signature}):
    key = ({inside})
    try:
        return kept[key]
    except KeyError:
        pass
    self = new(cls)
    d = self.__dict__
    {assign}
    d["key"] = key
    d["hash"] = hash((cls, key))
    d["results"] = {{}}
    d["call"] = None
    if len(kept) > bound:
        kept.clear()
    kept[key] = self
    return self
"""
    if cls.holds_programs:
        # such ops hash by the identity of their programs; keeping them would keep the programs alive
        source = source.replace("return kept[key]", "raise KeyError").replace("kept[key] = self", "pass")
    return source


def _hash(self):
    return self.hash


def _equal(self, other):
    return self is other or (type(self) is type(other) and self.hash == other.hash and self.key == other.key)


class LinearOperand:
    """Stands for a linear operand in a transpose rule: only its aval is known."""

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    def __repr__(self):
        return f"LinearOperand({self.aval.str_short()})"


linear_operands: dict[Any, LinearOperand] = OneForEach(LinearOperand)


def is_linear(operand) -> bool:
    return type(operand) is LinearOperand
