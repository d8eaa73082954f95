"""Einstein's summation: subscripts read, a path through many operands found, each step a dot_general.

opt_einsum finds paths; it is imported at the first call with more than two operands, for start-up time.
"""

from __future__ import annotations

import functools
import string

from bevel.api.arrays import placed
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_arrays, as_index, refuse_out, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.matrices import diagonal_of
from bevel.numpy.products import contracted, ready
from bevel.ops.convert import convert
from bevel.ops.shapes import Squeeze, reduce_sum
from bevel.ops.shapes import transpose as transposed


def _symbol(n):
    """The n-th label: letters, then characters beyond them."""
    return string.ascii_letters[n] if n < 52 else chr(n + 140)


def parsed(text, shapes):
    """(labels of each operand, labels of the result)."""
    text = text.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise ValueError(
            f"einsum {text!r} names {len(terms)} operands and was given {len(shapes)}{user_line(' at {}')}."
        )
    ranks = [len(shape) for shape in shapes]
    rest = []  # how many axes each "..." stands for
    for term, rank in zip(terms, ranks, strict=True):
        named = term.replace("...", "")
        if "." in named:
            raise ValueError(f"einsum {text!r}: '.' belongs in an ellipsis '...'{user_line(' at {}')}.")
        count = rank - len(named)
        if count < 0 or (count and "..." not in term):
            raise ValueError(
                f"einsum {text!r}: {term!r} names {len(named)} axes, its operand has {rank}{user_line(' at {}')}."
            )
        rest.append(count if "..." in term else 0)
    used = set(text)
    free = iter([c for c in map(_symbol, range(400)) if c not in used])
    dots = [next(free) for _ in range(max(rest, default=0))]
    terms = [t.replace("...", "".join(dots[len(dots) - n :])) for t, n in zip(terms, rest, strict=True)]
    if arrow:
        output = output.replace("...", "".join(dots))
    else:
        joint = "".join(terms)
        output = "".join(dots) + "".join(sorted({c for c in joint if joint.count(c) == 1 and c not in dots}))
    for label in output:
        if output.count(label) > 1:
            raise ValueError(f"einsum {text!r}: the result names {label!r} twice{user_line(' at {}')}.")
        if not any([label in t for t in terms]):
            raise ValueError(f"einsum {text!r}: the result names {label!r}, which no operand has{user_line(' at {}')}.")
    return terms, output


def _from_lists(first, others):
    """The form einsum(x, [0, 1], y, [1, 2], [0, 2]) as subscripts."""
    values = [first, *others]
    result = values.pop() if len(values) % 2 else None
    operands, lists = values[::2], values[1::2]
    keys = {}

    def text(labels):
        return "".join(["..." if k is Ellipsis else keys.setdefault(k, _symbol(len(keys))) for k in labels])

    known = sorted({k for labels in lists for k in labels if k is not Ellipsis})
    for k in known:
        keys[k] = _symbol(len(keys))
    inputs = ",".join([text(labels) for labels in lists])
    return inputs if result is None else f"{inputs}->{text(result)}", list(operands)


def _sizes(terms, shapes):
    sizes = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, d in zip(term, shape, strict=True):
            known = sizes.get(label, 1)
            if known != d and 1 not in (known, d):
                raise ValueError(
                    f"einsum: size of label {label!r} is {known} and {d}: they must be equal{user_line(' at {}')}."
                )
            sizes[label] = d if known == 1 else known
    return sizes


def einsum(subscripts, /, *operands, out=None, optimize="auto", precision=None, preferred_element_type=None,
           _dot_general=None, out_sharding=None):  # fmt: skip
    """Products of operands summed over the axes that the result does not name.

    subscripts   "ij,jk->ik": a letter for each axis; equal letters run together. Without "->" the result has the
                 letters that occur once, in alphabetical order. "..." stands for axes not named, which broadcast
    optimize     how the order of products is found (opt_einsum's words), or the path itself
    raises       ValueError where subscripts and shapes disagree

    >>> import bevel.numpy as jnp
    >>> jnp.einsum("ij,kj->ik", jnp.ones((2, 3)), jnp.ones((4, 3))).shape
    (2, 4)
    """
    if out_sharding is not None:
        return placed(_whole(subscripts, operands, optimize, precision, preferred_element_type), out_sharding)
    refuse_out("einsum", out)
    if type(subscripts) is str and operands and precision is preferred_element_type is None and optimize == "auto":
        return _einsum_of(subscripts, *operands)
    return _whole(subscripts, operands, optimize, precision, preferred_element_type)


@compiled(static="subscripts", name="einsum")
def _einsum_of(subscripts, /, *operands):
    """`einsum` as it is mostly called: a call in C++ that reads nothing twice."""
    return _whole(subscripts, operands, "auto", None, None)


