"""Every public name of jax.lax is here, or stands in a table with its reason; primitives are objects by their names."""

import copy
import json
import pickle
import re
from pathlib import Path

import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.core.handles import handle_of
from bevel.core.primitive import registered
from bevel.errors import MissingNameError
from bevel.lax.absent import ABSENT, absent

NAMES = json.loads((Path(__file__).parent.parent / "data" / "names.json").read_text())
PRIMITIVES = {**NAMES["jax.lax"], **NAMES["jax.lax.linalg"], **NAMES["jax.extend.core.primitives"]}
PRIMITIVES = {variable: name for variable, name in PRIMITIVES.items() if name is not None}


SPACES = {"jax.lax": lax, "jax.lax.linalg": lax.linalg}


def test_every_name_of_lax_is_here_or_has_a_reason():
    named = [(name, getattr(space, name, None), absent(name)) for at, space in SPACES.items() for name in NAMES[at]]
    assert [name for name, found, reason in named if found is None and reason is None] == []
    assert [name for name, found, reason in named if found is not None and reason is not None] == []


def test_the_table_of_reasons_names_what_there_is():
    names = [name for at in SPACES for name in NAMES[at]]
    assert [pattern for pattern in ABSENT if not any(re.fullmatch(pattern, name) for name in names)] == []


def test_a_name_that_is_not_here_says_why():
    with pytest.raises(MissingNameError, match=r"lax\.psend is not in Bevel: point-to-point"):
        _ = lax.psend
    with pytest.raises(MissingNameError, match=r"linalg\.cholesky_update_p is not in Bevel: lax\.linalg's function"):
        _ = lax.linalg.cholesky_update_p
    for space in SPACES.values():
        with pytest.raises(AttributeError, match="no attribute 'foo_p'"):
            _ = space.foo_p


def test_a_primitive_is_one_object_by_its_name():
    seen = []
    for variable, name in PRIMITIVES.items():
        handle = getattr(lax, variable, None)
        if handle is None or name not in registered:
            continue
        seen.append(name)
        assert handle.name == str(handle) == repr(handle) == name
        assert handle is getattr(lax, variable)
        assert handle.multiple_results is registered[name].multiple_results
        assert pickle.loads(pickle.dumps(handle)) is handle and copy.deepcopy(handle) is handle
    assert len(seen) > 140


@pytest.mark.smoke
def test_equations_name_their_primitive():
    def f(x):
        y = lax.scan(lambda c, x: (c + x, c * x), 0.0, x)[1]
        return lax.cond(y[0] > 0, jnp.sin, jnp.cos, bevel.jit(jnp.exp)(y)).sum() + jnp.dot(x, x)

    found = {eqn.primitive for eqn in bevel.make_jaxpr(f)(jnp.arange(4.0)).eqns}
    assert {lax.scan_p, lax.cond_p, lax.reduce_sum_p, lax.dot_general_p, lax.add_p} <= found
    assert lax.sin_p not in found and lax.gt_p in found


def test_equations_are_bound_again_from_their_primitive_and_parameters():
    """What every interpreter of jaxprs does, written against JAX, does here."""

    @bevel.custom_jvp
    def cube(x):
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(*primals), tangents[0]))

    def f(x, n):
        total = lax.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, s[1] * 1.5), (0, x.sum()))[1]
        x = bevel.jit(lambda x: x.reshape(2, 2).T.astype("float16"))(x)
        return cube(x[jnp.array([1, 0])]), jnp.sort(x, axis=0), total, jnp.cumsum(x, 1), jnp.concatenate([x, x])

    closed = bevel.make_jaxpr(f)(jnp.arange(4.0), 3)
    values = dict(zip(closed.jaxpr.invars, (jnp.arange(4.0), 3), strict=True))
    values.update(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    read = lambda v: getattr(v, "val", None) if hasattr(v, "val") else values[v]
    for eqn in closed.jaxpr.eqns:
        parameters = eqn.primitive.get_bind_params(eqn.params)
        results = eqn.primitive.bind(*map(read, eqn.invars), **parameters)
        values.update(zip(eqn.outvars, results if eqn.primitive.multiple_results else [results], strict=True))
    for mine, whole in zip(map(read, closed.jaxpr.outvars), f(jnp.arange(4.0), 3), strict=True):
        assert mine.dtype == whole.dtype and (mine == whole).all()


def test_an_equation_is_replaced_by_jax_names():
    [eqn] = bevel.make_jaxpr(lax.sin)(1.0).eqns
    assert str(eqn.replace(primitive=lax.cos_p)) == str(eqn).replace("sin", "cos")
    [eqn] = bevel.make_jaxpr(lambda x: lax.rev(x, (0,)))(jnp.ones((2, 2))).eqns
    assert eqn.replace(params={"dimensions": (1,)}).params == {"dimensions": (1,)}


def test_a_parameter_that_a_primitive_has_not_is_refused_in_these_words():
    assert lax.sin_p.bind(1.0, accuracy=None, sharding=None) == lax.sin(1.0)
    with pytest.raises(TypeError, match=r"The primitive sin has no parameter foo here \(given: 2\)\.\nIt has accuracy"):
        lax.sin_p.bind(1.0, foo=2)


def test_the_helper_of_a_call_goes_by_the_name_of_its_primitive():
    assert handle_of(bevel.make_jaxpr(bevel.jit(jnp.sin))(1.0).eqns[0].op) is lax.jit_p
    assert bevel.custom_derivatives.custom_jvp_call_p.name == "custom_jvp_call"


def test_variables_of_a_finished_jaxpr_compare_by_identity():
    """As programs that rewrite jaxprs look for them in lists; a traced value that was kept is still refused."""
    jaxpr = bevel.make_jaxpr(lambda x, y: (x + y, 2.0 * x))(1.0, 2.0).jaxpr
    a, b = jaxpr.invars
    assert a == a and a != b and not a == b and a in [b, a] and [b, a].index(a) == 1
    literal = jaxpr.eqns[1].invars[0]
    assert not (literal == a) and not (a == literal) and literal not in jaxpr.invars
    kept = []
    bevel.jit(lambda x: kept.append(x))(1.0)
    with pytest.raises(bevel.errors.UnexpectedTracerError):
        _ = kept[0] == 1.0
    assert "eq" in str(bevel.make_jaxpr(lambda x, y: x == y)(1.0, 2.0))
