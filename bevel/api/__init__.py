"""What a user calls to transform a function: jit, grad, vmap, and what looks at a program in between.

Arguments are checked and taken apart here, with letters in the user's words; the work is done by the interpreters of
`transforms` and the ops of `control`, below. `bevel` itself, and `bevel.lax` for loops and branches, show these
names.
"""
