"""jax.example_libraries.optimizers: gradient descent and its kin as three functions each.

An optimizer is (init_fn, update_fn, params_fn): `state = init_fn(params)`, then for step i
`state = update_fn(i, gradients, state)`, and `params_fn(state)` are the parameters. Parameters are any pytree.
"""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import bevel.numpy as jnp
from bevel.core.source import user_line
from bevel.core.tree import register_pytree_node, tree_flatten, tree_leaves, tree_map, tree_unflatten

map = map
zip = zip

#: What holds an optimizer's state: its numbers, the tree of the parameters, and that of the state of each of them.
OptimizerState = namedtuple("OptimizerState", ["packed_state", "tree_def", "subtree_defs"])
register_pytree_node(
    OptimizerState,
    lambda state: ((state.packed_state,), (state.tree_def, state.subtree_defs)),
    lambda data, children: OptimizerState(children[0], data[0], data[1]),
)

Array = Any
Params = Any
State = Any
Updates = Any
Step = int
InitFn = Callable[[Any], OptimizerState]
UpdateFn = Callable[[int, Any, OptimizerState], OptimizerState]
ParamsFn = Callable[[OptimizerState], Any]
Schedule = Callable[[int], Any]


class Optimizer(NamedTuple):
    """The three functions of an optimizer."""

    init_fn: InitFn
    update_fn: UpdateFn
    params_fn: ParamsFn


def optimizer(opt_maker: Callable[..., tuple]) -> Callable[..., Optimizer]:
    """Makes an optimizer of pytrees from one of single arrays.

    opt_maker   gives (init(x) → state, update(i, gradient, state) → state, get_params(state) → x) of one array; the
                state may be a pytree

    >>> import bevel.numpy as jnp
    >>> from bevel.compat.example_libraries.optimizers import optimizer
    >>> @optimizer
    ... def descent(rate):
    ...     return (lambda x: x), (lambda i, g, x: x - rate * g), (lambda x: x)
    >>> init, update, params = descent(0.5)
    >>> print(params(update(0, {"w": jnp.ones(2)}, init({"w": jnp.zeros(2)})))["w"])
    [-0.5 -0.5]
    """

    @functools.wraps(opt_maker)
    def made(*args, **kwargs):
        init, update, get_params = opt_maker(*args, **kwargs)

        def init_fn(params):
            leaves, tree = tree_flatten(params)
            states = [tree_flatten(init(x)) for x in leaves]
            return OptimizerState(tuple([tuple(s) for s, _ in states]), tree, tuple([t for _, t in states]))

        def update_fn(i, gradients, state):
            packed, tree, subtrees = state
            leaves, found = tree_flatten(gradients)
            if found != tree:
                raise TypeError(
                    f"The optimizer's update was passed a gradient tree that is not that of the parameters"
                    f"{user_line(' at {}')}: {found}; the parameters are {tree}."
                )
            states = [tree_unflatten(t, s) for t, s in zip(subtrees, packed, strict=True)]
            moved = [tree_flatten(update(i, g, s)) for g, s in zip(leaves, states, strict=True)]
            for (_, after), before in zip(moved, subtrees, strict=True):
                if after != before:
                    raise TypeError(
                        f"An update gave a state of another structure{user_line(' at {}')}: {after}, where it "
                        f"was given {before}."
                    )
            return OptimizerState(tuple([tuple(s) for s, _ in moved]), tree, subtrees)

        def params_fn(state):
            packed, tree, subtrees = state
            states = [tree_unflatten(t, s) for t, s in zip(subtrees, packed, strict=True)]
            return tree_unflatten(tree, [get_params(state) for state in states])

        return Optimizer(init_fn, update_fn, params_fn)

    return made


# ---- optimizers


@optimizer
def sgd(step_size):
    """x ← x - step_size g."""
    step_size = make_schedule(step_size)
    return (lambda x: x), (lambda i, g, x: x - step_size(i) * g), (lambda x: x)


