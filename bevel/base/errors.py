"""The errors that Bevel raises: each class's docstring is its manual page, with a failing and a mended example.

An error is a short letter: what was asked, with the user's own names and numbers; the rule; one way on.
"""

from __future__ import annotations


class BevelError(Exception):
    """The root of Bevel's own errors: `except bevel.errors.BevelError` catches each of them."""


class ShapeError(BevelError, TypeError, ValueError):
    """Shapes, ranks or axes do not fit the operation.

    It is a TypeError and a ValueError: programs written for JAX or NumPy catch the one here, the other there.

    Fails:   `lax.add(jnp.ones(3), jnp.ones(4))`
    Mended:  `lax.add(jnp.ones(3), jnp.ones(3))`; `jnp.add` broadcasts where NumPy does
    """


class BroadcastError(ShapeError, ValueError):
    """Shapes that NumPy's broadcasting rule cannot bring together.

    Fails:   `jnp.ones(3) + jnp.ones(4)`
    Mended:  `jnp.ones(3)[:, None] + jnp.ones(4)` makes all pairs, shape (3, 4)
    """


class AxisError(ShapeError, ValueError, IndexError):
    """An axis that the array does not have, or one named twice.

    Fails:   `jnp.sum(jnp.ones((2, 3)), axis=2)`
    Mended:  `jnp.sum(jnp.ones((2, 3)), axis=1)`; `axis=-1` is the last one
    """


class BoundsError(BevelError, IndexError):
    """An index that is known lies outside of its axis.

    One that a program computes is not checked: reads clip, writes are dropped, unless a mode says otherwise.

    Fails:   `jnp.arange(3)[5]`
    Mended:  `jnp.arange(3)[2]`; `jnp.arange(3).at[5].get(mode="clip")` says what should come of it
    """


class IndexTypeError(BevelError, TypeError):
    """Something between brackets that is no index: a float, a string; a list, but in the profile default.

    Fails:   `jnp.arange(3)[1.0]`
    Mended:  `jnp.arange(3)[1]`
    """


class DTypeError(BevelError, TypeError, ValueError):
    """The operation is not defined for this dtype. Where JAX refuses one it is a TypeError here, a ValueError there.

    Fails:   `lax.sin(True)`
    Mended:  `lax.sin(jnp.float32(True))`; the functions of `bevel.numpy` convert by themselves
    """


class MissingDTypeError(DTypeError, NotImplementedError):
    """The operation is defined for this dtype, and the engine does not compute it: LAPACK has no 16-bit floats.

    Fails:   `lax.linalg.lu(jnp.ones((2, 2), jnp.float16))`
    Mended:  `lax.linalg.lu(jnp.ones((2, 2), jnp.float16).astype(jnp.float32))`
    """


class MaskedArrayError(BevelError, TypeError, ValueError):
    """NumPy's masked array was given where an array is due: its mask would be lost.

    Fails:   `jnp.cosh(np.ma.masked_array([1.0, 2.0], [False, True]))`
    Mended:  `jnp.cosh(np.ma.masked_array([1.0, 2.0], [False, True]).filled(0.0))`
    """


class MissingRuleError(BevelError, NotImplementedError):
    """A primitive lacks the rule that a transformation asks for; the letter names the class and file to write it in.

    It comes up with primitives of libraries, or of one's own. Mended: write the rule; or give the function around
    the primitive one, by `custom_jvp`, `custom_vjp` or `custom_vmap`.
    """


class NonDifferentiableError(BevelError, TypeError):
    """A derivative was asked where there is none: of a non-scalar by `grad`, of an integer, through an unbounded while.

    Fails:   `grad(lambda x: x**2)(jnp.ones(3))`
    Mended:  `grad(lambda x: (x**2).sum())(jnp.ones(3))`; for all derivatives `jacrev`
    """


class JAXTypeError(BevelError, TypeError):
    """The root of errors about values under a transformation, as JAX has it: `except jax.errors.JAXTypeError`."""


class JAXIndexError(BevelError, IndexError):
    """The root of errors about indices under a transformation, as JAX has it."""


class JaxprTypeError(BevelError, TypeError):
    """A jaxpr is not well formed: a variable used before it is bound, bound twice, or of another aval than its equation
    gives. Mended: build jaxprs by tracing, or check each one that is built by hand, by `jax.core.check_jaxpr`.
    """


class ConcretizationTypeError(JAXTypeError):
    """Python asked for the value of an array while its program is being traced, when it has none yet.

    Fails:   `jit(lambda x: float(x))(1.0)`
    Mended:  `jit(lambda x: x)(1.0)`: keep it an array; or name the argument in static_argnames
    """


class TracerBoolConversionError(ConcretizationTypeError):
    """Python's `if`, `while`, `and`, `or` or `not` asked whether a traced array is true.

    Fails:   `jit(lambda x: x if x > 0 else -x)(1.0)`
    Mended:  `jit(lambda x: jnp.where(x > 0, x, -x))(1.0)`; with costly branches `lax.cond`; a loop: `lax.while_loop`
    """


class TracerIntegerConversionError(JAXTypeError):
    """Python needed a traced array as an integer: `range(n)`, a list index, a shape.

    Fails:   `jit(lambda x, n: [x for _ in range(n)])(1.0, jnp.array(3))`
    Mended:  `jit(lambda x, n: [x for _ in range(n)], static_argnames="n")(1.0, n=3)`; or `lax.fori_loop`
    """