def _whole(subscripts, operands, optimize, precision, preferred_element_type):
    if not operands and isinstance(subscripts, str):
        raise ValueError(f"einsum needs at least one operand{user_line(' at {}')}.")
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists(subscripts, operands)
    operands = as_arrays("einsum", *operands)
    shapes = tuple([shape_of(x) for x in operands])
    # a path that is given may be a list, which cannot be hashed, or equal to another of floats
    plan = _plan if isinstance(optimize, (str, bool)) else _plan.__wrapped__
    terms, output, path = plan(subscripts, shapes, optimize)
    return _einsum(
        operands, terms=terms, output=output, path=path, precision=precision, preferred=preferred_element_type
    )


@functools.lru_cache(maxsize=4096)
def _plan(text, shapes, optimize):
    """(labels of each operand, labels of the result, the path); finding them costs more than a small sum."""
    terms, output = parsed(text, shapes)
    return tuple(terms), output, _path(terms, output, shapes, optimize)


def _path(terms, output, shapes, optimize):
    """Which operands meet at each step, as tuples of positions."""
    if len(terms) < 3:
        return (tuple(range(len(terms))),)
    if optimize is False:
        return ((0, 1),) + tuple([(0, n) for n in range(len(terms) - 2, 0, -1)])
    if not isinstance(optimize, (str, bool)):
        steps = [s for s in optimize if not isinstance(s, str)]  # the first is "einsum_path"
        return tuple([tuple([as_index("einsum", i, "a place in a path") for i in step]) for step in steps])
    import opt_einsum  # lazy: for start-up time

    sizes = _sizes(terms, shapes)
    whole = [tuple([sizes[label] for label in t]) for t in terms]
    strategy = "optimal" if optimize is True else optimize
    path, _ = opt_einsum.contract_path(f"{','.join(terms)}->{output}", *whole, shapes=True, optimize=strategy)
    return tuple([tuple(step) for step in path])


@compiled(static=("terms", "output", "path", "precision", "preferred"))
def _einsum(operands, *, terms, output, path, precision, preferred):
    sizes = _sizes(terms, [shape_of(x) for x in operands])
    xs, dtype, weak = ready("einsum", operands, preferred)
    pool = [_without_lone(x, t, sizes) for x, t in zip(xs, terms, strict=True)]
    for step in path:
        chosen = [pool.pop(i) for i in sorted(step, reverse=True)][::-1]
        while chosen:
            needed = set(output).union(*[t for _, t in pool], *[t for _, t in chosen[2:]])
            if len(chosen) == 1:
                [last] = chosen
                pool.append(_alone(*last, needed, dtype, weak))
                break
            first, second, *more = chosen
            chosen = [_pair(first, second, needed, precision, dtype, weak), *more]
    [(x, labels)] = pool
    x, labels = _alone(x, labels, set(output), dtype, weak)
    return transposed(convert(x, dtype, weak), [labels.index(c) for c in output])


def _without_lone(x, labels, sizes):
    """Repeated labels taken on the diagonal; axes of size 1 that others have larger dropped, for they broadcast."""
    for label in sorted(set(labels)):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if shape_of(x)[i] != shape_of(x)[j]:
                lone = i if shape_of(x)[i] == 1 else j
                x, labels = Squeeze((lone,))(x), labels[:lone] + labels[lone + 1 :]
                continue
            x = diagonal_of(x, 0, i, j)
            labels = labels[:i] + labels[i + 1 : j] + labels[j + 1 :] + label
    lone = tuple([i for i, c in enumerate(labels) if shape_of(x)[i] == 1 and sizes[c] != 1])
    if lone:
        x, labels = Squeeze(lone)(x), "".join([c for i, c in enumerate(labels) if i not in lone])
    return x, labels


def _alone(x, labels, needed, dtype, weak):
    """Sums over labels that nobody else needs."""
    axes = tuple([i for i, c in enumerate(labels) if c not in needed])
    if not axes:
        return x, labels
    x = reduce_sum(convert(x, dtype, weak), axes)
    return x, "".join([c for c in labels if c in needed])


def _pair(first, second, needed, precision, dtype, weak):
    """Two operands met in one dot_general."""
    (x, xs), (y, ys) = first, second
    x, xs = _alone(x, xs, needed | set(ys), dtype, weak)
    y, ys = _alone(y, ys, needed | set(xs), dtype, weak)
    both = [c for c in xs if c in ys]
    batch = [c for c in both if c in needed]
    summed = [c for c in both if c not in needed]
    pairs = [(tuple([xs.index(c) for c in group]), tuple([ys.index(c) for c in group])) for group in (summed, batch)]
    z = contracted(x, y, *pairs, precision, dtype, weak)
    labels = [*batch, *[c for c in xs if c not in both], *[c for c in ys if c not in both]]
    return z, "".join(labels)


@with_door
def einsum_path(subscripts, /, *operands, optimize="auto"):
    """The order in which `einsum` would take products, and opt_einsum's account of it.

    >>> import bevel.numpy as jnp
    >>> print(jnp.einsum_path("ij,jk,k", jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones(4))[0])
    [(1, 2), (0, 1)]
    """
    import opt_einsum  # lazy: for start-up time

    if isinstance(optimize, bool):
        optimize = "optimal" if optimize else [tuple(range(len(operands)))]
    return opt_einsum.contract_path(subscripts, *operands, optimize=optimize)


__all__ = ["einsum", "einsum_path"]
