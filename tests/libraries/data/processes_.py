"""GPJax, dm-pix, orbax: a Gaussian process, pictures, saving."""

import tempfile

import dm_pix
import gpjax as gpx
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

random, key = np.random.RandomState(0), jax.random.key(0)

# ---- GPJax: the posterior mean and variance beside the formula

at, values = jnp.linspace(0, 1, 12)[:, None], jnp.sin(6 * jnp.linspace(0, 1, 12))[:, None]
prior = gpx.gps.Prior(mean_function=gpx.mean_functions.Zero(), kernel=gpx.kernels.RBF(lengthscale=0.3, variance=1.0))
likelihood = gpx.likelihoods.Gaussian(obs_stddev=jnp.array(0.1))
data = gpx.Dataset(X=at, y=values)
new = jnp.array([[0.13], [0.6]])
predicted = (prior * likelihood)(new, data)
k = lambda a, b: np.exp(-0.5 * (np.asarray(a) - np.asarray(b).T) ** 2 / 0.09)
inverse = np.linalg.inv(k(at, at) + 0.01 * np.eye(12))
np.testing.assert_allclose(predicted.mean, (k(new, at) @ inverse @ values)[:, 0], atol=2e-3)
np.testing.assert_allclose(
    jnp.diagonal(predicted.covariance()), np.diag(k(new, new) - k(new, at) @ inverse @ k(at, new)), atol=2e-3
)

# ---- dm-pix: pictures turned, brightened, compared

picture = jnp.asarray(random.rand(16, 16, 3), jnp.float32)
np.testing.assert_array_equal(dm_pix.flip_left_right(picture), picture[:, ::-1])
np.testing.assert_array_equal(dm_pix.rot90(picture, 1), np.rot90(picture))
np.testing.assert_allclose(dm_pix.adjust_brightness(picture, 0.1), picture + 0.1, rtol=1e-6)
np.testing.assert_allclose(dm_pix.hsv_to_rgb(dm_pix.rgb_to_hsv(picture)), picture, atol=1e-5)
assert float(dm_pix.ssim(picture, picture)) == 1 and float(dm_pix.psnr(picture, picture + 0.1)) < 20.1
blurred = jax.jit(lambda p: dm_pix.gaussian_blur(p, sigma=1.0, kernel_size=5))(picture)
assert blurred.shape == picture.shape and float(blurred.std()) < float(picture.std())
assert jax.vmap(dm_pix.random_crop, (0, 0, None))(jax.random.split(key, 4), jnp.stack([picture] * 4), (8, 8, 3)).shape == (
    4, 8, 8, 3,
)  # fmt: skip

# ---- orbax: a training state saved and restored

tree = {"params": {"w": picture[0], "b": jnp.zeros(2)}, "step": jnp.int32(6), "half": jnp.ones(3, jnp.bfloat16)}
with tempfile.TemporaryDirectory() as folder:
    checkpointer = ocp.PyTreeCheckpointer()
    checkpointer.save(f"{folder}/state", tree)
    restored = checkpointer.restore(f"{folder}/state")
jax.tree.map(np.testing.assert_array_equal, restored, tree)
assert restored["half"].dtype == jnp.bfloat16

print("processes: GPJax, dm-pix, orbax")
