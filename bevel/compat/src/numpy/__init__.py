"""jax._src.numpy: what libraries take from below jax.numpy."""
