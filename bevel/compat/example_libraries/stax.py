"""jax.example_libraries.stax: layers as pairs of functions, in series and in parallel.

A layer is (init_fn, apply_fn): `output_shape, params = init_fn(key, input_shape)`, where -1 stands for the batch, and
`apply_fn(params, inputs, **kwargs)`; layers that draw take `rng=key`.
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel import lax, random
from bevel.core.source import user_line
from bevel.nn import elu, gelu, leaky_relu, log_softmax, relu, selu, sigmoid, softmax, softplus, standardize
from bevel.nn.initializers import glorot_normal, normal, ones, zeros

glorot = glorot_normal
randn = normal
logsoftmax = log_softmax

_WEIGHTS, _BIAS, _SMALL_BIAS = glorot_normal(), normal(), normal(1e-6)


def Dense(out_dim, W_init=_WEIGHTS, b_init=_BIAS):
    """x W + b."""

    def init_fun(rng, input_shape):
        first, second = random.split(rng)
        return (*input_shape[:-1], out_dim), (W_init(first, (input_shape[-1], out_dim)), b_init(second, (out_dim,)))

    def apply_fun(params, inputs, **kwargs):
        W, b = params
        return jnp.dot(inputs, W) + b

    return init_fun, apply_fun


def _kernel(dimension_numbers, input_shape, out_chan, filter_shape):
    """(the kernel's shape in its layout, that of the bias in the output's)."""
    lhs, rhs, out = dimension_numbers
    sizes = iter(filter_shape)
    channels = {"O": out_chan, "I": input_shape[lhs.index("C")]}
    kernel = [channels[c] if c in channels else next(sizes) for c in rhs]
    return tuple(kernel), tuple([out_chan if c == "C" else 1 for c in out])


def _convolving(output_shape, convolve, meaning):
    """A layer of one kind of convolution, with a bias."""

    def layer(
        dimension_numbers, out_chan, filter_shape, strides=None, padding="VALID", W_init=None, b_init=_SMALL_BIAS
    ):
        rhs = dimension_numbers[1]
        strides = strides or (1,) * len(filter_shape)
        W_init = W_init or glorot_normal(rhs.index("I"), rhs.index("O"))

        def init_fun(rng, input_shape):
            kernel, bias = _kernel(dimension_numbers, input_shape, out_chan, filter_shape)
            first, second = random.split(rng)
            output = output_shape(input_shape, kernel, strides, padding, dimension_numbers)
            return output, (W_init(first, kernel), b_init(second, bias))

        def apply_fun(params, inputs, **kwargs):
            W, b = params
            return convolve(inputs, W, strides, padding, dimension_numbers=dimension_numbers) + b

        return init_fun, apply_fun

    layer.__doc__ = f'{meaning} in given layouts, such as ("NHWC", "HWIO", "NHWC"), with a bias.'
    return layer


GeneralConv = _convolving(lax.conv_general_shape_tuple, lax.conv_general_dilated, "A convolution")
GeneralConvTranspose = _convolving(
    lax.conv_transpose_shape_tuple, lax.conv_transpose, "The transpose of a convolution, which makes images larger,"
)


def _fixed(general, name, numbers):
    def layer(out_chan, filter_shape, strides=None, padding="VALID", W_init=None, b_init=_SMALL_BIAS):
        return general(numbers, out_chan, filter_shape, strides, padding, W_init, b_init)

    layer.__doc__ = f"{name} in the layouts {numbers}."
    return layer


Conv = _fixed(GeneralConv, "GeneralConv", ("NHWC", "HWIO", "NHWC"))
ConvTranspose = _fixed(GeneralConvTranspose, "GeneralConvTranspose", ("NHWC", "HWIO", "NHWC"))
Conv1DTranspose = _fixed(GeneralConvTranspose, "GeneralConvTranspose", ("NHC", "HIO", "NHC"))


def BatchNorm(axis=(0, 1, 2), epsilon=1e-5, center=True, scale=True, beta_init=zeros, gamma_init=ones):
    """Mean 0 and variance 1 along axes of the batch, then (as asked) times gamma and plus beta."""
    axis = (axis,) if isinstance(axis, int) else axis

    def init_fun(rng, input_shape):
        shape = tuple([d for i, d in enumerate(input_shape) if i not in axis])
        first, second = random.split(rng)
        beta = beta_init(first, shape) if center else ()
        gamma = gamma_init(second, shape) if scale else ()
        return input_shape, (beta, gamma)

    def apply_fun(params, x, **kwargs):
        beta, gamma = params
        spread = tuple([None if i in axis else slice(None) for i in range(x.ndim)])
        z = standardize(x, axis, epsilon=epsilon)
        z = z * gamma[spread] if scale else z
        return z + beta[spread] if center else z

    return init_fun, apply_fun


def elementwise(fun, **fun_kwargs):
    """A layer that is a function of each number, with these keyword arguments."""
    return (lambda rng, input_shape: (input_shape, ())), (lambda params, inputs, **kwargs: fun(inputs, **fun_kwargs))


Tanh = elementwise(jnp.tanh)
Relu = elementwise(relu)
Exp = elementwise(jnp.exp)
LogSoftmax = elementwise(log_softmax, axis=-1)
Softmax = elementwise(softmax, axis=-1)
Softplus = elementwise(softplus)
Sigmoid = elementwise(sigmoid)
Elu = elementwise(elu)
LeakyRelu = elementwise(leaky_relu)
Selu = elementwise(selu)
Gelu = elementwise(gelu)


def _pooling(reducer, start, rescaled=None):
    def layer(window_shape, strides=None, padding="VALID", spec=None):
        strides = strides or (1,) * len(window_shape)
        rescale = rescaled(window_shape, strides, padding) if rescaled else None
        spec = "NHWC" if spec is None else spec
        places = [i for i, c in enumerate(spec) if c not in "NC"]
        dims, steps = [1] * len(spec), [1] * len(spec)
        for i, d, s in zip(places, window_shape, strides, strict=True):
            dims[i], steps[i] = d, s

        def init_fun(rng, input_shape):
            pads = padding
            if isinstance(padding, str):
                sizes = [1 if d < 0 else d for d in input_shape]
                pads = lax.padtype_to_pads(sizes, dims, steps, padding)
            output = [
                d if d < 0 else (d + low + high - w) // s + 1
                for d, (low, high), w, s in zip(input_shape, pads, dims, steps, strict=True)
            ]
            return tuple(output), ()

        def apply_fun(params, inputs, **kwargs):
            out = lax.reduce_window(inputs, start, reducer, dims, steps, padding)
            return rescale(out, inputs, spec) if rescale else out

        return init_fun, apply_fun

    return layer


def _mean_of(dims, strides, padding):
    """A sum over windows divided by how many numbers lie in each: those beyond the edge do not count."""

    def rescale(outputs, inputs, spec):
        places = [i for i, c in enumerate(spec) if c not in "NC"]
        one = jnp.ones([inputs.shape[i] for i in places], inputs.dtype)
        count = lax.reduce_window(one, 0.0, lax.add, dims, strides, padding)
        return outputs / jnp.expand_dims(count, [i for i in range(len(spec)) if i not in places])

    return rescale


MaxPool = _pooling(lax.max, -math.inf)
SumPool = _pooling(lax.add, 0.0)
AvgPool = _pooling(lax.add, 0.0, _mean_of)


def _flatten():
    def init_fun(rng, input_shape):
        return (input_shape[0], math.prod(input_shape[1:])), ()

    return init_fun, lambda params, inputs, **kwargs: inputs.reshape(inputs.shape[0], -1)


Flatten = _flatten()
Identity = (lambda rng, input_shape: (input_shape, ())), (lambda params, inputs, **kwargs: inputs)


def FanOut(num):
    """One input as `num` alike, for `parallel`."""
    return (lambda rng, input_shape: ([input_shape] * num, ())), (lambda params, inputs, **kwargs: [inputs] * num)


def _fan_in_sum():
    def apply_fun(params, inputs, **kwargs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total

    return (lambda rng, input_shape: (input_shape[0], ())), apply_fun


FanInSum = _fan_in_sum()


def FanInConcat(axis=-1):
    """Several inputs side by side along an axis."""

    def init_fun(rng, input_shape):
        place = axis % len(input_shape[0])
        total = sum([shape[place] for shape in input_shape])
        return (*input_shape[0][:place], total, *input_shape[0][place + 1 :]), ()

    return init_fun, lambda params, inputs, **kwargs: jnp.concatenate(inputs, axis)


def Dropout(rate, mode="train"):
    """In training, numbers kept with probability `rate` and divided by it, else 0; they are drawn by `rng=key`."""

    def apply_fun(params, inputs, **kwargs):
        rng = kwargs.get("rng")
        if rng is None:
            raise ValueError(f"Dropout draws what it drops{user_line(' at {}')}: apply_fun(params, inputs, rng=key).")
        if mode != "train":
            return inputs
        return jnp.where(random.bernoulli(rng, rate, inputs.shape), inputs / rate, 0)

    return (lambda rng, input_shape: (input_shape, ())), apply_fun


def serial(*layers):
    """Layers one after the other; `params` is the list of theirs.

    >>> import bevel
    >>> from bevel.compat.example_libraries import stax
    >>> init, apply = stax.serial(stax.Dense(4), stax.Relu, stax.Dense(2))
    >>> shape, params = init(bevel.random.key(0), (-1, 3))
    >>> shape, apply(params, bevel.numpy.ones((5, 3))).shape
    ((-1, 2), (5, 2))
    """
    inits, applies = zip(*layers, strict=True) if layers else ((), ())

    def init_fun(rng, input_shape):
        params = []
        for init in inits:
            rng, own = random.split(rng)
            input_shape, param = init(own, input_shape)
            params.append(param)
        return input_shape, params

    def apply_fun(params, inputs, **kwargs):
        rng = kwargs.pop("rng", None)
        keys = random.split(rng, len(layers)) if rng is not None else (None,) * len(layers)
        for apply, param, key in zip(applies, params, keys, strict=True):
            inputs = apply(param, inputs, rng=key, **kwargs)
        return inputs

    return init_fun, apply_fun


def parallel(*layers):
    """Layers side by side: each gets one of the inputs, and gives one of the outputs."""
    inits, applies = zip(*layers, strict=True) if layers else ((), ())

    def init_fun(rng, input_shape):
        keys = random.split(rng, len(layers))
        made = [init(key, shape) for init, key, shape in zip(inits, keys, input_shape, strict=True)]
        shapes, params = zip(*made, strict=True)
        return shapes, params

    def apply_fun(params, inputs, **kwargs):
        rng = kwargs.pop("rng", None)
        keys = random.split(rng, len(layers)) if rng is not None else (None,) * len(layers)
        return [f(p, x, rng=k, **kwargs) for f, p, x, k in zip(applies, params, inputs, keys, strict=True)]

    return init_fun, apply_fun


def shape_dependent(make_layer):
    """A layer that is made when the shape of its input is known: make_layer(shape)."""

    def init_fun(rng, input_shape):
        return make_layer(input_shape)[0](rng, input_shape)

    def apply_fun(params, inputs, **kwargs):
        return make_layer(inputs.shape)[1](params, inputs, **kwargs)

    return init_fun, apply_fun
