"""jax.example_libraries: small optimizers and layers, for programs that use them. Optax and Flax do more."""