@optimizer
def momentum(step_size: Schedule, mass: float):
    """v ← mass v + g; x ← x - step_size v."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, v = state
        v = mass * v + g
        return x - step_size(i) * v, v

    return (lambda x: (x, jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def nesterov(step_size: Schedule, mass: float):
    """v ← mass v + g; x ← x - step_size (mass v + g). Nesterov 1983."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, v = state
        v = mass * v + g
        return x - step_size(i) * (mass * v + g), v

    return (lambda x: (x, jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def adagrad(step_size, momentum=0.9):
    """Steps divided by the root of the sum of all squares. Duchi, Hazan & Singer 2011, JMLR 12."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, squares, m = state
        squares = squares + jnp.square(g)
        scaled = jnp.where(squares > 0, g / jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0.0)
        m = (1 - momentum) * (step_size(i) * scaled) + momentum * m
        return x - m, squares, m

    return (lambda x: (x, jnp.zeros_like(x), jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def rmsprop(step_size, gamma=0.9, eps=1e-8):
    """Steps divided by the root of a running mean of squares. Tieleman & Hinton 2012, lecture 6.5."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, mean = state
        mean = mean * gamma + jnp.square(g) * (1 - gamma)
        return x - step_size(i) * g / jnp.sqrt(mean + eps), mean

    return (lambda x: (x, jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def rmsprop_momentum(step_size, gamma=0.9, eps=1e-8, momentum=0.9):
    """`rmsprop`, its steps gathered with momentum."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, mean, m = state
        mean = mean * gamma + jnp.square(g) * (1 - gamma)
        m = momentum * m + step_size(i) * g / jnp.sqrt(mean + eps)
        return x - m, mean, m

    return (lambda x: (x, jnp.zeros_like(x), jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def adam(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """Running means of gradients and of squares, freed of their start at 0. Kingma & Ba 2014, arXiv:1412.6980."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        mean = m / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        square = v / (1 - jnp.asarray(b2, m.dtype) ** (i + 1))
        return x - step_size(i) * mean / (jnp.sqrt(square) + eps), m, v

    return (lambda x: (x, jnp.zeros_like(x), jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def adamax(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """`adam` with the largest size in place of the mean square. Kingma & Ba 2014, section 7.1."""
    step_size = make_schedule(step_size)

    def update(i, g, state):
        x, m, u = state
        m = (1 - b1) * g + b1 * m
        u = jnp.maximum(b2 * u, jnp.abs(g))
        return x - (step_size(i) / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))) * m / (u + eps), m, u

    return (lambda x: (x, jnp.zeros_like(x), jnp.zeros_like(x))), update, (lambda state: state[0])


@optimizer
def sm3(step_size, momentum=0.9):
    """Sums of squares kept by rows of each axis. Anil, Gupta, Koren & Singer 2019, arXiv:1901.11150."""
    step_size = make_schedule(step_size)

    def init(x):
        x = jnp.atleast_1d(x)
        rows = [jnp.zeros([x.shape[axis]], x.dtype) for axis in range(x.ndim)]
        return x, jnp.zeros_like(x), rows

    def update(i, g, state):
        x, m, rows = state
        rank = x.ndim
        spread = [row.reshape([-1 if k == axis else 1 for k in range(rank)]) for axis, row in enumerate(rows)]
        squares = functools.reduce(jnp.minimum, spread) + jnp.square(g)
        scaled = jnp.where(squares > 0, 1 / jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0.0)
        m = (1 - momentum) * (g * scaled) + momentum * m
        x = x - step_size(i) * m
        rows = [squares.max([k for k in range(rank) if k != axis]) for axis in range(rank)]
        return x, m, rows

    return init, update, (lambda state: state[0])


# ---- how steps shrink


def constant(step_size) -> Schedule:
    """The same step always."""
    return lambda i: step_size


def exponential_decay(step_size, decay_steps, decay_rate):
    """step_size decay_rate^(i / decay_steps)."""
    return lambda i: step_size * decay_rate ** (i / decay_steps)


def inverse_time_decay(step_size, decay_steps, decay_rate, staircase=False):
    """step_size / (1 + decay_rate i / decay_steps), the quotient cut to whole numbers for staircase."""
    if staircase:
        return lambda i: step_size / (1 + decay_rate * jnp.floor(i / decay_steps))
    return lambda i: step_size / (1 + decay_rate * i / decay_steps)


def polynomial_decay(step_size, decay_steps, final_step_size, power=1.0):
    """From step_size to final_step_size within decay_steps, by a power of what is left."""

    def schedule(i):
        left = (1 - jnp.minimum(i, decay_steps) / decay_steps) ** power
        return left * (step_size - final_step_size) + final_step_size

    return schedule


def piecewise_constant(boundaries: Any, values: Any):
    """values[k] where k boundaries are below the step; one value more than boundaries."""
    boundaries, values = jnp.array(boundaries), jnp.array(values)
    if boundaries.ndim != 1 or values.ndim != 1 or boundaries.shape[0] != values.shape[0] - 1:
        raise ValueError(
            f"piecewise_constant takes one value more than boundaries{user_line(' at {}')}; got shapes "
            f"{values.shape} and {boundaries.shape}."
        )
    return lambda i: values[jnp.sum(i > boundaries)]


def make_schedule(scalar_or_schedule: float | Schedule) -> Schedule:
    """A schedule of a number: always that; a function stays itself."""
    if callable(scalar_or_schedule):
        return scalar_or_schedule
    if jnp.ndim(scalar_or_schedule) == 0:
        return constant(scalar_or_schedule)
    raise TypeError(f"A step size is a number or a function{user_line(' at {}')}; got {type(scalar_or_schedule)}.")


# ---- gradients


def l2_norm(tree):
    """The root of the sum of all squares."""
    return jnp.sqrt(sum([jnp.vdot(x, x) for x in tree_leaves(tree)]))


def clip_grads(grad_tree, max_norm):
    """Gradients, made smaller together where their norm is above max_norm."""
    norm = l2_norm(grad_tree)
    return tree_map(lambda g: jnp.where(norm < max_norm, g, g * (max_norm / norm)), grad_tree)


# ---- states to save


class JoinPoint:
    """Marks in a tree of states where the state of one parameter begins, for saving."""

    def __init__(self, subtree):
        self.subtree = subtree

    def __iter__(self):
        yield self.subtree


def unpack_optimizer_state(opt_state):
    """A state as the tree of the parameters, with a JoinPoint holding the state of each: to be saved."""
    packed, tree, subtrees = opt_state
    parts = [tree_unflatten(t, s) for t, s in zip(subtrees, packed, strict=True)]
    return tree_unflatten(tree, [JoinPoint(part) for part in parts])


def pack_optimizer_state(marked_pytree):
    """The state of what `unpack_optimizer_state` gave."""
    marks, tree = tree_flatten(marked_pytree)
    if not all([isinstance(mark, JoinPoint) for mark in marks]):
        raise TypeError(f"pack_optimizer_state takes a tree whose leaves are JoinPoints{user_line(' at {}')}.")
    parts = [tree_flatten(mark.subtree) for mark in marks]
    return OptimizerState(tuple([tuple(s) for s, _ in parts]), tree, tuple([t for _, t in parts]))
