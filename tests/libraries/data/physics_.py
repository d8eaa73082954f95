"""jax-md, MuJoCo's MJX, e3nn-jax, s2fft: molecules, bodies with joints, rotations in three dimensions and on the sphere."""

import e3nn_jax as e3nn
import jax
import jax.numpy as jnp
import jax_md
import mujoco
import numpy as np
import s2fft
from mujoco import mjx

# ---- jax-md: argon in a box; forces are minus the gradient, energy stays, neighbour lists change nothing

N, SIZE = 64, 5.0
displacement, shift = jax_md.space.periodic(SIZE)
grid = np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3) * (SIZE / 4)
place = jnp.asarray(grid + 0.05 * np.random.RandomState(0).randn(N, 3), jnp.float32)
energy = jax.jit(jax_md.energy.lennard_jones_pair(displacement, sigma=1.0, epsilon=1.0, r_onset=1.8, r_cutoff=2.2))
forces = jax_md.quantity.force(energy)(place)
np.testing.assert_allclose(forces, -jax.grad(energy)(place), rtol=1e-5, atol=1e-4)
assert float(jnp.abs(forces.sum(0)).max()) < 1e-3

neighbor_fn, near = jax_md.energy.lennard_jones_neighbor_list(displacement, SIZE, r_onset=1.8, r_cutoff=2.2)
neighbors = neighbor_fn.allocate(place)
np.testing.assert_allclose(jax.jit(near)(place, neighbor=neighbors), energy(place), rtol=1e-4)

init, apply = jax_md.simulate.nve(energy, shift, dt=2e-3)
state = init(jax.random.key(0), place, kT=0.5)


def whole(state):
    return energy(state.position) + jax_md.quantity.kinetic_energy(momentum=state.momentum, mass=state.mass)


later = jax.jit(lambda s: jax.lax.fori_loop(0, 100, lambda _, s: apply(s), s))(state)
assert abs(float(whole(later) - whole(state))) < 0.05
assert float(jnp.abs(later.position - state.position).max()) > 1e-3

# ---- MJX: a pendulum beside MuJoCo's own C, its period, and a batch of starts

XML = """<mujoco><option timestep="0.002" integrator="RK4"/><worldbody><body pos="0 0 2">
<joint name="hinge" type="hinge" axis="0 1 0"/><geom type="sphere" pos="0 0 -1" size="0.05" mass="1"/></body></worldbody>
</mujoco>"""
model = mujoco.MjModel.from_xml_string(XML)
model_x = mjx.put_model(model)
data = mujoco.MjData(model)
data.qpos[0] = 0.3
data_x = mjx.put_data(model, data)
swing = jax.jit(lambda d: jax.lax.fori_loop(0, 200, lambda _, d: mjx.step(model_x, d), d))
end = swing(data_x)
for _ in range(200):
    mujoco.mj_step(model, data)
np.testing.assert_allclose(end.qpos, data.qpos, atol=1e-3)
np.testing.assert_allclose(end.qvel, data.qvel, atol=1e-3)

# ---- e3nn-jax: spherical harmonics turn with their argument; tensor products too

irreps = e3nn.Irreps("1o + 2e + 3o")
turn = e3nn.rand_matrix(jax.random.key(1))
x = jax.random.normal(jax.random.key(2), (5, 3))
found = e3nn.spherical_harmonics(irreps, x @ turn.T, normalize=True).array
wanted = e3nn.spherical_harmonics(irreps, x, normalize=True).transform_by_matrix(turn).array
np.testing.assert_allclose(found, wanted, atol=2e-5)
a = e3nn.normal("2x0e + 1o", jax.random.key(3), (4,))
b = e3nn.normal("1o + 1e", jax.random.key(4), (4,))
product = jax.jit(e3nn.tensor_product)
np.testing.assert_allclose(
    product(a.transform_by_matrix(turn), b.transform_by_matrix(turn)).array,
    product(a, b).transform_by_matrix(turn).array,
    atol=2e-5,
)

# ---- s2fft: to the sphere's harmonics and back

L = 8
flm = np.zeros((L, 2 * L - 1), np.complex128)
random = np.random.RandomState(0)
for order in range(L):
    for m in range(-order, order + 1):
        flm[order, L - 1 + m] = random.randn() + 1j * random.randn()
with jax.enable_x64(True):  # s2fft's recursions want it
    field = s2fft.inverse(flm, L, method="jax", sampling="dh")
    np.testing.assert_allclose(s2fft.forward(field, L, method="jax", sampling="dh"), flm, atol=1e-9)

print("physics: jax-md, mjx, e3nn-jax, s2fft")
