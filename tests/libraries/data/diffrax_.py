"""diffrax: ordinary and stochastic differential equations, stiff ones, events, derivatives of solutions."""

import diffrax as dfx
import jax
import jax.numpy as jnp
import numpy as np


def decay(t, y, a):
    return -a * y


term, y0 = dfx.ODETerm(decay), jnp.array([1.0, 2.0])
adaptive = dfx.PIDController(rtol=1e-5, atol=1e-7)
times = dfx.SaveAt(ts=jnp.linspace(0, 2, 5))
for solver in (dfx.Tsit5(), dfx.Dopri5(), dfx.Dopri8(), dfx.Heun(), dfx.Kvaerno5(), dfx.KenCarp4()):
    terms = dfx.MultiTerm(term, dfx.ODETerm(lambda t, y, a: 0 * y)) if isinstance(solver, dfx.KenCarp4) else term
    sol = dfx.diffeqsolve(terms, solver, 0.0, 2.0, 0.1, y0, args=0.5, saveat=times, stepsize_controller=adaptive)
    assert np.allclose(sol.ys, y0 * np.exp(-0.5 * np.asarray(sol.ts))[:, None], atol=1e-3), solver

end = lambda a, **more: dfx.diffeqsolve(term, dfx.Tsit5(), 0.0, 2.0, 0.1, y0, args=a, **more).ys[0, 0]
assert abs(jax.grad(end)(0.5) + 2 * np.exp(-1)) < 1e-3
assert abs(jax.grad(lambda a: end(a, adjoint=dfx.BacksolveAdjoint()))(0.5) + 2 * np.exp(-1)) < 1e-2
assert abs(jax.jvp(lambda a: end(a, adjoint=dfx.DirectAdjoint()), (0.5,), (1.0,))[1] + 2 * np.exp(-1)) < 1e-3
assert jax.vmap(end)(jnp.linspace(0.1, 1, 4)).shape == (4,)

dense = dfx.diffeqsolve(term, dfx.Tsit5(), 0.0, 2.0, 0.1, y0, args=0.5, saveat=dfx.SaveAt(dense=True))
assert np.allclose(dense.evaluate(1.0), y0 * np.exp(-0.5), atol=1e-3)
event = dfx.Event(lambda t, y, args, **kwargs: y[0] < 0.5)
stopped = dfx.diffeqsolve(term, dfx.Tsit5(), 0.0, 9.0, 0.01, y0, args=0.5, event=event, max_steps=2000)
assert abs(stopped.ts[0] - np.log(2) / 0.5) < 0.02

path = dfx.VirtualBrownianTree(0.0, 1.0, 1e-3, (), jax.random.key(0))
noisy = dfx.MultiTerm(dfx.ODETerm(lambda t, y, a: -y), dfx.ControlTerm(lambda t, y, a: 0.1, path))
for solver in (dfx.Euler(), dfx.EulerHeun(), dfx.ItoMilstein()):
    ys = dfx.diffeqsolve(noisy, solver, 0.0, 1.0, 0.05, 1.0).ys
    assert abs(ys[0] - np.exp(-1)) < 0.3
print("diffrax", dfx.__version__)
