"""A tree as a vector and back, in the leaves' dtypes."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.flatten_util import ravel_pytree


def test_leaves_of_several_dtypes_get_their_own_back():
    tree = {"a": jnp.arange(3), "b": jnp.full((2, 2), 0.5)}
    vector, unravel = ravel_pytree(tree)
    assert vector.dtype == np.float32 and vector.tolist() == [0, 1, 2, 0.5, 0.5, 0.5, 0.5]
    back = unravel(vector)
    assert back["a"].dtype == np.int32 and bool((back["b"] == tree["b"]).all())
    with pytest.raises(TypeError, match="vector of dtype float32, as ravel_pytree gave"):
        unravel(vector.astype(jnp.bfloat16))
    with pytest.raises(ValueError, match="a vector of the 7 numbers"):
        unravel(vector[1:])


def test_leaves_of_one_dtype_take_that_of_the_vector():
    _, unravel = ravel_pytree([jnp.ones(2), jnp.zeros((1, 2))])
    assert [x.dtype for x in unravel(jnp.ones(4, jnp.bfloat16))] == [jnp.bfloat16] * 2


def test_gradients_of_vectors_are_those_of_trees():
    tree = {"w": jnp.asarray([1.0, 2.0]), "b": jnp.asarray(3.0)}
    vector, unravel = ravel_pytree(tree)
    loss = lambda t: jnp.sum(t["w"] ** 2) * t["b"]
    flat = bevel.grad(lambda v: loss(unravel(v)))(vector)
    np.testing.assert_allclose(flat, ravel_pytree(bevel.grad(loss)(tree))[0])
    assert ravel_pytree([])[0].shape == (0,)
