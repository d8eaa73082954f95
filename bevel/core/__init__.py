"""What a primitive, a tracer and a jaxpr are, and how a function is staged into one."""
