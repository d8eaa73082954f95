"""The primitives of first order, a family a file, each class with all that is true of it; adjoint pairs together."""
