"""What a user calls to transform a function: jit, grad, vmap, and what looks at a program in between."""