class TracedSliceError(TracerIntegerConversionError, IndexError):
    """An end of a slice is a traced value, and would decide a shape.

    Fails:   `jit(lambda x, n: x[:n])(jnp.ones(3), jnp.array(2))`
    Mended:  `jit(lambda x, n: x[:n], static_argnames="n")(jnp.ones(3), 2)`; or `lax.dynamic_slice_in_dim`
    """

    tracer: object = None


class TracerArrayConversionError(JAXTypeError):
    """NumPy (or other code outside Bevel) asked for the values of a traced array.

    Fails:   `jit(lambda x: np.sin(x))(1.0)`
    Mended:  `jit(lambda x: jnp.sin(x))(1.0)`; for host code `pure_callback`
    """


class NonConcreteBooleanIndexError(JAXIndexError):
    """A boolean mask as index would give a shape that depends on values, which a traced program cannot have.

    Fails:   `jit(lambda x: x[x > 0])(jnp.ones(3))`
    Mended:  `jit(lambda x: jnp.where(x > 0, x, 0))(jnp.ones(3))`; or `jnp.nonzero(mask, size=n)`
    """


class UnexpectedTracerError(JAXTypeError):
    """A tracer was used after its trace had ended: it was kept outside of the function being transformed.

    Fails:   `kept = []; jit(lambda x: kept.append(x + 1))(1.0); kept[0] * 2`
    Mended:  `kept = [jit(lambda x: x + 1)(1.0)]; kept[0] * 2`: return the value
    """


class KeyReuseError(JAXTypeError, RuntimeError):
    """One random key was used twice, which gives correlated numbers; found under `debug_key_reuse`, and in
    the `strict` profile.

    Fails:   `with bevel.debug_key_reuse(True): key = random.key(0); random.normal(key) + random.normal(key)`
    Mended:  `one, two = random.split(random.key(0)); random.normal(one) + random.normal(two)`
    """


class SideEffectError(JAXTypeError):
    """A traced function changed the world around it, or read a clock or a random generator; raised in `strict` only.

    Fails:   `with bevel.sharp_edges("strict"): jit(lambda x: print(x))(1.0)`
    Mended:  `with bevel.sharp_edges("strict"): jit(lambda x: bevel.debug.print("{}", x))(1.0)`
    """


class DonatedBufferError(BevelError, RuntimeError, ValueError):
    """An array was used after its memory had been given away by donate_argnums or deleted.

    Fails:   `f = jit(lambda x: x + 1, donate_argnums=0); x = jnp.ones(3); f(x); f(x)`
    Mended:  `f = jit(lambda x: x + 1, donate_argnums=0); x = jnp.ones(3); x = f(x); f(x)`: go on with the result

    The letter names the function that took the memory over, and its argument.
    """


class TreeError(BevelError, ValueError):
    """Two pytrees differ in structure where they must agree.

    Fails:   `bevel.tree.map(lambda a, b: a + b, [1, 2], [1, 2, 3])`
    Mended:  `bevel.tree.map(lambda a, b: a + b, [1, 2], [3, 4])`
    """


class CarryError(BevelError, TypeError):
    """The carry that a loop body returns is not of the type it was given.

    Fails:   `lax.scan(lambda c, x: (c + x, None), jnp.zeros((), int), jnp.ones(3))`: int32 in, float32 out
    Mended:  `lax.scan(lambda c, x: (c + x, None), jnp.zeros(()), jnp.ones(3))`
    """


class UnhashableStaticError(BevelError, ValueError):
    """A static argument of jit cannot be hashed, so there is nothing to look its program up by.

    Fails:   `jit(lambda x, n: x, static_argnums=1)(1.0, [1, 2])`
    Mended:  `jit(lambda x, n: x, static_argnums=1)(1.0, (1, 2))`; or make it an array argument
    """


class MissingNameError(BevelError, AttributeError):
    """A name of JAX that Bevel does not have yet."""


class InconclusiveDimensionOperation(BevelError, TypeError):
    """A question about unknown dimensions has no one answer: `b > 3`, or the number behind `b`.

    Fails:   `[n] = export.symbolic_shape("n"); n > 4`
    Mended:  `[n] = export.symbolic_shape("n", constraints=["n >= 5"]); n > 4`
    """


class EngineError(BevelError, RuntimeError):
    """The engine (XLA) refused or failed; the letter carries its words.

    Fails:   `jit(lambda x: x, compiler_options={"no_such": 1})(1.0)`
    Mended:  `jit(lambda x: x)(1.0)`
    """


class DeviceMismatchError(EngineError, ValueError):
    """Arrays committed to different devices met in one call.

    Fails:   `x, y = map(bevel.device_put, (1.0, 2.0), bevel.devices()[:2]); x + y`
    Mended:  `x, y = map(bevel.device_put, (1.0, 2.0), bevel.devices()[:1] * 2); x + y`: both on one device
    """


class ShardingError(BevelError, ValueError):
    """An array cannot lie over devices as a sharding says.

    Fails:   `bevel.sharding.NamedSharding(bevel.make_mesh((1,), ("x",)), bevel.sharding.PartitionSpec("y"))`
    Mended:  `bevel.sharding.NamedSharding(bevel.make_mesh((1,), ("x",)), bevel.sharding.PartitionSpec("x"))`
    """


class ForkedProcessError(EngineError):
    """A process that was forked from one in which XLA ran was to compute something: it has none of XLA's threads.

    So does a worker of `multiprocessing.get_context("fork").Pool()`, made after the first array; one of
    `multiprocessing.get_context("spawn").Pool()` starts afresh, and one forked before the first array as well.
    """
