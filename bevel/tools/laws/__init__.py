"""The laws of primitives: what must hold of each, tried on the samples that it gives. `bevel.testing` is the door."""
